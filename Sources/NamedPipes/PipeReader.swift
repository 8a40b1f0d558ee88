internal import Glibc
internal import IPCSystem
internal import Synchronization

/// The peer wrote into the shared memory what no writer or reader of this project writes.
struct PipeViolation: Error {}

/// The reading end of a direction: takes frames out of the ring. One thread at a time.
///
/// It waits at most for a part that is just being put in. What the peer wrote is checked before it is
/// followed.
@safe struct PipeReader {
  /// How far a read got.
  enum Progress: Equatable {
    /// There is nothing to read.
    case empty
    /// What was begun is not all there: a message, or, of bytes, what is being written at once.
    case unfinished
    /// The read is done.
    case done(hasMore: Bool)
  }

  private let direction: PipeDirection
  /// Where the front frame's header is.
  private var head: UInt64 = 0
  /// Bytes of the front frame that were read.
  private var offset = 0
  /// What the front frame must say is remaining of a message in progress; 0 when one must begin.
  private var expected = 0
  /// The slot of the message in progress.
  private var slot: Int?
  /// Whether the next part of the message in progress is about to come.
  private(set) var isFollowed = false
  /// Up to here the writer was seen to have written.
  private var seenTail: UInt64 = 0
  private var consumedBytes: UInt64 = 0
  private var passedMessages: UInt64 = 0
  /// What the writer was told last.
  private var published: UInt64 = 0
  /// Bytes at the front of the message in progress that a read took and gave back.
  private var stash: [UInt8] = []
  /// Whether the writer has died: what is not there will not come.
  private var writerIsDead = false
  /// Counts messages of which the writer took back the rest while they were being read.
  private var abandoned = 0

  init(_ direction: PipeDirection) { self.direction = direction }

  // MARK: - Reading

  /// Reads in message mode: one message, or as much of it as fits.
  ///
  /// - Parameter filled: How much of `target` is filled: 0 at first, then as the last call, which
  ///   returned `.unfinished`, left it.
  mutating func readMessage(
    into target: UnsafeMutableRawBufferPointer, filled: inout Int
  ) throws(PipeViolation) -> Progress {
    var before = abandoned
    while true {
      let frame = try front()
      if abandoned != before {
        filled = 0
        before = abandoned
      }
      if !stash.isEmpty { unsafe takeStash(target, &filled) }
      guard let frame else {
        if expected == 0 { return .empty }
        return filled == target.count ? .done(hasMore: true) : .unfinished
      }
      let count = min(frame.length - offset, target.count - filled)
      guard unsafe take(count, of: frame, into: target, at: filled) else { continue }
      filled += count
      let left = frame.remaining - offset
      if offset == frame.length { pass(frame) }
      if left == 0 { return .done(hasMore: false) }
      if filled == target.count { return .done(hasMore: true) }
    }
  }

  /// Reads in byte mode: what is there, whatever the bounds of the messages.
  ///
  /// An empty message is read by itself, or skipped on the way to bytes. `.unfinished` when the
  /// writer is just putting in more of the same message.
  ///
  /// - Parameter filled: As for ``readMessage(into:filled:)``.
  mutating func readBytes(
    into target: UnsafeMutableRawBufferPointer, filled: inout Int
  ) throws(PipeViolation) -> Progress {
    var hasRead = filled > 0
    while true {
      let frame = try front()
      if !stash.isEmpty {
        unsafe takeStash(target, &filled)
        hasRead = true
      }
      if frame == nil && filled < target.count && expected != 0 && isFollowed {
        return .unfinished
      }
      guard let frame, !hasRead || (filled < target.count && unread > 0) else { break }
      hasRead = true
      let count = min(frame.length - offset, target.count - filled)
      guard unsafe take(count, of: frame, into: target, at: filled) else { continue }
      filled += count
      if offset == frame.length { pass(frame) }
    }
    return hasRead ? .done(hasMore: false) : .empty
  }

  /// How long the message at the front is, if it is longer than `limit`.
  @inline(__always)
  mutating func lengthIfLonger(than limit: Int) throws(PipeViolation) -> Int? {
    let left = try front().map { $0.remaining - offset } ?? expected
    let length = stash.count + left
    return length > limit ? length : nil
  }

