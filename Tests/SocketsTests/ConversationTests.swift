import Glibc
import IPCSystem
import IPCTransport
import Sockets
import TestSupport
import Testing

@Suite("Conversations over sockets")
struct ConversationTests {
  let place: Place

  init() throws { place = try Place() }

  @Test("Messages arrive whole and in order, both ways", arguments: Kind.allCases)
  func order(kind: Kind) throws {
    let meeting = try place.meet(kind)
    let sizes = [1, 64, 0, 4096, 3, 65507, 0, 2049]
    for (number, size) in sizes.enumerated() {
      try meeting.client.send(pattern(size, seed: number))
      try meeting.server.send(pattern(size, seed: number + 100))
    }
    for (number, size) in sizes.enumerated() {
      #expect(try meeting.server.receive(upTo: 70000) == pattern(size, seed: number))
      #expect(try meeting.client.receive(upTo: 70000) == pattern(size, seed: number + 100))
    }
  }

  @Test(
    "Sockets with an end of file can end one direction and go on hearing", arguments: Kind.local)
  func halfClose(kind: Kind) throws {
    let meeting = try place.meet(kind)
    let client = try #require(meeting.client as? any HalfClosable)
    try client.send(pattern(5))
    guard client.finishSending() else {
      // Datagrams have none, and then nothing has happened.
      #expect(kind == .unixDatagram)
      try client.send(pattern(6))
      #expect(try meeting.server.receive() == pattern(5))
      #expect(try meeting.server.receive() == pattern(6))
      return
    }
    #expect(kind != .unixDatagram)
    #expect(try meeting.server.receive() == pattern(5))
    #expect(code { _ = try meeting.server.receive() } == .endOfFile)
    try meeting.server.send(pattern(7))
    #expect(try client.receive() == pattern(7))
  }

  @Test("Calls without a deadline carry messages as well", arguments: Kind.allCases)
  func withoutDeadline(kind: Kind) throws {
    let meeting = try place.meet(kind)
    let echo = try Background {
      for _ in 0..<3 {
        try meeting.server.send(try meeting.server.receive(deadline: .never), deadline: .never)
      }
    }
    let answers = try [5, 0, 64].map { size in
      try meeting.client.send(pattern(size), deadline: .never)
      return try meeting.client.receive(deadline: .never)
    }
    try echo.value()
    #expect(answers == [pattern(5), [], pattern(64)])
  }

  @Test("What was sent before a close is read, then comes end of file", arguments: Kind.reliable)
  func endOfFile(kind: Kind) throws {
    let meeting = try place.meet(kind)
    try meeting.client.send(pattern(10))
    try meeting.client.send([])
    meeting.client.close()
    #expect(try meeting.server.receive() == pattern(10))
    #expect(try meeting.server.receive() == [])
    #expect(code { _ = try meeting.server.receive() } == .endOfFile)
    #expect(code { _ = try meeting.server.receive() } == .endOfFile)
  }

