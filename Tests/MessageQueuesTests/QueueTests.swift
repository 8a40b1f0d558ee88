import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@testable import MessageQueues

@Suite("Conversations over message queues")
struct QueueTests {
  let place: Place

  init() throws { place = try Place() }

  private var limit: Int { MessageQueue().capabilities.maximumMessage ?? 0 }

  @Test("Messages arrive whole and in order, both ways, whatever the buffer")
  func order() throws {
    let meeting = try place.meet()
    let sizes = [1, 64, 0, 4096, limit]
    for (number, size) in sizes.enumerated() {
      try meeting.client.send(pattern(size, seed: number))
      try meeting.client.send(pattern(size, seed: number + 50))
      try meeting.server.send(pattern(size, seed: number + 100))
      #expect(try meeting.server.receive(upTo: size) == pattern(size, seed: number))
      #expect(try meeting.server.receive(upTo: 100_000) == pattern(size, seed: number + 50))
      #expect(try meeting.client.receive(upTo: 100_000) == pattern(size, seed: number + 100))
    }
  }

  @Test("A message longer than the buffer stays, until the end", arguments: Form.allCases)
  func stays(_ form: Form) throws {
    let meeting = try place.meet()
    try meeting.client.send(pattern(100))
    try meeting.client.send(pattern(5))
    try meeting.client.send(pattern(50))
    #expect(code { _ = try meeting.server.receive(upTo: 10, into: form) } == .moreData)
    #expect(code { _ = try meeting.server.receive(upTo: 99, into: form) } == .moreData)
    #expect(try meeting.server.receive(upTo: 100_000, into: form) == pattern(100))
    #expect(try meeting.server.receive(upTo: 5, into: form) == pattern(5))
    #expect(code { _ = try meeting.server.receive(upTo: 10, into: form) } == .moreData)
    meeting.server.close()
    #expect(code { _ = try meeting.server.receive(upTo: 100, into: form) } == .closed)
  }

  @Test("A message above the limit is refused with the limit")
  func tooLong() throws {
    let meeting = try place.meet()
    do {
      try meeting.client.send(pattern(limit + 1))
      Issue.record("\(limit + 1) bytes were sent")
    } catch {
      #expect(error.code == .messageTooLarge)
      #expect(error.limit == limit)
      #expect(error.remedy?.contains("msgsize_max") == true)
    }
  }

  @Test("What was sent before a close is read, then comes end of file")
  func endOfFile() throws {
    let meeting = try place.meet()
    try meeting.client.send(pattern(10))
    try meeting.client.send([])
    meeting.client.close()
    #expect(try meeting.server.receive() == pattern(10))
    #expect(try meeting.server.receive() == [])
    #expect(code { _ = try meeting.server.receive(deadline: .never) } == .endOfFile)
    #expect(code { _ = try meeting.server.receive(deadline: .never) } == .endOfFile)
  }

  @Test(
    "End of file comes after a queue that was full when the peer went", arguments: [true, false])
  func fullAtEnd(withDeadline: Bool) throws {
    let meeting = try place.meet()
    var sent = 0
    while code({ try meeting.client.send([UInt8(sent)], deadline: .immediate) }) == nil {
      sent += 1
    }
    meeting.client.close()
    let deadline = withDeadline ? Deadline.patient : .never
    for number in 0..<sent {
      #expect(try meeting.server.receive(deadline: deadline) == [UInt8(number)])
    }
    let seen = code { _ = try meeting.server.receive(deadline: deadline) }
    #expect(seen == .endOfFile)
  }

  @Test("A receiver that waits sees the other end go", arguments: [true, false])
  func wakesReader(withDeadline: Bool) throws {
    let meeting = try place.meet()
    let seen = try Background {
      code { _ = try meeting.server.receive(deadline: withDeadline ? .patient : .never) }
    }
    meeting.client.close()
    #expect(try seen.value() == .endOfFile)
  }

  @Test("A sender that waits sees the other end go", arguments: [true, false])
  func wakesWriter(withDeadline: Bool) throws {
    let meeting = try place.meet()
    let seen = try Background {
      var seen: TransportError.Code?
      while seen == nil {
        seen = code {
          try meeting.server.send(pattern(64), deadline: withDeadline ? .patient : .never)
        }
      }
      return seen
    }
    _ = try meeting.client.receive()
    meeting.client.close()
    #expect(try seen.value() == .brokenPipe)
  }

