import Glibc
import IPCSystem
import IPCTransport
import Mailslots
import TestSupport
import Testing

extension MailslotServer {
  fileprivate func read(limit: Int, deadline: Deadline = .never) throws -> [UInt8] {
    try [UInt8](capacity: limit) { (buffer) throws(TransportError) in
      try read(into: &buffer, deadline: deadline)
    }
  }
}

extension MailslotWriter {
  fileprivate func write(_ bytes: [UInt8], deadline: Deadline = .never) throws {
    try write(bytes.span, deadline: deadline)
  }
}

@Suite("Mailslots")
struct MailslotTests {
  private let scratch: Scratch
  private let name: MailslotName

  init() throws {
    scratch = try Scratch()
    name = try MailslotName(#"\\.\mailslot\Test"#)
  }

  @Test("messages keep their boundaries, and one of no bytes is one")
  func boundaries() throws {
    let server = try MailslotServer(name, in: scratch.runtime)
    let writer = try MailslotWriter(
      try MailslotName(#"\\.\MAILSLOT\test"#), in: scratch.runtime)
    for message in [[1, 2, 3], [], [4]] as [[UInt8]] { try writer.write(message) }
    #expect(try server.pending() == (3, 3))
    #expect(try server.read(limit: 100) == [1, 2, 3])
    #expect(try server.pending() == (2, 0))
    #expect(try server.read(limit: 100) == [])
    #expect(try server.read(limit: 100) == [4])
    #expect(code { _ = try server.read(limit: 100, deadline: .immediate) } == .timedOut)
    #expect(
      code { _ = try server.read(limit: 100, deadline: .after(.milliseconds(2))) } == .timedOut)
    server.close()
    #expect(scratch.names("mailslots").isEmpty)
  }

  @Test("a message too long for the buffer stays", arguments: [10, 5000, 100_000])
  func retention(size: Int) throws {
    let server = try MailslotServer(name, in: scratch.runtime)
    let writer = try MailslotWriter(name, in: scratch.runtime)
    try writer.write(pattern(size))
    for _ in 0..<2 {
      do {
        _ = try server.read(limit: size - 1)
        Issue.record("a message of \(size) bytes fitted \(size - 1)")
      } catch let error as TransportError {
        #expect(error.code == .moreData && error.limit == size)
      }
    }
    #expect(try server.read(limit: size) == pattern(size))
    server.close()
  }

  @Test("what a writer wrote before it closed is read, and the mailslot waits for the next")
  func writerCloses() throws {
    let server = try MailslotServer(name, in: scratch.runtime)
    let writer = try MailslotWriter(name, in: scratch.runtime)
    try writer.write([1])
    writer.close()
    #expect(try server.read(limit: 9) == [1])
    #expect(code { _ = try server.read(limit: 9, deadline: .immediate) } == .timedOut)
    let next = try MailslotWriter(name, in: scratch.runtime)
    try next.write([2])
    #expect(try server.read(limit: 9) == [2])
    #expect(server.peer?.pid == getpid())
    server.close()
    #expect(code { try next.write([3]) } == .brokenPipe)
  }

  @Test("a name has one reader, and is free when that has closed")
  func oneReader() throws {
    let server = try MailslotServer(name, in: scratch.runtime)
    #expect(code { _ = try MailslotServer(name, in: scratch.runtime) } == .nameInUse)
    server.close()
    #expect(code { _ = try MailslotWriter(name, in: scratch.runtime) } == .notFound)
    try MailslotServer(name, in: scratch.runtime).close()
  }

  @Test("messages of several writers arrive in order per writer")
  func severalWriters() throws {
    let server = try MailslotServer(name, in: scratch.runtime)
    let (name, runtime) = (name, scratch.runtime)
    let count = 300
    let writers = try (0..<4).map { number in
      try Background {
        let writer = try MailslotWriter(name, in: runtime)
        for step in 0..<count {
          try writer.write([UInt8(number), UInt8(step & 255), UInt8(step >> 8)])
        }
        writer.close()
      }
    }
    var next = [Int](repeating: 0, count: writers.count)
    for _ in 0..<(count * writers.count) {
      let message = try server.read(limit: 9)
      let writer = Int(message[0])
      #expect(Int(message[1]) | Int(message[2]) << 8 == next[writer])
      next[writer] += 1
    }
    for writer in writers { try writer.value() }
    server.close()
  }

  @Test("a writer that nobody reads from blocks, and loses nothing")
  func blocks() throws {
    let server = try MailslotServer(name, in: scratch.runtime)
    let writer = try MailslotWriter(name, in: scratch.runtime)
    var sent = 0
    let failure = code {
      while true {
        try writer.write(pattern(1000 + sent % 7), deadline: .immediate)
        sent += 1
      }
    }
    #expect(failure == .timedOut && sent > 100)
    for number in 0..<sent { #expect(try server.read(limit: 2000).count == 1000 + number % 7) }
    #expect(code { _ = try server.read(limit: 2000, deadline: .immediate) } == .timedOut)
    server.close()
  }

  @Test("a message that its writer gave up in the middle is never seen")
  func givenUp() throws {
    let server = try MailslotServer(name, in: scratch.runtime)
    let writer = try MailslotWriter(name, in: scratch.runtime)
    let most = [UInt8](repeating: 1, count: Mailslots.maximumMessage)
    #expect(code { try writer.write(most, deadline: .immediate) } == .timedOut)
    let next = try Background { try writer.write([5]) }
    #expect(try server.read(limit: most.count) == [5])
    try next.value()
    #expect(code { try writer.write(most + [0]) } == .messageTooLarge)
    server.close()
  }

  @Test("close ends a read with .closed")
  func close() throws {
    let server = try MailslotServer(name, in: scratch.runtime)
    let reader = try Background { code { _ = try server.read(limit: 9) } }
    server.close()
    #expect(try reader.value() == .closed)
  }

  @Test("a writer that breaks the protocol is dropped, the others are not")
  func hostile() throws {
    let server = try MailslotServer(name, in: scratch.runtime)
    let directory = try NameRegistry("mailslots", in: scratch.runtime).directory(of: name.base)
    let socket = try LocalSocket.make(.seqpacket)
    let file = try #require(directory.entries().first { $0.rest.hasSuffix(".sock") })
    try directory.connect(socket.raw, to: file.name)
    try LocalSocket.send([UInt8](repeating: 0xff, count: 40), descriptors: [], over: socket.raw)
    let writer = try MailslotWriter(name, in: scratch.runtime)
    try writer.write([1])
    #expect(try server.read(limit: 9) == [1])
    #expect(code { _ = try server.read(limit: 9, deadline: .immediate) } == .timedOut)
    server.close()
  }
}

@Suite("Conversations over mailslots")
struct MailslotTransportTests {
  private let address = Endpoint(address: #"\\.\mailslot\talk"#)

  @Test("messages of any size arrive whole, in order, both ways")
  func sizes() throws {
    let scratch = try Scratch()
    let transport = MailslotTransport(runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    let server = try Background {
      let connection = try listener.accept(deadline: .never)
      while true {
        do { try connection.send(try connection.receive()) } catch {
          return (error as? TransportError)?.code
        }
      }
    }
    let client = try transport.connect(to: address, deadline: .never)
    for size in [0, 1, 64, 4096, 65_552, 65_553, 1 << 20] {
      try client.send(pattern(size))
      #expect(try client.receive() == pattern(size))
    }
    client.close()
    #expect(try server.value() == .endOfFile)
    listener.close()
    #expect(scratch.names("mailslots").isEmpty)
  }

  @Test("a missing server is not found at once, and one that does not answer times out")
  func missing() throws {
    let scratch = try Scratch()
    let transport = MailslotTransport(runtime: scratch.runtime)
    #expect(code { _ = try transport.connect(to: address, deadline: .never) } == .notFound)
    let listener = try transport.listen(at: address)
    #expect(
      code { _ = try transport.connect(to: address, deadline: .after(.milliseconds(2))) }
        == .timedOut)
    // The client that gave up is passed over.
    let client = try Background { try transport.connect(to: address, deadline: .never) }
    let connection = try listener.accept(deadline: .never)
    try connection.send([1])
    #expect(try client.value().receive() == [1])
    listener.close()
  }

  @Test("a client learns that the server has closed before it answered")
  func serverCloses() throws {
    let scratch = try Scratch()
    let transport = MailslotTransport(runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    let client = try Background {
      code { _ = try transport.connect(to: address, deadline: .never) }
    }
    listener.close()
    #expect(try client.value() == .notFound)
  }

  @Test("close in another thread ends a blocked accept, receive and send with .closed")
  func closing() throws {
    let scratch = try Scratch()
    let transport = MailslotTransport(runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    let (connection, peer) = try transport.meet(listener, at: address)
    let receive = try Background { code { _ = try connection.receive(deadline: .never) } }
    let send = try Background {
      code { while true { try connection.send(pattern(50_000), deadline: .never) } }
    }
    let accept = try Background { code { _ = try listener.accept(deadline: .never) } }
    connection.close()
    listener.close()
    #expect(try receive.value() == .closed)
    #expect(try send.value() == .closed)
    #expect(try accept.value() == .closed)
    peer.close()
  }

  @Test("several clients talk at once")
  func severalClients() throws {
    let scratch = try Scratch()
    let transport = MailslotTransport(runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    let clients = try (0..<8).map { number in
      try Background {
        let client = try transport.connect(to: address, deadline: .never)
        try client.send([UInt8(number)])
        return try client.receive()
      }
    }
    let connections = try clients.map { _ in try listener.accept(deadline: .never) }
    for connection in connections { try connection.send(try connection.receive()) }
    for (number, client) in clients.enumerated() { #expect(try client.value() == [UInt8(number)]) }
    connections.forEach { $0.close() }
    listener.close()
  }
}
