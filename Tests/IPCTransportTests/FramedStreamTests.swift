import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@Suite struct FramedStreamTests {
  @Test(
    "messages of every size around the limits arrive whole and in order",
    arguments: [
      0, 1, 3, 4, 5, 64, 4092, 4096, 16383, 16384, 16385, 65532, 65536, 262_144, 1 << 20,
    ], Form.allCases)
  func sizes(size: Int, form: Form) throws {
    let (a, b) = try connectedPair()
    let counts = [size, 1, size, size, 0, size + 7, size]
    try SystemThread.start {
      for (index, count) in counts.enumerated() {
        try? a.send(pattern(count, seed: index), from: form, deadline: .never)
      }
      a.close()
    }
    for (index, count) in counts.enumerated() {
      #expect(
        try b.receive(upTo: size + 7, into: form, deadline: .never) == pattern(count, seed: index),
        "message \(index)")
    }
    #expect(b.receiveError(upTo: 8, into: form, deadline: .never)?.code == .endOfFile)
  }

  @Test(
    "a mixture of small and large messages keeps its order whatever was expected", arguments: 0..<8)
  func mixture(seed: Int) throws {
    let (a, b) = try connectedPair()
    var generator = seed &* 2_654_435_761 &+ 12345
    let counts = (0..<100).map { _ -> Int in
      generator = (generator &* 1_103_515_245 &+ 12345) & 0x7fff_ffff
      return [3, 300, 20_000, 70_000, 300_000][(generator >> 16) % 5] * ((generator >> 8) % 100)
        / 100
    }
    try SystemThread.start {
      for (index, count) in counts.enumerated() {
        try? a.send(
          pattern(count, seed: index), from: index % 2 == 0 ? .span : .buffer, deadline: .never)
      }
    }
    for (index, count) in counts.enumerated() {
      let limit = (index % 3 == 0) ? count : 300_000
      #expect(
        try b.receive(
          upTo: limit, into: (index / 2) % 2 == 0 ? .span : .buffer, deadline: .never)
          == pattern(count, seed: index),
        "message \(index)")
    }
  }

  @Test(
    "long runs of messages of one size arrive in order, with runs of another size between them",
    arguments: Form.allCases)
  func runs(_ form: Form) throws {
    let (a, b) = try connectedPair()
    let runs = [(64, 3000), (4000, 600), (1, 900), (16_384, 100), (0, 300), (64, 3000)]
    let counts = runs.flatMap { Array(repeating: $0.0, count: $0.1) }
    try SystemThread.start {
      for (index, count) in counts.enumerated() {
        try? a.send(pattern(count, seed: index), from: form, deadline: .never)
      }
    }
    for (index, count) in counts.enumerated() {
      let message = try b.receive(upTo: 16_384, into: form, deadline: .never)
      try #require(message == pattern(count, seed: index), "message \(index)")
    }
  }

  @Test("who has said everything can still hear the answer")
  func halfClose() throws {
    let (a, b) = try connectedPair()
    try a.send([1, 2], deadline: .never)
    #expect(a.finishSending())
    #expect(try b.receive(upTo: 8, deadline: .never) == [1, 2])
    #expect(b.receiveError(upTo: 8, deadline: .never)?.code == .endOfFile)
    try b.send([3], deadline: .never)
    #expect(try a.receive(upTo: 8, deadline: .never) == [3])
    b.close()
    #expect(a.receiveError(upTo: 8, deadline: .never)?.code == .endOfFile)
  }

  @Test("a frame that comes byte by byte is put together", arguments: Form.allCases)
  func byteByByte(_ form: Form) throws {
    let peer = try RawPeer()
    let stream = peer.stream
    let message = pattern(20, seed: 1)
    let bytes = header(20) + message
    for (index, byte) in bytes.enumerated() {
      peer.write([byte])
      if index < bytes.count - 1 {
        #expect(stream.receiveError(upTo: 20, into: form, deadline: .immediate)?.code == .timedOut)
      }
    }
    #expect(try stream.receive(upTo: 20, into: form) == message)
  }

  @Test("a deadline in the middle of a large message loses nothing", arguments: Form.allCases)
  func lateRest(_ form: Form) throws {
    let peer = try RawPeer(capacity: 1 << 20)
    let message = pattern(600_000, seed: 3)
    // Twice: for the second message the stream expects a large one.
    for _ in 0..<2 {
      peer.write(header(message.count) + message[..<300_000])
      for _ in 0..<3 {
        #expect(
          peer.stream.receiveError(upTo: 600_000, into: form, deadline: .immediate)?.code
            == .timedOut)
      }
      peer.write(Array(message[300_000...]))
      #expect(try peer.stream.receive(upTo: 600_000, into: form) == message)
    }
  }

  @Test(
    "a message that does not fit is kept, with its size, for a larger buffer",
    arguments: [5, 5000, 40_000], Form.allCases)
  func moreData(count: Int, form: Form) throws {
    let peer = try RawPeer(capacity: 1 << 20)
    // Where the stream expects a message of this size it reads much of it before it knows better;
    // after a short one, only a header.
    let before = [1, count, count]
    for seed in before.indices {
      peer.write(header(before[seed]) + pattern(before[seed]))
      #expect(try peer.stream.receive(upTo: count, into: form) == pattern(before[seed]))
      peer.write(header(count) + pattern(count, seed: seed) + header(2) + [8, 9])
      for limit in [count - 1, 0, 1] {
        let error = peer.stream.receiveError(upTo: limit, into: form)
        #expect(error?.code == .moreData)
        #expect(error?.limit == count)
      }
      #expect(try peer.stream.receive(upTo: count, into: form) == pattern(count, seed: seed))
      #expect(try peer.stream.receive(upTo: 2, into: form) == [8, 9])
    }
  }

  @Test("many small messages that come at once are handed out one by one", arguments: Form.allCases)
  func readAhead(_ form: Form) throws {
    let peer = try RawPeer(capacity: 1 << 20)
    let messages = (0..<2000).map { pattern($0 % 50, seed: $0) }
    peer.write(messages.flatMap { header($0.count) + $0 })
    for message in messages {
      #expect(try peer.stream.receive(upTo: 64, into: form, deadline: .immediate) == message)
    }
    #expect(peer.stream.receiveError(upTo: 64, into: form, deadline: .immediate)?.code == .timedOut)
  }

  @Test("a message of no bytes is a message and not the end", arguments: Form.allCases)
  func zeroLength(_ form: Form) throws {
    let peer = try RawPeer()
    peer.write(header(0) + header(0) + header(1) + [7])
    #expect(try peer.stream.receive(upTo: 0, into: form) == [])
    #expect(try peer.stream.receive(upTo: 10, into: form) == [])
    #expect(try peer.stream.receive(upTo: 10, into: form) == [7])
  }

  @Test("an absurd length is a violation and ends the connection", arguments: Form.allCases)
  func absurdLength(_ form: Form) throws {
    let peer = try RawPeer()
    peer.write([0xff, 0xff, 0xff, 0xff, 1, 2, 3])
    #expect(peer.stream.receiveError(upTo: 100, into: form)?.code == .protocolViolation)
    #expect(peer.stream.receiveError(upTo: 100, into: form)?.code == .closed)
  }

  @Test(
    "a writer that dies within a message is an error, not an end", arguments: [1, 3, 4, 9, 50_000],
    Form.allCases)
  func diesInside(bytes: Int, form: Form) throws {
    let ends = try Pipes.make(capacity: 1 << 20)
    let unused = try Pipes.make(capacity: nil)
    let stream = FramedStream(
      input: DescriptorIO(adopting: ends.readEnd), output: DescriptorIO(adopting: unused.writeEnd))
    let frame = header(60_000) + pattern(60_000, seed: 1)
    let sent = frame + frame[..<bytes]
    #expect(write(ends.writeEnd.raw, sent, sent.count) == sent.count)
    ends.writeEnd.close()
    #expect(try stream.receive(upTo: 60_000, into: form) == pattern(60_000, seed: 1))
    #expect(stream.receiveError(upTo: 60_000, into: form)?.code == .brokenPipe)
  }

  @Test("after close nothing is handed out, not even what was read ahead", arguments: Form.allCases)
  func closedWithPending(_ form: Form) throws {
    let peer = try RawPeer()
    // After the first message the stream asks for six bytes at once, and gets three messages.
    peer.write(header(6) + pattern(6))
    #expect(try peer.stream.receive(upTo: 6, into: form) == pattern(6))
    peer.write(header(0) + header(1) + [2] + header(1) + [3])
    #expect(try peer.stream.receive(upTo: 6, into: form) == [])
    peer.stream.close()
    #expect(peer.stream.receiveError(upTo: 6, into: form)?.code == .closed)
  }

  @Test("a writer that closes between messages is the end of file", arguments: Form.allCases)
  func ends(_ form: Form) throws {
    let (a, b) = try connectedPair()
    try a.send([1], from: form)
    a.close()
    #expect(try b.receive(upTo: 1, into: form) == [1])
    #expect(b.receiveError(upTo: 1, into: form)?.code == .endOfFile)
    #expect(b.receiveError(upTo: 1, into: form)?.code == .endOfFile)
  }

  @Test(
    "a send without room times out with nothing sent, and the connection goes on",
    arguments: Form.allCases)
  func sendTimesOut(_ form: Form) throws {
    let (a, b) = try connectedPair()
    var sent = 0
    var last: TransportError?
    while last == nil {
      do throws(TransportError) {
        try a.send(pattern(100, seed: sent), from: form, deadline: .immediate)
        sent += 1
      } catch { last = error }
    }
    #expect(last?.code == .timedOut)
    for index in 0..<sent {
      #expect(
        try b.receive(upTo: 100, into: form, deadline: .immediate) == pattern(100, seed: index))
    }
    #expect(b.receiveError(upTo: 100, into: form, deadline: .immediate)?.code == .timedOut)
    try a.send([1, 2], from: form)
    #expect(try b.receive(upTo: 100, into: form) == [1, 2])
  }

  @Test(
    "a send whose deadline passes within a message closes the connection", arguments: Form.allCases)
  func sendTimesOutInside(_ form: Form) throws {
    let (a, b) = try connectedPair()
    #expect(throws: TransportError.self) {
      try a.send(pattern(1 << 20, seed: 0), from: form, deadline: .immediate)
    }
    #expect(throws: TransportError.self) { try a.send([1], from: form, deadline: .never) }
    #expect(b.receiveError(upTo: 1 << 20, into: form)?.code == .brokenPipe)
  }

  @Test("writing to a reader that is gone is a broken pipe and no signal")
  func brokenPipe() throws {
    let (a, b) = try connectedPair()
    b.close()
    #expect(a.sendUntilFailure() == .brokenPipe)
  }
}