  @Test("Times out without losing anything, full or empty")
  func timesOut() throws {
    let meeting = try place.meet()
    #expect(
      code { _ = try meeting.server.receive(deadline: .after(.milliseconds(5))) } == .timedOut)
    var sent = 0
    while code({ try meeting.client.send([UInt8(sent)], deadline: .immediate) }) == nil {
      sent += 1
    }
    #expect(code { try meeting.client.send([0], deadline: .after(.milliseconds(5))) } == .timedOut)
    for number in 0..<sent { #expect(try meeting.server.receive() == [UInt8(number)]) }
    #expect(code { _ = try meeting.server.receive(deadline: .immediate) } == .timedOut)
  }

  @Test("Closing ends a receive, a send and an accept of other threads")
  func closes() throws {
    let meeting = try place.meet()
    let receiving = try Background { code { _ = try meeting.server.receive(deadline: .never) } }
    let accepting = try Background { code { _ = try meeting.listener.accept(deadline: .never) } }
    meeting.server.close()
    meeting.listener.close()
    #expect(try receiving.value() == .closed)
    #expect(try accepting.value() == .closed)
    #expect(code { try meeting.server.send([1], deadline: .never) } == .closed)
    let other = try place.meet()
    let sending = try Background {
      var seen: TransportError.Code?
      while seen == nil { seen = code { try other.client.send([1], deadline: .never) } }
      return seen
    }
    _ = try other.server.receive()
    other.client.close()
    #expect(try sending.value() == .closed)
  }

  @Test("The kernel says who is at the other end")
  func identity() throws {
    let meeting = try place.meet()
    let own = PeerIdentity(pid: getpid(), uid: getuid(), gid: getgid())
    #expect(meeting.server.peer == own)
    #expect(meeting.client.peer == own)
  }

  @Test("No queue has a name once the client is connected")
  func nameless() throws {
    let meeting = try place.meet()
    let name = QueueAddress(meeting.address).queue
    do {
      _ = try MessageQueueCalls.open(name, .both)
      Issue.record("the queue \(name) still has its name")
    } catch { #expect(error.code == ENOENT) }
  }

  @Test("A queue that a killed client left does not disturb the next one, and the name is recorded")
  func leftBehind() throws {
    let meeting = try MessageQueue().rendezvous(clients: 16, scratch: place.scratch)
    let name = QueueAddress(meeting.server).queue
    let recorded = DirectoryListing.names(in: place.scratch.path)
    #expect(recorded.contains("mq%" + name.dropFirst()))
    let stale = try MessageQueueCalls.create(name, .both, .init(depth: 1, messageSize: 8))
    stale.close()
    let listener = try MessageQueue().listen(at: meeting.server)
    let client = try MessageQueue().connect(to: meeting.clients[0], deadline: .patient)
    try client.send(pattern(limit))
    #expect(try listener.accept(deadline: .patient).receive(upTo: limit) == pattern(limit))
  }

  @Test("A path alone is an address, and the path of a dead server can be used again")
  func pathOnly() throws {
    let endpoint = Endpoint(address: place.scratch.path + "/alone")
    let dead = try LocalSocket.make(.seqpacket)
    try LocalSocket.claim(dead.raw, path: endpoint.address, backlog: 1, stale: .refuse)
    dead.close()
    #expect(
      code { _ = try MessageQueue().connect(to: endpoint, deadline: .patient) } == .notFound)
    let listener = try MessageQueue().listen(at: endpoint)
    #expect(code { _ = try MessageQueue().listen(at: endpoint) } == .nameInUse)
    let client = try MessageQueue().connect(to: endpoint, deadline: .patient)
    try client.send([1])
    #expect(try listener.accept(deadline: .patient).receive() == [1])
  }

  @Test("Clients that hand over something else do not keep others away")
  func impostors() throws {
    let meeting = try MessageQueue().rendezvous(clients: 16, scratch: place.scratch)
    let listener = try MessageQueue().listen(at: meeting.server)
    let path = QueueAddress(meeting.server).path
    let silent = try LocalSocket.make(.seqpacket)
    try LocalSocket.connect(silent.raw, to: path)
    let pipe = try Pipes.make(capacity: nil)
    let impostor = try LocalSocket.make(.seqpacket)
    try LocalSocket.connect(impostor.raw, to: path)
    try LocalSocket.send(
      MessageQueue.hello, descriptors: [pipe.readEnd.raw, pipe.writeEnd.raw], over: impostor.raw)
    let client = try MessageQueue().connect(to: meeting.clients[0], deadline: .patient)
    try client.send([7])
    #expect(try listener.accept(deadline: .patient).receive() == [7])
    #expect(code { _ = try listener.accept(deadline: .immediate) } == .timedOut)
  }
}
