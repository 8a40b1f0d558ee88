import IPCSystem
import IPCTransport
import TestSupport
import Testing
import TransportCatalog

/// What every transport must do, whatever it is made of. A transport joins by being in the catalogue.
@Suite("Every transport", .timeLimit(.minutes(2)))
struct ConformanceTests {
  @Test("has an id of its own")
  func ids() {
    let ids = TransportCatalog.all.map(\.mechanism.id)
    #expect(Set(ids).count == ids.count)
    #expect(
      Set(ids) == [
        "anonymous-pipe", "fifo", "named-pipe-message", "named-pipe-byte", "mailslot",
        "shared-memory-event", "shared-memory-semaphore", "shared-memory-spin",
        "shared-memory-hybrid", "unix-stream", "unix-seqpacket", "unix-datagram", "tcp", "udp",
        "message-queue",
      ])
  }

  @Test("carries messages of many sizes whole, both ways", arguments: Subject.all, Form.allCases)
  func sizes(_ subject: Subject, _ form: Form) throws {
    let meeting = try Meeting(subject.transport, in: try Place())
    defer { meeting.close() }
    let limit = subject.transport.capabilities.maximumMessage ?? .max
    for size in [1, 2, 7, 8, 63, 64, 65, 1000, 4095, 4096, 4097, 8192] where size <= limit {
      try meeting.clients[0].send(pattern(size), from: form)
      #expect(
        try meeting.server[0].receive(upTo: size, into: form) == pattern(size),
        "\(size) to the server")
      try meeting.server[0].send(pattern(size, seed: 5), from: form)
      #expect(
        try meeting.clients[0].receive(upTo: size + 10, into: form) == pattern(size, seed: 5),
        "\(size) to the client")
    }
  }

  @Test("carries a large message while the reader reads", arguments: Subject.all)
  func large(_ subject: Subject) throws {
    let meeting = try Meeting(subject.transport, in: try Place())
    defer { meeting.close() }
    let limit = subject.transport.capabilities.maximumMessage ?? 1 << 20
    let size = min(limit, 1 << 20)
    let client = meeting.clients[0]
    let sending = try Background { try client.send(pattern(size)) }
    #expect(try meeting.server[0].receive(upTo: size) == pattern(size))
    try sending.value()
  }

  @Test(
    "names the limit of a message that is too large, and goes on",
    arguments: Subject.having { ($0.maximumMessage ?? .max) < 1 << 26 })
  func tooLarge(_ subject: Subject) throws {
    let meeting = try Meeting(subject.transport, in: try Place())
    defer { meeting.close() }
    let limit = try #require(subject.transport.capabilities.maximumMessage)
    let error = #expect(throws: TransportError.self) {
      try meeting.clients[0].send([UInt8](repeating: 1, count: limit + 1))
    }
    #expect(error?.code == .messageTooLarge)
    #expect(error?.limit == limit)
    try meeting.clients[0].send([1, 2, 3])
    #expect(try meeting.server[0].receive(upTo: 100) == [1, 2, 3])
  }

  @Test("keeps messages apart and in order", arguments: Subject.having(\.reliable), Form.allCases)
  func order(_ subject: Subject, _ form: Form) throws {
    let meeting = try Meeting(subject.transport, in: try Place())
    defer { meeting.close() }
    let client = meeting.clients[0]
    let sending = try Background {
      for index in 0..<300 { try client.send(pattern(1 + index % 97, seed: index), from: form) }
    }
    for index in 0..<300 {
      #expect(
        try meeting.server[0].receive(upTo: 100, into: form)
          == pattern(1 + index % 97, seed: index),
        "message \(index)")
    }
    try sending.value()
  }

  @Test(
    "delivers a message of no bytes as one", arguments: Subject.having(\.reliable), Form.allCases)
  func zero(_ subject: Subject, _ form: Form) throws {
    let meeting = try Meeting(subject.transport, in: try Place())
    defer { meeting.close() }
    try meeting.clients[0].send([], from: form)
    try meeting.clients[0].send([9], from: form)
    #expect(try meeting.server[0].receive(upTo: 10, into: form).isEmpty)
    #expect(try meeting.server[0].receive(upTo: 10, into: form) == [9])
  }

  @Test(
    "says so when the buffer is too small, and loses no later message",
    arguments: Subject.having(\.reliable), Form.allCases)
  func shortBuffer(_ subject: Subject, _ form: Form) throws {
    let meeting = try Meeting(subject.transport, in: try Place())
    defer { meeting.close() }
    try meeting.clients[0].send(pattern(100))
    try meeting.clients[0].send([4])
    let error = #expect(throws: TransportError.self) {
      _ = try meeting.server[0].receive(upTo: 10, into: form)
    }
    if error?.code == .moreData {
      #expect(error?.limit == 100)
      #expect(try meeting.server[0].receive(upTo: 100, into: form) == pattern(100))
    } else {
      #expect(error?.code == .truncated)
    }
    #expect(try meeting.server[0].receive(upTo: 100, into: form) == [4])
  }

  @Test(
    "gives what was sent before the close, then end of file",
    arguments: Subject.having(\.reliable))
  func orderlyEnd(_ subject: Subject) throws {
    let meeting = try Meeting(subject.transport, in: try Place())
    defer { meeting.close() }
    for index in 0..<5 { try meeting.clients[0].send(pattern(64, seed: index)) }
    meeting.clients[0].close()
    for index in 0..<5 {
      #expect(try meeting.server[0].receive(upTo: 64) == pattern(64, seed: index))
    }
    let error = #expect(throws: TransportError.self) {
      _ = try meeting.server[0].receive(upTo: 64)
    }
    #expect(error?.code == .endOfFile)
  }

  @Test("an answer written just before the close arrives", arguments: Subject.having(\.reliable))
  func lastWords(_ subject: Subject) throws {
    for _ in 0..<20 {
      let meeting = try Meeting(subject.transport, in: try Place())
      try meeting.clients[0].send([1])
      #expect(try meeting.server[0].receive(upTo: 8) == [1])
      try meeting.server[0].send([2])
      meeting.server[0].close()
      #expect(try meeting.clients[0].receive(upTo: 8) == [2])
      meeting.close()
    }
  }

  @Test("tells a writer that the reader is gone", arguments: Subject.having(\.reliable))
  func brokenPipe(_ subject: Subject) throws {
    let meeting = try Meeting(subject.transport, in: try Place())
    defer { meeting.close() }
    meeting.server[0].close()
    // The news may take a moment; a mechanism that never tells fills up and times out.
    let error = #expect(throws: TransportError.self) {
      while true { try meeting.clients[0].send(pattern(512)) }
    }
    #expect(error?.code == .brokenPipe)
  }

  @Test("a receive that times out loses nothing", arguments: Subject.all)
  func timeout(_ subject: Subject) throws {
    let meeting = try Meeting(subject.transport, in: try Place())
    defer { meeting.close() }
    for round in 0..<3 {
      let error = #expect(throws: TransportError.self) {
        _ = try meeting.server[0].receive(upTo: 64, deadline: .after(.milliseconds(5)))
      }
      #expect(error?.code == .timedOut)
      try meeting.clients[0].send(pattern(64, seed: round))
      #expect(try meeting.server[0].receive(upTo: 64) == pattern(64, seed: round))
    }
  }

  @Test("close in another thread ends a blocked receive", arguments: Subject.all)
  func closeWakes(_ subject: Subject) throws {
    for deadline in [Deadline.never, .after(.seconds(60))] {
      let meeting = try Meeting(subject.transport, in: try Place())
      defer { meeting.close() }
      let connection = meeting.server[0]
      let receiving = try Background {
        code { _ = try connection.receive(upTo: 64, deadline: deadline) }
      }
      connection.close()
      #expect(try receiving.value() == .closed)
    }
  }

  @Test(
    "close in another thread ends a blocked accept",
    arguments: Subject.having(\.connectsByName))
  func closeWakesAccept(_ subject: Subject) throws {
    let place = try Place()
    let rendezvous = try subject.transport.rendezvous(clients: 1, scratch: place.scratch)
    let listener = try subject.transport.listen(at: inherited(rendezvous.server))
    let accepting = try Background { code { _ = try listener.accept(deadline: .never) } }
    listener.close()
    #expect(try accepting.value() == .closed)
  }

  @Test(
    "serves several clients at once and mixes nothing up",
    arguments: Subject.having(\.severalClients))
  func severalClients(_ subject: Subject) throws {
    let meeting = try Meeting(subject.transport, clients: 4, in: try Place())
    defer { meeting.close() }
    for index in 0..<4 { try meeting.clients[index].send([UInt8(index)]) }
    for connection in meeting.server {
      let name = try connection.receive(upTo: 8)
      try connection.send([name[0] + 100])
    }
    for index in 0..<4 {
      #expect(try meeting.clients[index].receive(upTo: 8) == [UInt8(index) + 100])
    }
  }

  @Test(
    "a missing server is not found at once", arguments: Subject.having { $0.reach == .anyProcess })
  func missing(_ subject: Subject) throws {
    let place = try Place()
    let rendezvous = try subject.transport.rendezvous(clients: 1, scratch: place.scratch)
    var endpoint = rendezvous.clients[0]
    endpoint.descriptors = []
    // Never: a transport that waits here hangs, and the time limit says which.
    let error = #expect(throws: TransportError.self) {
      _ = try subject.transport.connect(to: endpoint, deadline: .never)
    }
    #expect(error?.code == .notFound)
  }
}
