import Glibc
import IPCSystem
import IPCTransport
import NamedPipes
import TestSupport
import Testing

@Suite("Instances and clients")
struct NamedPipeInstanceTests {
  private func ends(
    _ kind: NamedPipes.Kind, _ scratch: Scratch
  ) throws -> (reader: any NativeEnd, writer: any NativeEnd) {
    let transport = NamedPipeTransport(kind: kind, runtime: scratch.runtime)
    let address = Endpoint(address: #"\\.\pipe\native"#)
    let reader = try transport.openNative(.reader, at: address, deadline: .never)
    return (reader, try transport.openNative(.writer, at: address, deadline: .never))
  }

  @Test("message mode keeps boundaries, gives long messages in parts and says so")
  func messageMode() throws {
    let scratch = try Scratch()
    let (reader, writer) = try ends(.message, scratch)
    for bytes in [[1, 2, 3, 4, 5], [], [6], Array(10..<20)] as [[UInt8]] {
      #expect(try writer.write(bytes, deadline: .never) == bytes.count)
    }
    #expect(try reader.read(upTo: 100, deadline: .never) == NativeRead(bytes: [1, 2, 3, 4, 5]))
    #expect(try reader.read(upTo: 100, deadline: .never) == NativeRead(bytes: []))
    #expect(try reader.read(upTo: 100, deadline: .never) == NativeRead(bytes: [6]))
    #expect(
      try reader.read(upTo: 4, deadline: .never)
        == NativeRead(bytes: [10, 11, 12, 13], saidMore: true))
    #expect(
      try reader.read(upTo: 100, deadline: .never) == NativeRead(bytes: [14, 15, 16, 17, 18, 19]))
    #expect(code { _ = try reader.read(upTo: 1, deadline: .immediate) } == .timedOut)
    #expect(try reader.write([7], deadline: .never) == 1)
    #expect(try writer.read(upTo: 9, deadline: .never).bytes == [7])
    writer.close()
    #expect(code { _ = try reader.read(upTo: 1, deadline: .never) } == .endOfFile)
    reader.close()
    #expect(scratch.names("pipes").isEmpty)
  }

  @Test("byte mode joins writes, and writing nothing has no effect")
  func byteMode() throws {
    let scratch = try Scratch()
    let (reader, writer) = try ends(.byte, scratch)
    for bytes in [[1, 2, 3], [], [4, 5]] as [[UInt8]] {
      _ = try writer.write(bytes, deadline: .never)
    }
    #expect(try reader.read(upTo: 2, deadline: .never) == NativeRead(bytes: [1, 2]))
    _ = try writer.write([6], deadline: .never)
    #expect(try reader.read(upTo: 9, deadline: .never).bytes == [3, 4, 5, 6])
    writer.close()
    reader.close()
  }

  @Test("a writer blocks at the quota, and what does not fit in time is taken back")
  func quota() throws {
    let scratch = try Scratch()
    let (reader, writer) = try ends(.message, scratch)
    let block = [UInt8](repeating: 1, count: 64 * 1024)
    for _ in 0..<(NamedPipes.Options.defaultQuota / block.count) {
      _ = try writer.write(block, deadline: .immediate)
    }
    #expect(code { _ = try writer.write([1], deadline: .immediate) } == .timedOut)
    #expect(
      code { _ = try writer.write([1], deadline: .after(.milliseconds(2))) } == .timedOut)
    #expect(try reader.read(upTo: block.count, deadline: .never).bytes == block)
    #expect(try writer.write([1], deadline: .immediate) == 1)
    writer.close()
    reader.close()
  }

  @Test("clients get instances in the order in which these began to listen")
  func order() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\order"#)
    let options = NamedPipes.Options(kind: .message)
    let instances = try (0..<3).map { _ in
      try NamedPipeInstance(name, in: scratch.runtime, options: options)
    }
    for instance in instances {
      let client = try NamedPipeClient(name, in: scratch.runtime, deadline: .immediate)
      try instance.acceptClient()
      #expect(instance.state == .connected)
      client.close()
    }
    #expect(
      code { _ = try NamedPipeClient(name, in: scratch.runtime, deadline: .immediate) }
        == .instancesBusy)
    instances.forEach { $0.close() }
  }

  @Test("a client that waits for an instance gets the one that is disconnected and listens again")
  func waiting() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\WAIT"#)
    let instance = try NamedPipeInstance(
      name, in: scratch.runtime, options: .init(kind: .message))
    let first = try NamedPipeClient(name, in: scratch.runtime, deadline: .never)
    let runtime = scratch.runtime
    let second = try Background {
      // Names are not case-sensitive.
      let client = try NamedPipeClient(
        try PipeName(#"\\.\pipe\wait"#), in: runtime, deadline: .never)
      _ = try client.write([42].span, deadline: .never)
      client.close()
    }
    first.close()
    try instance.disconnect()
    try instance.acceptClient()
    let bytes = try [UInt8](capacity: 4) { (buffer) throws(TransportError) in
      _ = try instance.read(into: &buffer, deadline: .never)
    }
    #expect(bytes == [42])
    try second.value()
    instance.close()
  }

  @Test("clients that wait learn that the last instance has gone")
  func waitingInVain() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\gone"#)
    let instance = try NamedPipeInstance(
      name, in: scratch.runtime, options: .init(kind: .message))
    let first = try NamedPipeClient(name, in: scratch.runtime, deadline: .never)
    let runtime = scratch.runtime
    let second = try Background {
      code { _ = try NamedPipeClient(name, in: runtime, deadline: .never) }
    }
    instance.close()
    #expect(try second.value() == .notFound)
    first.close()
  }

  @Test("what a dead server left is swept, and what is alive stays")
  func sweep() throws {
    let scratch = try Scratch()
    let registry = try NameRegistry("pipes", in: scratch.runtime)
    let dead = registry.directory(of: "dead").path
    mkdir(dead, 0o700)
    for file in ["1.owner", "1.1.sock", "state"] {
      Glibc.close(open(dead + "/" + file, O_CREAT, 0o600))
    }
    let name = try PipeName(#"\\.\pipe\alive"#)
    let alive = try NamedPipeInstance(name, in: scratch.runtime, options: .init(kind: .byte))
    NamedPipes.sweep(scratch.runtime)
    #expect(scratch.names("pipes").count == 1)
    #expect(code { _ = try NamedPipeClient(name, in: scratch.runtime, deadline: .never) } == nil)
    alive.close()
    #expect(scratch.names("pipes").isEmpty)
  }

  @Test("a runtime directory with a path too long for a socket address works")
  func longPath() throws {
    let scratch = try Scratch()
    var runtime = scratch.runtime
    for _ in 0..<3 { runtime = try runtime.subdirectory(String(repeating: "x", count: 60)) }
    let name = try PipeName(#"\\.\pipe\far"#)
    let instance = try NamedPipeInstance(name, in: runtime, options: .init(kind: .message))
    let client = try NamedPipeClient(name, in: runtime, deadline: .never)
    try instance.acceptClient()
    client.close()
    instance.close()
  }

  @Test(
    "names that are none are refused",
    arguments: [
      "x", #"\\.\pipe\"#, #"\\server\x"#, #"\\.\pipe\"# + String(repeating: "a", count: 248),
    ])
  func names(text: String) {
    #expect(code { _ = try PipeName(text) } == .invalidName)
  }
}
