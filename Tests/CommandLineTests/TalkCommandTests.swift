import Foundation
import IPCSystem
import IPCTransport
import TestSupport
import Testing
import TransportCatalog

@Suite("ipclab listen and connect", .timeLimit(.minutes(2)))
struct TalkCommandTests {
  /// A port that nobody else gets while the test runs: it is reserved and can still be bound.
  private final class Port: Sendable {
    let number: String
    private let reservation: Int32

    init(_ kind: InternetSocket.Kind) throws {
      let reserved = try InternetSocket.reserve(kind)
      number = String("\(reserved.address)".split(separator: ":").last ?? "")
      // A reserved port lets nobody in but who reuses it, which socat and nc do not all do.
      reservation = -1
      reserved.socket.close()
    }
  }

  /// Every transport of the catalogue that has names, with a name to use.
  static let named = TransportCatalog.all.map(\.mechanism.id).filter { $0 != "anonymous-pipe" }

  /// Those that go both ways and notice that the other side ends.
  static let conversing = named.filter { $0 != "mailslot" && $0 != "udp" }

  private func address(_ transport: String) throws -> String {
    switch transport {
    case "tcp": "tcp:" + (try Port(.tcp).number)
    case "udp": "udp:" + (try Port(.udp).number)
    default: transport + ":demo"
    }
  }

  private func pair(
    _ room: Room, _ address: String, _ listenerWords: String...
  ) throws -> (listener: Actor, client: Actor) {
    let listener =
      listenerWords.isEmpty
      ? try room.ipclab("listen", address)
      : try room.ipclab("listen", address, listenerWords[0])
    try #require(listener.says("listening"))
    let client = try room.ipclab("connect", address)
    return (listener, client)
  }

  // MARK: - Lines

  @Test(
    "carry lines both ways, and end together when the client's input ends", arguments: conversing)
  func lines(_ transport: String) throws {
    let room = try Room()
    let (listener, client) = try pair(room, try address(transport))
    try client.type("hello\n\n")
    #expect(listener.line() == "hello")
    #expect(listener.line() == "")
    try listener.type("an answer, ünïcode\n")
    #expect(client.line() == "an answer, ünïcode")
    try client.type("without newline")
    client.endInput()
    #expect(listener.line() == "without newline")
    listener.endInput()
    #expect(try listener.status() == .exited(0))
    #expect(try client.status() == .exited(0))
    #expect(room.leftovers() == [])
  }

  @Test("send what a listener's input holds to a client that has none", arguments: conversing)
  func fromListener(_ transport: String) throws {
    let room = try Room()
    let address = try address(transport)
    let listener = try room.ipclab("listen", address)
    try listener.type("one\ntwo\n")
    listener.endInput()
    try #require(listener.says("listening"))
    let client = try room.ipclab("connect", address)
    client.endInput()
    let outcome = try client.finish()
    #expect(outcome.output == "one\ntwo\n")
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    #expect(try listener.status() == .exited(0))
    #expect(room.leftovers() == [])
  }

  @Test("end after as many messages as --count says", arguments: named)
  func count(_ transport: String) throws {
    let room = try Room()
    let address = try address(transport)
    let listener = try room.ipclab("listen", address, "--count", "2")
    try #require(listener.says("listening"))
    let client = try room.ipclab("connect", address)
    try client.type("1\n2\n3\n")
    let outcome = try listener.finish()
    #expect(outcome.output == "1\n2\n")
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    #expect(room.leftovers() == [])
  }

  @Test("over udp answer a client that asks for one message")
  func udpAnswer() throws {
    let room = try Room()
    let address = try address("udp")
    let listener = try room.ipclab("listen", address)
    try #require(listener.says("listening"))
    let client = try room.ipclab("connect", address, "--count", "1")
    try client.type("ping\n")
    client.endInput()
    #expect(listener.line() == "ping")
    try listener.type("pong\n")
    #expect(try client.finish().output == "pong\n")
    listener.signal(SIGINT)
    #expect(try listener.status() == .exited(130))
  }