  /// Puts back what an unfinished read of a message has taken: the next read begins with it.
  mutating func giveBack(_ bytes: UnsafeRawBufferPointer) {
    unsafe stash.insert(contentsOf: bytes, at: 0)
  }

  /// What is unread: bytes, of them those of the first message, and a copy of the beginning.
  ///
  /// - Parameter joined: Whether to go on over the bounds of messages.
  mutating func peek(
    upTo limit: Int, joined: Bool
  ) throws(PipeViolation) -> (bytes: [UInt8], available: Int, message: Int) {
    let frame = try front()
    let available = unread + stash.count
    let message = stash.count + (frame.map { $0.remaining - offset } ?? expected)
    var bytes = Array(stash.prefix(limit))
    try checkTail()
    var position = head
    var start = offset
    var next = expected
    var isFollowed = isFollowed
    var patience: UInt64 = 0
    while bytes.count < limit {
      if position == seenTail {
        guard next != 0, isFollowed, awaitPart(until: &patience) else { break }
        try checkTail()
        // It does not go back.
        guard seenTail &- head >= position &- head else { throw PipeViolation() }
        continue
      }
      let frame = try decode(at: position, expecting: next)
      guard start == 0 || (frame.kind != .skip && start <= frame.length) else {
        throw PipeViolation()
      }
      if frame.kind == .first && !joined && position != head { break }
      let place = Int(position & UInt64(direction.size - 1)) + PipeFrame.headerSize
      position &+= UInt64(PipeFrame.space(frame.length))
      if frame.kind == .skip { continue }
      next = frame.remaining - frame.length
      isFollowed = frame.isFollowed
      if frame.slot != nil && isTakenBack(frame) {
        // Whatever came of it, the next may be a message's beginning.
        next = 0
      } else {
        let count = min(frame.length - start, limit - bytes.count)
        unsafe bytes.append(
          contentsOf: UnsafeRawBufferPointer(start: direction.ring + place + start, count: count))
      }
      start = 0
    }
    return (bytes, available, message)
  }

  /// Bytes that are written and not read.
  var unread: Int {
    let queued = unsafe direction.queuedBytes.pointee.load(ordering: .acquiring)
    let difference = Int64(bitPattern: queued &- consumedBytes)
    return difference > 0 ? Int(difference) : 0
  }

  /// Whether there is nothing to read: no bytes and no empty message.
  mutating func isEmpty() throws(PipeViolation) -> Bool {
    try front() == nil && stash.isEmpty && expected == 0
  }

  /// Whether the writer waits until something was read, as it says.
  @inline(__always)
  var writerSleeps: Bool {
    unsafe direction.writerSleeps.pointee.load(ordering: .relaxed) != 0
  }

  /// Takes back, in the place of a writer that has died, the messages with which its writes waited:
  /// those that end beyond the quota.
  mutating func dropUndelivered(quota: UInt64) {
    var kept: UInt64 = 0
    // Later, in front(): a read that is under way must see that its message came to nothing.
    defer { writerIsDead = true }
    do throws(PipeViolation) {
      let isBegun = try front() == nil && expected != 0
      if isBegun, let slot { takeBack(slot) }
      var position = head
      var next = expected
      var unread: UInt64 = 0
      while position != seenTail {
        let frame = try decode(at: position, expecting: next)
        let isFront = position == head
        position &+= UInt64(PipeFrame.space(frame.length))
        if frame.kind == .skip { continue }
        next = frame.remaining - frame.length
        if isTakenBack(frame) { continue }
        let done = isFront ? offset : 0
        if frame.kind == .first || isFront {
          let left = UInt64(frame.remaining - done)
          unread += left
          if let slot = frame.slot, left > 0, unread > quota {
            takeBack(slot)
            continue
          }
        }
        kept += UInt64(frame.length - done)
      }
    } catch {
      // The next look finds it, too.
      return
    }
    unsafe direction.queuedBytes.pointee.store(consumedBytes &+ kept, ordering: .releasing)
  }

  private func takeBack(_ slot: Int) {
    unsafe direction.slot(slot).pointee.bitwiseOr(
      PipeDirection.takenBack, ordering: .acquiringAndReleasing)
  }

  // MARK: - Telling the writer