  @Test("A message of no bytes that had no room in time is never received")
  func emptyWithoutRoom() throws {
    // Its queue holds so many packets, whatever their size; this message needs two.
    let meeting = try place.meet(.unixDatagram)
    var sent = 0
    while code({ try meeting.client.send([1], deadline: .immediate) }) == nil { sent += 1 }
    #expect(try meeting.server.receive() == [1])
    #expect(code { try meeting.client.send([], deadline: .immediate) } == .timedOut)
    for _ in 1..<sent { #expect(try meeting.server.receive() == [1]) }
    try meeting.client.send([2])
    #expect(try meeting.server.receive() == [2])
  }

  @Test("A receiver that waits without deadline sees the other end go", arguments: Kind.reliable)
  func wakesAtEnd(kind: Kind) throws {
    let meeting = try place.meet(kind)
    let seen = try Background { code { _ = try meeting.server.receive(deadline: .never) } }
    meeting.client.close()
    #expect(try seen.value() == .endOfFile)
  }

  @Test("What a peer sent is read although it left messages unread", arguments: Kind.packets)
  func unread(kind: Kind) throws {
    let meeting = try place.meet(kind)
    try meeting.server.send(pattern(7))
    try meeting.client.send(pattern(8))
    meeting.client.close()
    #expect(try meeting.server.receive() == pattern(8))
    if kind != .udp { #expect(code { _ = try meeting.server.receive() } == .endOfFile) }
  }

  @Test("Sending to an end that is closed is a broken pipe", arguments: Kind.allCases)
  func brokenPipe(kind: Kind) throws {
    let meeting = try place.meet(kind)
    meeting.client.close()
    var seen: TransportError.Code?
    // TCP and UDP learn it from the answer to an earlier message.
    while seen == nil { seen = code { try meeting.server.send(pattern(64)) } }
    #expect(seen == .brokenPipe)
  }

  @Test("A sender that waits without deadline sees the other end go", arguments: Kind.reliable)
  func wakesWriter(kind: Kind) throws {
    let meeting = try place.meet(kind)
    let seen = try Background {
      var seen: TransportError.Code?
      while seen == nil {
        seen = code { try meeting.server.send(pattern(60000), deadline: .never) }
      }
      return seen
    }
    // The first message has come, so the sender is at work and soon waits for room.
    _ = try meeting.client.receive(upTo: 60000)
    meeting.client.close()
    #expect(try seen.value() == .brokenPipe)
  }

  @Test(
    "A packet longer than the buffer is reported as cut, with its length", arguments: Kind.packets)
  func truncated(kind: Kind) throws {
    let meeting = try place.meet(kind)
    try meeting.client.send(pattern(100))
    try meeting.client.send(pattern(5))
    do {
      _ = try meeting.server.receive(upTo: 10)
      Issue.record("a message of 100 bytes fitted into 10")
    } catch {
      #expect(error.code == .truncated)
      #expect(error.limit == 100)
    }
    #expect(try meeting.server.receive(upTo: 10) == pattern(5))
  }

  @Test("A framed message longer than the buffer stays", arguments: Kind.streams)
  func stays(kind: Kind) throws {
    let meeting = try place.meet(kind)
    try meeting.client.send(pattern(100))
    #expect(code { _ = try meeting.server.receive(upTo: 10) } == .moreData)
    #expect(try meeting.server.receive(upTo: 100) == pattern(100))
  }

  @Test(
    "The longest message arrives, one byte more is refused with the limit", arguments: Kind.packets)
  func longest(kind: Kind) throws {
    let meeting = try place.meet(kind)
    let limit = try #require(kind.transport.capabilities.maximumMessage)
    let arrived = try Background { try meeting.server.receive(upTo: limit) }
    try meeting.client.send(pattern(limit), deadline: .never)
    #expect(try arrived.value() == pattern(limit))
    do {
      try meeting.client.send(pattern(limit + 1))
      Issue.record("\(limit + 1) bytes were sent")
    } catch {
      #expect(error.code == .messageTooLarge)
      #expect(error.limit == limit)
    }
    try meeting.client.send(pattern(3))
    #expect(try meeting.server.receive() == pattern(3))
  }

  @Test(
    "A receive that times out does so at its deadline and loses nothing", arguments: Kind.allCases)
  func timesOut(kind: Kind) throws {
    let meeting = try place.meet(kind)
    #expect(code { _ = try meeting.server.receive(deadline: .immediate) } == .timedOut)
    for milliseconds in [5, 120] {
      let deadline = Deadline.after(.milliseconds(milliseconds))
      #expect(code { _ = try meeting.server.receive(deadline: deadline) } == .timedOut)
      #expect(deadline.hasPassed)
    }
    try meeting.client.send(pattern(9))
    #expect(try meeting.server.receive() == pattern(9))
  }

  @Test(
    "A message that comes late is received, with a deadline and without", arguments: Kind.allCases)
  func comesLate(kind: Kind) throws {
    let meeting = try place.meet(kind)
    for deadline in [Deadline.never, .patient] {
      let receiving = try Background { try meeting.server.receive(deadline: deadline) }
      // Longer than the kernel's own time-out of a UDP socket: that is what is tested.
      usleep(150_000)
      #expect(receiving.outcome == nil)
      try meeting.client.send(pattern(7))
      #expect(try receiving.value() == pattern(7))
    }
  }

  @Test(
    "A full connection times out and takes no part of the message",
    arguments: [
      Kind.unixSeqpacket, .unixDatagram,
    ])
  func full(kind: Kind) throws {
    let meeting = try place.meet(kind)
    var sent = 0
    while code({ try meeting.client.send(pattern(2000, seed: sent), deadline: .immediate) }) == nil
    {
      sent += 1
    }
    #expect(code { try meeting.client.send([1], deadline: .after(.milliseconds(5))) } == .timedOut)
    for number in 0..<sent { #expect(try meeting.server.receive() == pattern(2000, seed: number)) }
    #expect(code { _ = try meeting.server.receive(deadline: .immediate) } == .timedOut)
  }

  @Test("Closing ends a receive, a send and an accept of other threads", arguments: Kind.allCases)
  func closes(kind: Kind) throws {
    let meeting = try place.meet(kind)
    let receiving = try Background { code { _ = try meeting.server.receive(deadline: .never) } }
    let accepting = try Background {
      code { _ = try meeting.listener.accept(deadline: .never) }
    }
    let sending = try Background {
      var seen: TransportError.Code?
      while seen == nil {
        seen = code { try meeting.client.send(pattern(60000), deadline: .never) }
      }
      return seen
    }
    meeting.listener.close()
    #expect(try accepting.value() == .closed)
    meeting.client.close()
    #expect(try sending.value() == .closed)
    meeting.server.close()
    // It may have received what the client sent, or learned that it left.
    _ = try receiving.value()
    #expect(code { try meeting.server.send([1], deadline: .never) } == .closed)
    meeting.server.close()
    meeting.listener.close()
  }

  @Test("Closing ends a receive that nothing else would end", arguments: Kind.allCases)
  func closesReceive(kind: Kind) throws {
    let meeting = try place.meet(kind)
    let receiving = try Background { code { _ = try meeting.server.receive(deadline: .never) } }
    meeting.server.close()
    #expect(try receiving.value() == .closed)
  }

  @Test("The kernel says who is at the other end of a local socket", arguments: Kind.allCases)
  func identity(kind: Kind) throws {
    let meeting = try place.meet(kind)
    let own = PeerIdentity(pid: getpid(), uid: getuid(), gid: getgid())
    #expect(meeting.server.peer == (kind.isLocal ? own : nil))
    #expect(meeting.client.peer == (kind.isLocal ? own : nil))
  }
}