  @Test("let two writers write to one mailslot, also by its Win32 name")
  func mailslot() throws {
    let room = try Room()
    let listener = try room.ipclab("listen", "mailslot:box")
    try #require(listener.says("listening"))
    for (name, line) in [("mailslot:box", "first"), (#"mailslot:\\.\mailslot\BOX"#, "second")] {
      let writer = try room.ipclab("connect", name)
      try writer.type(line + "\n")
      writer.endInput()
      #expect(try writer.status() == .exited(0))
      #expect(listener.line() == line)
    }
    listener.signal(SIGINT)
    #expect(try listener.status() == .exited(130))
    #expect(room.leftovers() == [])
  }

  @Test("talk over pipes that they inherit")
  func anonymous() throws {
    let room = try Room()
    let there = try Pipes.make(capacity: nil)
    let back = try Pipes.make(capacity: nil)
    let server = try room.ipclab(
      "listen", "anonymous-pipe:3,4",
      inherit: [(3, there.readEnd.raw), (4, back.writeEnd.raw)])
    let client = try room.ipclab(
      "connect", "anonymous-pipe:3,4",
      inherit: [(3, back.readEnd.raw), (4, there.writeEnd.raw)])
    there.readEnd.close()
    there.writeEnd.close()
    back.readEnd.close()
    back.writeEnd.close()
    try client.type("hello\n")
    client.endInput()
    #expect(server.line() == "hello")
    server.endInput()
    #expect(try server.status() == .exited(0))
    #expect(try client.status() == .exited(0))
  }

  // MARK: - Peeking

  @Test("show what is in a pipe without taking it", arguments: ["message", "byte"])
  func peek(_ kind: String) throws {
    let room = try Room()
    let (listener, client) = try pair(room, "named-pipe-\(kind):demo", "--peek")
    // Both are there before the pipe is peeked into only if they come in one piece: wait for neither.
    try client.type("one\n")
    let outcome = try listener.finish()
    #expect(outcome.output == "one\n")
    #expect(outcome.messages.contains("nothing was taken"))
    #expect(outcome.status == .exited(0))
  }

  @Test("refuse to peek into what cannot be peeked into")
  func noPeek() throws {
    let outcome = try Room().run("listen", "unix-stream:demo", "--peek")
    #expect(outcome.status == .exited(2))
    #expect(outcome.messages.contains("named pipes"))
  }

  // MARK: - Ending

  @Test(
    "leave nothing when Ctrl-C ends a listener",
    arguments: named + ["unix-stream:./path", "fifo:./path"])
  func interrupt(_ transport: String) throws {
    let room = try Room()
    let address = transport.contains(":") ? transport : try address(transport)
    for words in [["listen", address], ["listen", "--raw", address]] {
      let listener = try room.ipclab(words[0], words[1], words.count > 2 ? words[2] : "--")
      try #require(listener.says("listening"))
      listener.signal(SIGINT)
      #expect(try listener.status() == .exited(130))
      #expect(room.leftovers() == [])
      #expect(!FileManager.default.fileExists(atPath: room.path + "/path"))
    }
  }

  @Test(
    "say that a message was lost when the other side ends in the middle of it",
    arguments: [[5, 0, 0], [5, 0, 0, 0], [1, 0, 0, 0, 65, 5, 0, 0, 0, 66]] as [[UInt8]])
  func torn(_ bytes: [UInt8]) throws {
    let room = try Room()
    let listener = try room.ipclab("listen", "unix-stream:./x")
    try #require(listener.says("listening"))
    let client = try room.ipclab("connect", "--raw", "unix-stream:./x")
    try client.type(bytes)
    client.endInput()
    let outcome = try listener.finish()
    #expect(outcome.output == (bytes[0] == 1 ? "A\n" : ""))
    #expect(outcome.status == .exited(1))
    #expect(outcome.messages.contains("is lost"), "\(outcome.messages)")
  }

  @Test("print a command to copy that a shell understands, and refuse a path that is too long")
  func names() throws {
    let room = try Room()
    let listener = try room.ipclab("listen", #"named-pipe-message:a\b c"#)
    #expect(listener.says(#"ipclab connect 'named-pipe-message:a\b c'"#))
    let path = room.path + "/" + String(repeating: "x", count: 108)
    for transport in ["unix-stream", "shared-memory-event"] {
      let outcome = try room.run("listen", "\(transport):\(path)")
      #expect(outcome.status == .exited(2))
      #expect(outcome.messages.contains("at most 107 bytes"), "\(outcome.messages)")
      #expect(!outcome.messages.contains("IPCLAB_RUNTIME_DIR"))
    }
  }

  @Test("end when the other side is killed", arguments: conversing)
  func killed(_ transport: String) throws {
    let room = try Room()
    let (listener, client) = try pair(room, try address(transport))
    try client.type("hello\n")
    #expect(listener.line() == "hello")
    client.signal(SIGKILL)
    let outcome = try listener.finish()
    #expect([.exited(0), .exited(1)].contains(outcome.status), "\(outcome)")
    #expect(room.leftovers() == [])
  }

  @Test("let a name be served again after its server was killed", arguments: named)
  func reused(_ transport: String) throws {
    let room = try Room()
    let address = try address(transport)
    let first = try room.ipclab("listen", address)
    try #require(first.says("listening"))
    first.signal(SIGKILL)
    #expect(try first.status() == .signaled(SIGKILL))
    let second = try room.ipclab("listen", address, "--count", "1")
    try #require(second.says("listening"))
    let client = try room.ipclab("connect", address)
    try client.type("hello\n")
    #expect(try second.finish().output == "hello\n")
    #expect(room.leftovers() == [])
  }

  // MARK: - Errors

  @Test("offer the nearest transport and the nearest name")
  func misspelt() throws {
    let room = try Room()
    let transport = try room.run("connect", "unix-strem:x")
    #expect(transport.status == .exited(2))
    #expect(transport.messages.contains("“unix-stream”"))
    for transport in ["unix-stream", "named-pipe-message", "mailslot"] {
      let listener = try room.ipclab("listen", transport + ":weather")
      try #require(listener.says("listening"))
      let outcome = try room.run("connect", transport + ":wether")
      #expect(outcome.status == .exited(1))
      #expect(outcome.messages.contains("did you mean “weather”"), "\(outcome.messages)")
    }
  }

  @Test("say what to start when nobody listens", arguments: named)
  func nobody(_ transport: String) throws {
    let address = try address(transport)
    let outcome = try Room().run("connect", address)
    #expect(outcome.status == .exited(1))
    #expect(outcome.messages.contains("ipclab listen \(transport):"), "\(outcome.messages)")
  }

  @Test(
    "name the limit of a message that is too long, and go on",
    arguments: [
      "udp", "message-queue",
    ])
  func tooLong(_ transport: String) throws {
    let room = try Room()
    let address = try address(transport)
    let listener = try room.ipclab("listen", address, "--count", "1")
    try #require(listener.says("listening"))
    let client = try room.ipclab("connect", address)
    try client.type(String(repeating: "x", count: 70_000) + "\nshort\n")
    client.endInput()
    #expect(try listener.finish().output == "short\n")
    let outcome = try client.finish()
    #expect(outcome.status == .exited(1))
    #expect(outcome.messages.contains("line 1 has 70000 bytes"))
    #expect(outcome.messages.contains("at most "))
  }

  @Test("say that a name is taken, and by whom", arguments: ["unix-stream:demo", "fifo:./path"])
  func taken(_ address: String) throws {
    let room = try Room()
    let first = try room.ipclab("listen", address)
    try #require(first.says("listening"))
    let outcome = try room.run("listen", address)
    #expect(outcome.status == .exited(3))
    #expect(outcome.messages.contains("is taken"))
    #expect(outcome.messages.contains("process \(first.pid)"))
  }

  @Test(
    "call nonsense a mistake of usage",
    arguments: [
      ["listen"], ["connect", "a", "b"], ["listen", "tcp:foo"], ["connect", "anonymous-pipe"],
      ["listen", "anonymous-pipe:98,99"], ["listen", "tcp", "--count", "0"],
      ["connect", "mailslot:\\\\.\\pipe\\x"],
    ])
  func usage(_ words: [String]) throws {
    let room = try Room()
    let actor = try Actor(room, try LabProgram.path(), words, [])
    actor.endInput()
    #expect(try actor.status() == .exited(2))
  }

  @Test("say which form an address has when it is too long, not that there is no such host")
  func form() throws {
    let outcome = try Room().run("listen", "tcp:127.0.0.1:80:9")
    #expect(outcome.status == .exited(2))
    #expect(outcome.messages.contains("wants a port or HOST:PORT"))
  }

  // MARK: - With other programs

  private static let blob: [UInt8] = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

  @Test("in raw mode serve socat over a socket, both ways, every byte")
  func socatConnects() throws {
    let room = try Room()
    let listener = try room.ipclab("listen", "--raw", "unix-stream:./x")
    try #require(listener.says("listening"))
    let socat = try room.tool("socat", "-t30", "-", "UNIX-CONNECT:x")
    try exchange(listener, socat)
    #expect(room.leftovers() == [])
  }

  @Test("in raw mode talk to a program behind socat, which hears that the input has ended")
  func socatListens() throws {
    let room = try Room()
    let socat = try room.tool("socat", "-d", "-d", "UNIX-LISTEN:x", "EXEC:sort")
    try #require(socat.says("listening on"))
    let client = try room.ipclab("connect", "--raw", "unix-stream:./x")
    try client.type("pear\napple\n")
    client.endInput()
    let outcome = try client.finish()
    #expect(outcome.output == "apple\npear\n")
    #expect(outcome.status == .exited(0))
  }

  @Test("in raw mode serve nc over tcp, both ways, every byte")
  func ncConnects() throws {
    let room = try Room()
    let port = try Port(.tcp).number
    let listener = try room.ipclab("listen", "--raw", "tcp:\(port)")
    try #require(listener.says("listening"))
    try exchange(listener, try room.tool("nc", "-N", "127.0.0.1", port))
  }

  @Test("in raw mode connect to nc over tcp, both ways, every byte")
  func ncListens() throws {
    let room = try Room()
    let port = try Port(.tcp).number
    let nc = try room.tool("nc", "-v", "-N", "-l", "127.0.0.1", port)
    try #require(nc.says("Listening"))
    try exchange(try room.ipclab("connect", "--raw", "tcp:\(port)"), nc, endsInTurn: true)
  }

  /// Both send the same and then end their input, and both have all of it.
  ///
  /// - Parameter endsInTurn: Whether `one` ends its input when it has heard all that `other` says. An
  ///   nc that listens stops when its peer has ended and it has nothing in hand, whatever it may still
  ///   have to read from its input.
  private func exchange(_ one: Actor, _ other: Actor, endsInTurn: Bool = false) throws {
    let actors = [one, other]
    let mayEnd = Signal()
    if !endsInTurn { mayEnd.set() }
    // Each has more to send than the pipes between hold: nobody may wait for the other to finish.
    let writers = try actors.map { actor in
      let (box, isOne) = (Unshared(actor), actor === one)
      return try Background {
        try box.value.type(Self.blob)
        if isOne { try mayEnd.wait() }
        box.value.endInput()
      }
    }
    let readers = try actors.map { actor in
      let (box, isOne) = (Unshared(actor), actor === one)
      return try Background {
        box.value.awaitOutput(Self.blob.count)
        if isOne { mayEnd.set() }
        return try box.value.finishBytes()
      }
    }
    for (writer, reader) in zip(writers, readers) {
      let outcome = try reader.value()
      #expect(throws: Never.self, "\(outcome.status): \(outcome.messages)") { try writer.value() }
      #expect(outcome.output == Self.blob, "\(outcome.messages)")
      #expect(outcome.status == .exited(0), "\(outcome.messages)")
    }
  }

  @Test("in raw mode exchange datagrams with nc and socat", arguments: ["nc", "socat"])
  func datagrams(_ name: String) throws {
    let room = try Room()
    let port = try Port(.udp).number
    let listener = try room.ipclab("listen", "--raw", "udp:\(port)")
    try #require(listener.says("listening"))
    let other =
      name == "nc"
      ? try room.tool("nc", "-u", "127.0.0.1", port)
      : try room.tool("socat", "-", "UDP:127.0.0.1:\(port)")
    try other.type("ping\n")
    #expect(listener.line() == "ping")
    try listener.type("pong\n")
    #expect(other.line() == "pong")
  }

  @Test("in raw mode send datagrams to socat over a local socket")
  func localDatagrams() throws {
    let room = try Room()
    let socat = try room.tool("socat", "-d", "-d", "-u", "UNIX-RECV:x", "-")
    try #require(socat.says("starting data transfer"))
    let client = try room.ipclab("connect", "--raw", "unix-datagram:./x")
    try client.type("hello\n")
    #expect(socat.line() == "hello")
    client.endInput()
    #expect(try client.status() == .exited(0))
  }

  @Test("in raw mode read what cat writes to a FIFO, and write what cat reads")
  func cat() throws {
    let room = try Room()
    let listener = try room.ipclab("listen", "--raw", "fifo:./x")
    try #require(listener.says("listening"))
    let writer = try room.tool("sh", "-c", "cat > x")
    try writer.type(Self.blob)
    writer.endInput()
    let outcome = try listener.finishBytes()
    #expect(outcome.output == Self.blob)
    #expect(outcome.status == .exited(0))
    #expect(!FileManager.default.fileExists(atPath: room.path + "/x"))

    #expect(mkfifo(room.path + "/y", 0o600) == 0)
    // Open for reading and writing, the FIFO has a reader from the start.
    let reader = try room.tool("sh", "-c", "exec 3<>y; echo ready >&2; head -c 6 <&3")
    try #require(reader.says("ready"))
    let client = try room.ipclab("connect", "--raw", "fifo:./y")
    try client.type("hello\n")
    client.endInput()
    #expect(try client.status() == .exited(0))
    #expect(try reader.finish().output == "hello\n")
    #expect(FileManager.default.fileExists(atPath: room.path + "/y"))
  }
}