  /// Tells the writer what was read.
  ///
  /// - Returns: Whether it sleeps and is to be woken.
  @inline(__always)
  mutating func publish() -> Bool {
    published = head
    unsafe direction.head.pointee.store(head, ordering: .relaxed)
    unsafe direction.consumedBytes.pointee.store(consumedBytes, ordering: .relaxed)
    unsafe direction.readerProcessor.pointee.store(
      UInt32(Processor.current + 1), ordering: .relaxed)
    unsafe direction.passedMessages.pointee.store(passedMessages, ordering: .sequentiallyConsistent)
    guard unsafe direction.writerSleeps.pointee.load(ordering: .sequentiallyConsistent) != 0 else {
      return false
    }
    return wakesWriter()
  }

  /// As ``publish()``, if something was skipped that the writer does not know of.
  @inline(__always)
  mutating func publishSkipped() -> Bool { published == head ? false : publish() }

  @inline(never)
  private func wakesWriter() -> Bool {
    let wanted = unsafe direction.wakeAt.pointee.load(ordering: .relaxed)
    let tail = unsafe direction.tail.pointee.load(ordering: .acquiring)
    guard consumedBytes >= wanted || head == tail else { return false }
    return unsafe direction.writerSleeps.pointee.exchange(0, ordering: .sequentiallyConsistent) != 0
  }

  /// Says that the reader is about to sleep.
  ///
  /// - Parameter wanted: How many bytes the waiting reads will take.
  /// - Returns: Whether there is something to read after all.
  mutating func announceSleep(wanted: Int) -> Bool {
    unsafe direction.wantedBytes.pointee.store(UInt64(wanted), ordering: .relaxed)
    unsafe direction.readerSleeps.pointee.store(1, ordering: .sequentiallyConsistent)
    return unsafe direction.tail.pointee.load(ordering: .sequentiallyConsistent) != seenTail
  }

  /// Whether the writer has put in something that was not seen yet.
  var hasNews: Bool {
    unsafe direction.tail.pointee.load(ordering: .acquiring) != seenTail
  }

  /// The processor, plus one, on which the writer was last; 0 when it has not written.
  var writerProcessor: UInt32 {
    unsafe direction.writerProcessor.pointee.load(ordering: .relaxed)
  }

  /// Waits for the part that the writer is just putting in, in the place of who does not wait.
  ///
  /// - Parameter end: When to give up; 0 the first time.
  func awaitPart(until end: inout UInt64) -> Bool {
    if end == 0 { end = MonotonicClock.now() + Self.longestPart }
    return Lingering.watch(until: end) { hasNews }
  }

  /// How long it may take to put in the parts of a message, in nanoseconds; for a peer that means no
  /// good, and for a writer whose processor others want.
  private static let longestPart: UInt64 = 10_000_000

  /// Takes that back.
  func stopSleeping() {
    unsafe direction.wantedBytes.pointee.store(0, ordering: .relaxed)
    unsafe direction.readerSleeps.pointee.store(0, ordering: .relaxed)
  }

  // MARK: - Frames

  /// The front frame, behind everything that is to be skipped; `nil` when nothing is there.
  @inline(__always)
  private mutating func front() throws(PipeViolation) -> PipeFrame? {
    while true {
      if head == seenTail {
        try checkTail()
        if head == seenTail {
          if expected != 0 { abandonIfNoMoreComes() }
          return nil
        }
      }
      let frame = try decode(at: head, expecting: expected)
      // The peer could change the header of a frame that was read in part.
      guard offset == 0 || (frame.kind != .skip && offset <= frame.length) else {
        throw PipeViolation()
      }
      if frame.kind == .skip {
        head &+= UInt64(PipeFrame.space(frame.length))
      } else if frame.slot != nil && isTakenBack(frame) {
        drop(frame)
      } else {
        if frame.kind == .first && offset == 0 {
          if expected != 0 { abandon() }
          slot = frame.slot
        }
        return frame
      }
    }
  }

  @inline(__always)
  private mutating func checkTail() throws(PipeViolation) {
    let tail = unsafe direction.tail.pointee.load(ordering: .acquiring)
    // A writer that skips what is not read yet is up to two rounds ahead.
    guard tail &- head <= 2 * UInt64(direction.size), tail & 15 == 0 else { throw PipeViolation() }
    seenTail = tail
  }

