import IPCSystem
import IPCTransport
import TestSupport
import Testing

@testable import SharedMemory

@Suite("Shared-memory conversations")
struct ConversationTests {
  @Test(
    "messages of all sizes arrive in order, both ways, over many rounds of the ring",
    arguments: WaitPolicy.allCases)
  func order(_ policy: WaitPolicy) async throws {
    let seed: UInt64 = 42
    let ok = try await blocking {
      let pair = try SharedRing.pair(policy: policy)
      @Sendable func sizes() -> [Int] {
        var generator = SeededGenerator(seed: seed)
        return (0..<200).map { index in
          switch index % 8 {
          case 0: Int.random(in: 0...64, using: &generator)
          case 7: Int.random(in: 0...300_000, using: &generator)
          default: Int.random(in: 0...9000, using: &generator)
          }
        }
      }
      let echo = try Background {
        for _ in sizes() {
          try pair.server.send(pair.server.receive(deadline: .never), deadline: .never)
        }
      }
      let sender = try Background {
        for (index, size) in sizes().enumerated() {
          try pair.client.send([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size))
        }
      }
      var good = 0
      for (index, size) in sizes().enumerated() {
        let bytes = try pair.client.receive()
        let mark = UInt8(truncatingIfNeeded: index)
        if bytes.count == size && bytes.allSatisfy({ $0 == mark }) { good += 1 }
      }
      try sender.value()
      try echo.value()
      return good
    }
    #expect(ok == 200, "seed \(seed)")
  }

  /// A receiver that spins promises the sender to run its fences; just when it is about to sleep it
  /// must not miss a message.
  @Test(
    "a receiver on another processor that spins and sleeps by turns misses nothing",
    .enabled(if: Processor.allowed().count > 1), arguments: [WaitPolicy.hybrid, .event])
  func spinningAndSleeping(_ policy: WaitPolicy) async throws {
    let received = try await blocking {
      let pair = try SharedRing.pair(policy: policy)
      let processors = Processor.allowed()
      let count = 60_000
      let sender = try Background {
        try Processor.pin(to: processors[0])
        var generator = SeededGenerator(seed: 11)
        for number in 0..<count {
          let end = MonotonicClock.now() + UInt64.random(in: 0...8000, using: &generator)
          while MonotonicClock.now() < end {}
          try pair.client.send([UInt8(truncatingIfNeeded: number)], deadline: .never)
        }
      }
      let receiver = try Background {
        try Processor.pin(to: processors[1])
        for number in 0..<count {
          let bytes = try pair.server.receive(deadline: .after(.seconds(60)))
          if bytes != [UInt8(truncatingIfNeeded: number)] { return number }
        }
        return count
      }
      try sender.value()
      return try receiver.value()
    }
    #expect(received == 60_000)
  }

  @Test("the longest message fits an empty ring wherever it stands, and one byte more is refused")
  func longest() async throws {
    let (outcomes, refusal) = try await blocking {
      let pair = try SharedRing.pair(policy: .event)
      let longest = SharedRing.maximumMessage
      var outcomes: [Bool] = []
      for size in [longest, 100_000, longest, longest, 3_000_000, 5, longest, 2_000_000, longest] {
        try pair.client.send([UInt8](repeating: 3, count: size), deadline: .immediate)
        outcomes.append(try pair.server.receive(upTo: longest).count == size)
      }
      do {
        try pair.client.send([UInt8](repeating: 0, count: longest + 1))
        return (outcomes, TransportError?.none)
      } catch let error as TransportError { return (outcomes, error) }
    }
    #expect(outcomes.allSatisfy { $0 })
    #expect(refusal?.code == .messageTooLarge)
    #expect(refusal?.limit == SharedRing.maximumMessage)
  }

  @Test("a message that does not fit the buffer is refused with its size and stays")
  func shortRead() async throws {
    let (limit, kept) = try await blocking {
      let pair = try SharedRing.pair(policy: .event)
      try pair.client.send([1, 2, 3, 4])
      do {
        _ = try pair.server.receive(upTo: 3)
        return (Int?.none, [UInt8]())
      } catch let error as TransportError {
        return (error.code == .moreData ? error.limit : nil, try pair.server.receive(upTo: 4))
      }
    }
    #expect(limit == 4)
    #expect(kept == [1, 2, 3, 4])
  }

  @Test(
    "a full ring makes the sender wait, and a message that waited in vain left nothing",
    arguments: WaitPolicy.allCases)
  func full(_ policy: WaitPolicy) async throws {
    let (sent, late, received) = try await blocking {
      let pair = try SharedRing.pair(policy: policy)
      let sent = try pair.client.fill([UInt8](repeating: 9, count: 1000))
      let late = code {
        try pair.client.send(
          [UInt8](repeating: 8, count: 1000), deadline: .after(.milliseconds(2)))
      }
      var received = 0
      while let bytes = try? pair.server.receive(deadline: .immediate) {
        if bytes == [UInt8](repeating: 9, count: 1000) { received += 1 }
      }
      try pair.client.send([1], deadline: .immediate)
      if try pair.server.receive() == [1] { received += 1 }
      return (sent, late, received)
    }
    #expect(sent > 10)
    #expect(late == .timedOut)
    #expect(received == sent + 1)
  }

