import Glibc
import IPCSystem
import Synchronization
import TestSupport
import Testing

@testable import NamedPipes

/// A direction in memory of this process: both ends of it, without sockets.
final class Ring {
  let memory: PipeMemory
  let direction: PipeDirection
  var reader: PipeReader
  var writer: PipeWriter

  init(quota: Int = 4096) throws {
    let sizes = PipeMemory.Sizes(serverQuota: quota, clientQuota: quota)
    let created = try SharedMapping.create(name: "ring", size: sizes.total)
    memory = PipeMemory(mapping: created.mapping, sizes: sizes)
    direction = memory.direction(writtenBy: .server)
    reader = PipeReader(direction)
    writer = PipeWriter(direction, quota: quota)
  }

  func put(_ bytes: [UInt8]) throws -> Bool {
    try bytes.withUnsafeBytes { try writer.putWhole(.init(start: nil, count: 0), $0) }
  }

  /// Announces a message that may be taken back, and puts in what there is room for.
  func hold(_ bytes: [UInt8]) throws -> PipeWriter.Held {
    var held = writer.hold(bytes.count)
    try push(&held, bytes)
    return held
  }

  func push(
    _ held: inout PipeWriter.Held, _ bytes: [UInt8], wake: () -> Void = {}
  ) throws {
    _ = try bytes.withUnsafeBytes {
      try writer.put(&held, .init(start: nil, count: 0), $0, wake: wake)
    }
  }

  /// Puts in a message as for a reader on another processor.
  func putInParts(_ bytes: [UInt8], wake: () -> Void) throws -> Bool {
    try bytes.withUnsafeBytes {
      try writer.putInParts(of: 4096, .init(start: nil, count: 0), $0, wake: wake)
    }
  }

  /// Says that the reader waits on a processor that nobody has.
  func pretendSleep() {
    direction.readerProcessor.pointee.store(10_000, ordering: .relaxed)
    _ = reader.announceSleep(wanted: 1)
  }

  func readMessage(upTo limit: Int) throws -> (PipeReader.Progress, [UInt8]) {
    var filled = 0
    return try readOn(upTo: limit, &filled, [])
  }

  func readBytes(upTo limit: Int) throws -> (PipeReader.Progress, [UInt8]) {
    var filled = 0
    return try readOn(upTo: limit, &filled, [], joined: true)
  }

  /// Goes on with a read that was unfinished.
  func readOn(
    upTo limit: Int, _ filled: inout Int, _ had: [UInt8], joined: Bool = false
  ) throws -> (PipeReader.Progress, [UInt8]) {
    var buffer = had + [UInt8](repeating: 0, count: limit - had.count)
    let progress = try buffer.withUnsafeMutableBytes {
      try joined
        ? reader.readBytes(into: $0, filled: &filled)
        : reader.readMessage(into: $0, filled: &filled)
    }
    _ = reader.publish()
    return (progress, Array(buffer.prefix(filled)))
  }
}

@Suite("The ring of frames")
struct RingTests {
  @Test("messages go round the ring many times, whole and in order")
  func around() throws {
    let ring = try Ring()
    var generator = SeededGenerator(seed: 7)
    var queued: [[UInt8]] = []
    var total = 0
    while total < 12 << 20 {
      let message = pattern(Int.random(in: 0...70_000, using: &generator), seed: total)
      if try ring.put(message) {
        queued.append(message)
        total += message.count
      } else {
        #expect(!queued.isEmpty)
      }
      while !queued.isEmpty, Bool.random(using: &generator) {
        let expected = queued.removeFirst()
        let (progress, bytes) = try ring.readMessage(upTo: 70_000)
        #expect(progress == .done(hasMore: false))
        if bytes != expected {
          Issue.record("a message of \(expected.count) bytes came as \(bytes.count)")
        }
      }
    }
  }