  @inline(__always)
  private func decode(at position: UInt64, expecting: Int) throws(PipeViolation) -> PipeFrame {
    let place = Int(position & UInt64(direction.size - 1))
    let address = unsafe direction.ring + place
    // Each word once: the peer could change them between a check and a use.
    let word = unsafe address.load(as: UInt64.self)
    let remaining = unsafe address.load(fromByteOffset: 8, as: UInt64.self)
    let available = min(direction.size - place, Int(seenTail &- position))
    if let frame = PipeFrame(
      decoding: word, remaining, available: available, expected: expecting)
    {
      return frame
    }
    // After a message that was taken back, another begins early.
    guard expecting != 0, let slot, isTakenBack(slot),
      let frame = PipeFrame(decoding: word, remaining, available: available, expected: 0)
    else { throw PipeViolation() }
    return frame
  }

  /// Copies bytes of the front frame; false when the writer has taken the message back.
  @inline(__always)
  private mutating func take(
    _ count: Int, of frame: PipeFrame, into target: UnsafeMutableRawBufferPointer, at filled: Int
  ) -> Bool {
    if let slot = frame.slot, !claim(count, slot) { return false }
    if count > 0, let base = target.baseAddress {
      let place = Int(head & UInt64(direction.size - 1)) + PipeFrame.headerSize + offset
      unsafe memcpy(base + filled, direction.ring + place, count)
    }
    offset += count
    consumedBytes &+= UInt64(count)
    return true
  }

  private mutating func takeStash(
    _ target: UnsafeMutableRawBufferPointer, _ filled: inout Int
  ) {
    let count = min(stash.count, target.count - filled)
    unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled...]).copyBytes(
      from: stash.prefix(count))
    stash.removeFirst(count)
    filled += count
  }

  /// Goes past the front frame, which was read completely.
  @inline(__always)
  private mutating func pass(_ frame: PipeFrame) {
    head &+= UInt64(PipeFrame.space(frame.length))
    offset = 0
    isFollowed = frame.isFollowed
    expected = frame.remaining - frame.length
    if expected == 0 {
      slot = nil
      passedMessages &+= 1
    }
  }

  // MARK: - Messages that are taken back

  /// Counts bytes as read, before they are, so that the writer knows what it takes back.
  private func claim(_ count: Int, _ slot: Int) -> Bool {
    let word = unsafe direction.slot(slot)
    var seen = unsafe word.pointee.load(ordering: .acquiring)
    while seen & PipeDirection.takenBack == 0 {
      let result = unsafe word.pointee.weakCompareExchange(
        expected: seen, desired: seen &+ UInt64(count), ordering: .acquiringAndReleasing)
      if result.exchanged { return true }
      seen = result.original
    }
    return false
  }

  private func isTakenBack(_ slot: Int) -> Bool {
    unsafe direction.slot(slot).pointee.load(ordering: .acquiring) & PipeDirection.takenBack != 0
  }

  private func isTakenBack(_ frame: PipeFrame) -> Bool { frame.slot.map(isTakenBack) ?? false }

  /// Goes past the front frame of a message that was taken back.
  private mutating func drop(_ frame: PipeFrame) {
    if frame.kind == .first {
      if expected != 0 { abandon() }
      slot = frame.slot
    }
    head &+= UInt64(PipeFrame.space(frame.length))
    let begun = offset > 0 || frame.kind == .rest || !stash.isEmpty
    offset = 0
    isFollowed = frame.isFollowed
    stash = []
    if begun { abandoned += 1 }
    expected = frame.remaining - frame.length
    if expected == 0 {
      slot = nil
      passedMessages &+= 1
    }
  }

  /// Forgets the message in progress when its writer will send no more of it.
  private mutating func abandonIfNoMoreComes() {
    guard writerIsDead || slot.map(isTakenBack) ?? false else { return }
    // All that was sent of it before is behind us only if nothing came in the meantime.
    guard unsafe direction.tail.pointee.load(ordering: .acquiring) == seenTail else { return }
    abandon()
  }

  private mutating func abandon() {
    expected = 0
    slot = nil
    stash = []
    abandoned += 1
    passedMessages &+= 1
  }
}
