import Glibc
import IPCSystem
import IPCTransport
import NamedPipes
import TestSupport
import Testing

private let address = Endpoint(address: #"\\.\pipe\Test"#)

@Suite("Conversations over named pipes")
struct NamedPipeTransportTests {
  @Test(
    "messages of any size arrive whole, in order, both ways", arguments: NamedPipes.Kind.allCases)
  func sizes(kind: NamedPipes.Kind) throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: kind, runtime: scratch.runtime)
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
    for size in [0, 1, 64, 4096, 65_536, 65_552, 65_553, 1 << 20] {
      let message = pattern(size)
      try client.send(message)
      #expect(try client.receive() == message)
    }
    client.close()
    #expect(try server.value() == .endOfFile)
    listener.close()
    #expect(scratch.names("pipes").isEmpty)
  }

  @Test("a stream far beyond the quota blocks and goes on", arguments: NamedPipes.Kind.allCases)
  func stream(kind: NamedPipes.Kind) throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: kind, runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    defer { listener.close() }
    let sizes = [3, 70_000, 0, 4096, 40_000]
    let rounds = 60
    let client = try Background {
      let client = try transport.connect(to: address, deadline: .never)
      for round in 0..<rounds {
        for size in sizes { try client.send(pattern(size + round)) }
      }
      return client
    }
    let connection = try listener.accept(deadline: .never)
    for round in 0..<rounds {
      for size in sizes { #expect(try connection.receive() == pattern(size + round)) }
    }
    try client.value().close()
  }

  @Test("a missing name is not found at once")
  func missing() throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: .message, runtime: scratch.runtime)
    #expect(code { _ = try transport.connect(to: address, deadline: .never) } == .notFound)
  }

  @Test("clients that come at once are all served, and none finds the name missing")
  func manyClients() throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: .message, runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    defer { listener.close() }
    let clients = try (0..<16).map { number in
      try Background {
        let client = try transport.connect(to: address, deadline: .never)
        try client.send([UInt8(number)])
        return try client.receive()
      }
    }
    for _ in clients {
      let connection = try listener.accept(deadline: .never)
      try connection.send(try connection.receive())
      #expect(code { _ = try connection.receive(deadline: .never) } == .endOfFile)
      connection.close()
    }
    for (number, client) in clients.enumerated() { #expect(try client.value() == [UInt8(number)]) }
  }

  @Test("a client times out when the server never takes it")
  func notTaken() throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: .message, runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    defer { listener.close() }
    #expect(
      code { _ = try transport.connect(to: address, deadline: .after(.milliseconds(5))) }
        == .timedOut)
  }

  @Test("close in another thread ends a blocked accept, receive and send with .closed")
  func closing() throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: .message, runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    let (connection, peer) = try transport.meet(listener, at: address)
    let blockedReceive = try Background { code { _ = try connection.receive(deadline: .never) } }
    let blockedSend = try Background {
      code { while true { try connection.send(pattern(50_000), deadline: .never) } }
    }
    let blockedAccept = try Background { code { _ = try listener.accept(deadline: .never) } }
    // The sender is certainly blocked when this much has arrived unread; the others may or may not
    // have begun, and must end either way.
    connection.close()
    listener.close()
    #expect(try blockedReceive.value() == .closed)
    #expect(try blockedSend.value() == .closed)
    #expect(try blockedAccept.value() == .closed)
    peer.close()
  }

  @Test("a sender that is blocked learns that the receiver has closed")
  func receiverCloses() throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: .message, runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    defer { listener.close() }
    let (connection, peer) = try transport.meet(listener, at: address)
    let blocked = try Background {
      code { while true { try connection.send(pattern(50_000), deadline: .never) } }
    }
    _ = try peer.receive()
    peer.close()
    #expect(try blocked.value() == .brokenPipe)
  }

  @Test("a receive that times out in the middle of a message loses nothing")
  func timeoutKeeps() throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: .message, runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    defer { listener.close() }
    let (connection, peer) = try transport.meet(listener, at: address)
    #expect(code { _ = try peer.receive(deadline: .immediate) } == .timedOut)
    // Longer than the socket holds: the sender is in the middle of it until it is read.
    let message = pattern(6 << 20)
    let sender = try Background { try connection.send(message) }
    var received: [UInt8]?
    var timeouts = 0
    while received == nil {
      do { received = try peer.receive(upTo: 7 << 20, deadline: .immediate) } catch {
        #expect(error.code == .timedOut)
        timeouts += 1
      }
    }
    #expect(received == message)
    try sender.value()
    connection.close()
    peer.close()
  }

  @Test(
    "a message too long for the buffer is kept and its size named",
    arguments: NamedPipes.Kind.allCases)
  func moreData(kind: NamedPipes.Kind) throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: kind, runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    defer { listener.close() }
    let (connection, peer) = try transport.meet(listener, at: address)
    try peer.send(pattern(100_000))
    try peer.send([9])
    for limit in [0, 10, 40_000, 99_999] {
      do {
        _ = try connection.receive(upTo: limit)
        Issue.record("a message of 100000 bytes fitted \(limit)")
      } catch {
        #expect(error.code == .moreData && error.limit == 100_000)
      }
    }
    #expect(try connection.receive() == pattern(100_000))
    #expect(try connection.receive() == [9])
    peer.close()
    connection.close()
  }

  @Test("a send that times out transfers nothing, and the next message arrives")
  func timeoutTransfersNothing() throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: .message, runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    defer { listener.close() }
    let (connection, peer) = try transport.meet(listener, at: address)
    // Longer than the kernel takes unread: the deadline passes in the middle.
    let long = [UInt8](repeating: 1, count: 8 << 20)
    #expect(code { try peer.send(long, deadline: .immediate) } == .timedOut)
    let next = try Background { try peer.send([1, 2, 3]) }
    #expect(try connection.receive(upTo: 9 << 20) == [1, 2, 3])
    try next.value()
    peer.close()
    connection.close()
  }

  @Test("each end learns who the other is")
  func identity() throws {
    let scratch = try Scratch()
    let transport = NamedPipeTransport(kind: .message, runtime: scratch.runtime)
    let listener = try transport.listen(at: address)
    defer { listener.close() }
    let (connection, peer) = try transport.meet(listener, at: address)
    #expect(connection.peer?.pid == getpid() && peer.peer?.uid == geteuid())
    connection.close()
    peer.close()
  }
}