  @Test("there is always room for what is within the quota, whatever was written and read before")
  func withinQuota() throws {
    for seed in UInt64(1)...30 {
      var generator = SeededGenerator(seed: seed)
      let quota = [4096, 65_536, 262_144, 1_000_000][Int(seed % 4)]
      let ring = try Ring(quota: quota)
      var unread: [[UInt8]] = []
      var bytes = 0
      for _ in 0..<600 {
        // Often much of the quota, often next to nothing of it.
        let most = Bool.random(using: &generator) ? quota : 300
        let message = pattern(Int.random(in: 0...most, using: &generator), seed: bytes)
        if bytes + message.count <= quota {
          #expect(try ring.put(message), "seed \(seed): \(message.count) after \(bytes)")
          unread.append(message)
          bytes += message.count
        }
        while !unread.isEmpty, Int.random(in: 0..<3, using: &generator) == 0 {
          let expected = unread.removeFirst()
          let (progress, read) = try ring.readMessage(upTo: quota)
          #expect(progress == .done(hasMore: false) && read == expected, "seed \(seed)")
          bytes -= expected.count
        }
      }
    }
  }

  @Test("the quota can be used up in messages of one byte, from any place of the ring")
  func bytewise() throws {
    let quota = 65_536
    let ring = try Ring(quota: quota)
    for start in [0, 40_000, 65_536, 50_000] {
      #expect(try ring.put(pattern(start)))
      #expect(try ring.readMessage(upTo: quota).1.count == start)
      for number in 0..<quota { if try !ring.put([1]) { Issue.record("no room for \(number)") } }
      #expect(ring.reader.unread == quota)
      while try ring.readBytes(upTo: quota).0 != .empty {}
    }
  }

  @Test("a reader that forges where it stands stops the writer or is passed over, and never more")
  func forgedHead() throws {
    for seed in UInt64(1)...60 {
      var generator = SeededGenerator(seed: seed)
      let ring = try Ring(quota: 65_536)
      // Far enough for the writer to go back to the ring's beginning.
      #expect(try ring.put(pattern(40_000)))
      _ = try ring.readMessage(upTo: 65_536)
      var tail: UInt64 { ring.direction.tail.pointee.load(ordering: .acquiring) }
      do {
        for _ in 0..<300 {
          let size = UInt64(ring.direction.size)
          let forged = tail &- UInt64.random(in: 0...2 * size, using: &generator) & ~15
          ring.direction.head.pointee.store(forged, ordering: .releasing)
          _ = try ring.put(pattern(Int.random(in: 0...30_000, using: &generator)))
        }
      } catch is PipeViolation {}
    }
  }

  @Test("a message longer than the ring goes through in parts")
  func longer() throws {
    let ring = try Ring()
    let message = pattern(10_000_000)
    var held = try ring.hold(message)
    #expect(!held.isSent && held.sent > 0)
    var (filled, bytes) = (0, [UInt8]())
    var progress = PipeReader.Progress.empty
    while progress != .done(hasMore: false) {
      (progress, bytes) = try ring.readOn(upTo: message.count, &filled, bytes)
      if !held.isSent { try ring.push(&held, message) }
    }
    #expect(bytes == message)
    #expect(ring.writer.passedMessages == 1)
  }

  @Test(
    "a reader that waits elsewhere gets a long message part by part, in one read",
    arguments: [
      false, true,
    ])
  func parts(joined: Bool) throws {
    for isHeld in [false, true] {
      let ring = try Ring()
      let message = pattern(1_000_000)
      var (filled, bytes) = (0, [UInt8]())
      var wakes = 0
      func readOn() throws -> PipeReader.Progress {
        let progress: PipeReader.Progress
        (progress, bytes) =
          try ring.readOn(upTo: message.count, &filled, bytes, joined: joined)
        return progress
      }
      func wake() {
        wakes += 1
        #expect((try? readOn()) == .unfinished)
        #expect(filled > 0 && filled < message.count)
        ring.pretendSleep()
      }
      ring.pretendSleep()
      if isHeld {
        var held = ring.writer.hold(message.count)
        try ring.push(&held, message) { if wakes < 3 { wake() } }
        #expect(held.isSent)
      } else {
        #expect(try ring.putInParts(message) { if wakes < 3 { wake() } })
      }
      #expect(wakes == 3)
      #expect(try readOn() == .done(hasMore: false))
      #expect(bytes == message)
      #expect(ring.writer.isRead(upTo: 1))
    }
  }