  @Test(
    "a sender that waits for room goes on when the reader makes some",
    arguments: WaitPolicy.allCases)
  func room(_ policy: WaitPolicy) async throws {
    let received = try await blocking {
      let pair = try SharedRing.pair(policy: policy)
      let message = [UInt8](repeating: 1, count: 20_000)
      let filled = try pair.client.fill(message)
      let sender = try Background { for _ in 0..<50 { try pair.client.send(message) } }
      for _ in 0..<(filled + 50) {
        if try pair.server.receive() != message { return false }
      }
      try sender.value()
      return true
    }
    #expect(received)
  }

  @Test("a receive that times out loses nothing", arguments: WaitPolicy.allCases)
  func receiveDeadline(_ policy: WaitPolicy) async throws {
    let (late, at, bytes) = try await blocking {
      let pair = try SharedRing.pair(policy: policy)
      let late = code { _ = try pair.server.receive(deadline: .after(.milliseconds(2))) }
      let at = code { _ = try pair.server.receive(deadline: .immediate) }
      try pair.client.send([5])
      return (late, at, try pair.server.receive(deadline: .after(.seconds(60))))
    }
    #expect(late == .timedOut)
    #expect(at == .timedOut)
    #expect(bytes == [5])
  }

  @Test("close() gets a thread out of a receive", arguments: WaitPolicy.allCases)
  func closeReceiver(_ policy: WaitPolicy) async throws {
    let ended = try await blocking {
      let pair = try SharedRing.pair(policy: policy)
      let receiver = try Background { code { _ = try pair.server.receive(deadline: .never) } }
      pair.server.close()
      pair.server.close()
      return try receiver.value()
    }
    #expect(ended == .closed)
  }

  @Test("close() gets a thread out of a send", arguments: WaitPolicy.allCases)
  func closeSender(_ policy: WaitPolicy) async throws {
    let ended = try await blocking {
      let pair = try SharedRing.pair(policy: policy)
      _ = try pair.client.fill([UInt8](repeating: 0, count: 5000))
      let sender = try Background {
        code { try pair.client.send([UInt8](repeating: 0, count: 5000), deadline: .never) }
      }
      pair.client.close()
      return try sender.value()
    }
    #expect(ended == .closed)
  }

  @Test(
    "when the peer is gone its messages can still be read, then comes end of file",
    arguments: WaitPolicy.allCases)
  func peerGone(_ policy: WaitPolicy) async throws {
    let (bytes, ended, broken) = try await blocking {
      let pair = try SharedRing.pair(policy: policy)
      try pair.client.send([1])
      try pair.client.send([])
      pair.client.close()
      let bytes = [try pair.server.receive(), try pair.server.receive()]
      let ended = code { _ = try pair.server.receive() }
      return (bytes, ended, code { try pair.server.send([2]) })
    }
    #expect(bytes == [[1], []])
    #expect(ended == .endOfFile)
    #expect(broken == .brokenPipe)
  }

  @Test("a sender that waits for room hears that the peer is gone", arguments: WaitPolicy.allCases)
  func peerGoneWhileFull(_ policy: WaitPolicy) async throws {
    let broken = try await blocking {
      let pair = try SharedRing.pair(policy: policy)
      _ = try pair.client.fill([UInt8](repeating: 0, count: 5000))
      let sender = try Background {
        code { try pair.client.send([UInt8](repeating: 0, count: 5000), deadline: .never) }
      }
      pair.server.close()
      return try sender.value()
    }
    #expect(broken == .brokenPipe)
  }

  @Test("loans are written and read in place, aligned to a cache line")
  func loans() async throws {
    let (sum, aligned, failed) = try await blocking {
      let pair = try SharedRing.pair(policy: .event)
      try pair.client.send(count: 1000, deadline: .never) { span in
        for index in span.indices { span[index] = UInt8(truncatingIfNeeded: index) }
      }
      let (sum, aligned) = try pair.server.receive(deadline: .never) { span in
        var sum = 0
        for index in span.indices { sum += Int(span[index]) }
        let address = span.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
        return (sum, address % 64 == 0)
      }
      let failed = code { _ = try pair.server.receive(deadline: .immediate) }
      return (sum, aligned, failed)
    }
    #expect(sum == (0..<1000).reduce(0) { $0 + $1 % 256 })
    #expect(aligned)
    #expect(failed == .timedOut)
  }

  @Test("an empty ring has room for the longest message at every place")
  func layout() {
    for count in [0, 1, 56, 57, 64, 4096, 65536, 1 << 20, RingLayout.maximumMessage] {
      let record = RingLayout.record(count)
      #expect(record >= count)
      for head in stride(from: 0, to: RingLayout.capacity, by: 64 * 997) {
        let atHead = head + record <= RingLayout.window(record)
        let atStart = record < head - RingLayout.slack
        #expect(atHead || atStart, "\(count) bytes at \(head)")
      }
    }
  }
}
