import IPCSystem
import IPCTransport
import NamedPipes
import TestSupport
import Testing

@Suite("Pipes of several computers")
struct ComputerTests {
  private func instance(
    _ name: String, on computer: String?, _ scratch: Scratch,
    access: NamedPipes.AccessControl = .sameUser
  ) throws -> NamedPipeInstance {
    var options = NamedPipes.Options(kind: .message)
    options.computer = try computer.map { try VirtualComputer(name: $0) }
    options.access = access
    return try NamedPipeInstance(PipeName(name), in: scratch.runtime, options: options)
  }

  private func client(_ name: String, _ scratch: Scratch) throws -> NamedPipeClient {
    try NamedPipeClient(PipeName(name), in: scratch.runtime, deadline: .immediate)
  }

  /// What a client reads that the instance has written to.
  private func says(_ instance: NamedPipeInstance, _ client: NamedPipeClient) throws -> [UInt8] {
    let word = [UInt8](instance.name.base.utf8) + [UInt8.random(in: 0...255)]
    _ = try instance.write(word.span, deadline: .never)
    let seen = try [UInt8](capacity: 100) { buffer in
      _ = try client.read(into: &buffer, deadline: .never)
    }
    return seen == word ? Array(word.dropLast()) : seen
  }

  @Test("each computer has its own pipe of a name, reached by the computer's name")
  func sameName() throws {
    let scratch = try Scratch()
    let servers = try [
      instance(#"\\.\pipe\x"#, on: "alpha", scratch), instance(#"\\.\pipe\x"#, on: "BETA", scratch),
      instance(#"\\.\pipe\x"#, on: nil, scratch),
    ]
    let names = [#"\\Alpha\pipe\X"#, #"\\beta\PIPE\x"#, #"\\.\pipe\x"#]
    for (server, name) in zip(servers, names) {
      let client = try client(name, scratch)
      #expect(try says(server, client) == Array("x".utf8))
      // It was this server's only instance.
      #expect(code { _ = try self.client(name, scratch) } == .instancesBusy)
      client.close()
    }
    servers.forEach { $0.close() }
    #expect(scratch.names("pipes").isEmpty)
    #expect(scratch.names("pipes@ALPHA").isEmpty)
  }

  @Test("the machine's own name is the machine")
  func machine() throws {
    let scratch = try Scratch()
    let name = try VirtualComputer().name
    let server = try instance(#"\\.\pipe\own"#, on: nil, scratch)
    let client = try client(#"\\"# + name + #"\pipe\own"#, scratch)
    #expect(try says(server, client) == Array("own".utf8))
    #expect(
      code { _ = try self.client(#"\\"# + name + #"\pipe\none"#, scratch) } == .notFound)
    client.close()
    server.close()
  }

  @Test("a computer that nobody is differs from one that has no such pipe")
  func unknown() throws {
    let scratch = try Scratch()
    let missing = #"\\gamma\pipe\x"#
    #expect(code { _ = try self.client(missing, scratch) } == .computerNotFound)
    #expect(
      code {
        try NamedPipes.waitForInstance(
          of: PipeName(missing), in: scratch.runtime, deadline: .immediate)
      } == .computerNotFound)
    // To ask does not make it known.
    #expect(code { _ = try self.client(missing, scratch) } == .computerNotFound)
    let server = try instance(#"\\.\pipe\other"#, on: "gamma", scratch)
    #expect(code { _ = try self.client(missing, scratch) } == .notFound)
    #expect(code { _ = try self.client(#"\\.\pipe\other"#, scratch) } == .notFound)
    server.close()
    #expect(code { _ = try self.client(missing, scratch) } == .computerNotFound)
    for host in ["a/../b", "name with blanks", "sixteencharacter", "*"] {
      #expect(
        code { _ = try self.client(#"\\"# + host + #"\pipe\x"#, scratch) } == .computerNotFound)
    }
  }

  @Test("a pipe that other users may open is found by the computer's name")
  func shared() throws {
    let scratch = try Scratch()
    let server = try instance(#"\\.\pipe\all"#, on: "delta", scratch, access: .everyone)
    let client = try client(#"\\DELTA\pipe\all"#, scratch)
    #expect(try says(server, client) == Array("all".utf8))
    client.close()
    server.close()
    #expect(scratch.sharedNames.isEmpty)
  }

  @Test("a pipe cannot be created on another computer")
  func elsewhere() throws {
    let scratch = try Scratch()
    #expect(code { _ = try instance(#"\\alpha\pipe\x"#, on: nil, scratch) } == .invalidName)
    for text in [#"\\\pipe\x"#, #"\\alpha\pipe\"#, #"\\alpha\mailslot\x"#, #"alpha\pipe\x"#] {
      #expect(code { _ = try PipeName(text) } == .invalidName)
    }
  }
}