  @Test("a waiting read of bytes gets a long message whole also where the ring ends within it")
  func partsRoundTheEnd() throws {
    let ring = try Ring()
    // Neither behind this nor before it is there room for all of the next one in one piece.
    #expect(try ring.put(pattern(2_500_000)))
    #expect(try ring.readBytes(upTo: 2_500_000).1.count == 2_500_000)
    let message = pattern(3_000_000)
    var (filled, bytes) = (0, [UInt8]())
    ring.pretendSleep()
    var held = ring.writer.hold(message.count)
    try ring.push(&held, message) {
      guard let result = try? ring.readOn(upTo: message.count, &filled, bytes, joined: true) else {
        return
      }
      bytes = result.1
      if result.0 != .unfinished { #expect(bytes.count == message.count) }
      if bytes.count < message.count { ring.pretendSleep() }
    }
    #expect(held.isSent && bytes == message)
  }

  /// Puts a frame in by hand.
  private func put(_ frame: PipeFrame, at place: Int, of ring: Ring, queued: UInt64) {
    let (word, remaining) = frame.encoded
    ring.direction.ring.storeBytes(of: word, toByteOffset: place, as: UInt64.self)
    ring.direction.ring.storeBytes(of: remaining, toByteOffset: place + 8, as: UInt64.self)
    ring.direction.queuedBytes.pointee.store(queued, ordering: .releasing)
    ring.direction.tail.pointee.store(
      UInt64(place + PipeFrame.space(frame.length)), ordering: .releasing)
  }

  @Test("of a message whose writer has died in the middle nothing is waited for")
  func half() throws {
    let half = PipeFrame(.first, length: 64, remaining: 128, isFollowed: true)
    for joined in [false, true] {
      let ring = try Ring()
      put(half, at: 0, of: ring, queued: 128)
      var filled = 0
      let (progress, bytes) =
        try ring.readOn(upTo: 200, &filled, [], joined: joined)
      #expect(progress == .unfinished && bytes.count == 64)
      // Nothing of it is left, and yet it goes on: a read of bytes that does not wait must not take
      // that for an empty pipe.
      var none = 0
      if joined { #expect(try ring.readOn(upTo: 200, &none, [], joined: true).0 == .unfinished) }
      ring.reader.dropUndelivered(quota: 4096)
      let end =
        try ring.readOn(upTo: 200, &filled, bytes, joined: joined)
      #expect(end.0 == (joined ? .done(hasMore: false) : .empty))
      #expect(end.1.count == (joined ? 64 : 0))
      #expect(try ring.reader.isEmpty())
      #expect(ring.reader.unread == 0)
    }
    let ring = try Ring()
    put(half, at: 0, of: ring, queued: 128)
    ring.reader.dropUndelivered(quota: 4096)
    #expect(ring.reader.unread == 64)
  }

  @Test("what an unfinished read gave back counts when a message must fit")
  func longerThanLimit() throws {
    let ring = try Ring()
    put(
      PipeFrame(.first, length: 64, remaining: 128, isFollowed: true), at: 0, of: ring, queued: 128)
    let bytes = try ring.readMessage(upTo: 128).1
    bytes.withUnsafeBytes { ring.reader.giveBack($0) }
    #expect(try ring.reader.lengthIfLonger(than: 100) == 128)
    #expect(try ring.reader.lengthIfLonger(than: 128) == nil)
  }

  @Test("a frame that shrinks while it is read, and a tail that goes back, are violations")
  func changing() throws {
    let ring = try Ring()
    #expect(try ring.put(pattern(100)))
    #expect(try ring.readBytes(upTo: 50).1.count == 50)
    put(PipeFrame(.first, length: 10, remaining: 10), at: 0, of: ring, queued: 100)
    #expect(throws: PipeViolation.self) { try ring.reader.peek(upTo: 100, joined: true) }
    #expect(throws: PipeViolation.self) { try ring.readBytes(upTo: 50) }

    let other = try Ring()
    put(
      PipeFrame(.first, length: 64, remaining: 128, isFollowed: true), at: 0, of: other, queued: 128
    )
    let direction = other.direction
    let isFound = Signal()
    let forger = try Background {
      while !isFound.isSet {
        direction.tail.pointee.store(0, ordering: .releasing)
        direction.tail.pointee.store(80, ordering: .releasing)
      }
    }
    // Peek waits for the part that is to follow.
    #expect(throws: PipeViolation.self) {
      while true { _ = try other.reader.peek(upTo: 128, joined: true) }
    }
    isFound.set()
    try forger.value()
  }

  @Test("what is taken back of an unread message is never read, and what is behind it is")
  func takeBack() throws {
    let ring = try Ring()
    let first = try ring.hold(pattern(100))
    let second = try ring.hold([1, 2])
    #expect(try ring.readBytes(upTo: 10).1 == pattern(10))
    #expect(ring.writer.takeBack(first) == 10)
    let peek = try ring.reader.peek(upTo: 10, joined: true)
    #expect(peek.bytes == [1, 2])
    #expect(peek.available == 2)
    #expect(try ring.readMessage(upTo: 10).1 == [1, 2])
    #expect(ring.writer.takeBack(second) == 2)
    #expect(try ring.readMessage(upTo: 10).0 == .empty)
    #expect(ring.writer.passedMessages == 2)
  }

  @Test("a message of which only a part was sent is forgotten when it is taken back")
  func takeBackUnsent() throws {
    let ring = try Ring()
    let message = pattern(9_000_000)
    let held = try ring.hold(message)
    var filled = 0
    let (progress, bytes) = try ring.readOn(upTo: message.count, &filled, [])
    #expect(progress == .unfinished)
    #expect(bytes.count == held.sent)
    #expect(ring.writer.takeBack(held) == held.sent)
    #expect(try ring.put([7]))
    // The read that was under way gets the next message instead.
    #expect(try ring.readOn(upTo: message.count, &filled, bytes).1 == [7])
  }

  @Test("bytes that an unfinished read gives back are read, and peeked at, again")
  func giveBack() throws {
    let ring = try Ring()
    let message = pattern(6_000_000)
    var held = try ring.hold(message)
    let (progress, bytes) = try ring.readMessage(upTo: message.count)
    #expect(progress == .unfinished)
    bytes.withUnsafeBytes { ring.reader.giveBack($0) }
    let peek = try ring.reader.peek(upTo: 5, joined: false)
    #expect(peek.bytes == pattern(5))
    #expect(peek.available == message.count)
    #expect(peek.message == message.count)
    try ring.push(&held, message)
    #expect(try ring.readMessage(upTo: message.count).1 == message)
  }

  @Test("reading bytes joins messages, and takes an empty one only by itself or on the way")
  func joined() throws {
    let ring = try Ring()
    for message in [[], [1], [], [2, 3], []] as [[UInt8]] { #expect(try ring.put(message)) }
    #expect(try ring.readBytes(upTo: 10) == (.done(hasMore: false), [1, 2, 3]))
    #expect(try ring.readBytes(upTo: 10) == (.done(hasMore: false), []))
    #expect(try ring.readBytes(upTo: 10) == (.empty, []))
  }

  @Test("writes and reads agree with a model, whatever is written, read and taken back")
  func model() throws {
    for seed in UInt64(1)...40 {
      var generator = SeededGenerator(seed: seed)
      let ring = try Ring()
      var model: [[UInt8]] = []
      var held: [(message: PipeWriter.Held, bytes: [UInt8])] = []
      for _ in 0..<400 {
        switch Int.random(in: 0..<5, using: &generator) {
        case 0, 1:
          let bytes = pattern(Int.random(in: 0...300, using: &generator))
          if try ring.put(bytes) { model.append(bytes) }
          held = []  // Only the messages at the end are ever taken back.
        case 2:
          let bytes = pattern(Int.random(in: 1...300, using: &generator), seed: 5)
          let message = try ring.hold(bytes)
          if message.isSent {
            model.append(bytes)
            held.append((message, bytes))
          } else {
            #expect(ring.writer.takeBack(message) == 0)
          }
        case 3:
          guard let last = held.popLast() else { continue }
          let before = ring.writer.takeBack(last.message)
          if before < last.bytes.count, !model.isEmpty { model.removeLast() }
        default:
          let limit = Int.random(in: 0...400, using: &generator)
          let (progress, bytes) = try ring.readMessage(upTo: limit)
          guard let first = model.first else {
            #expect(progress == .empty, "seed \(seed)")
            continue
          }
          #expect(bytes == Array(first.prefix(limit)), "seed \(seed)")
          #expect(progress == .done(hasMore: first.count > limit), "seed \(seed)")
          if first.count > limit {
            model[0] = Array(first.dropFirst(limit))
          } else {
            model.removeFirst()
          }
          if model.count < held.count { held.removeFirst(held.count - model.count) }
        }
        let unread = model.reduce(0) { $0 + $1.count }
        #expect(ring.reader.unread == unread, "seed \(seed)")
      }
    }
  }
}
