internal import Glibc
internal import IPCSystem
internal import Synchronization

/// The writing end of a direction: puts frames into the ring. One thread at a time.
///
/// It never waits, and makes no system call but those of the closures that wake the reader.
@safe struct PipeWriter {
  private let direction: PipeDirection
  /// Where the next frame goes.
  private var tail: UInt64 = 0
  /// Up to here the reader was seen to have read.
  private var seenHead: UInt64 = 0
  /// Up to here the ring was seen to be free, in one piece from the tail on.
  private var limit: UInt64
  /// What the writer left behind when it went back to the ring's beginning, until the reader has
  /// passed it.
  private var leap: Leap?
  /// What the reader was last seen to have consumed.
  private var seenConsumed: UInt64 = 0
  /// Bytes written and not taken back; of messages that are still being put in, all bytes.
  private(set) var queuedBytes: UInt64 = 0
  /// Messages that were begun.
  private(set) var queuedMessages: UInt64 = 0
  /// A skip to the ring's beginning. Its header must stay until the reader has followed it, but what
  /// lies behind the header is as free as the beginning is: when that is full, the writer goes on
  /// behind the header. A write that is within the quota thus never waits for the ring.
  private struct Leap {
    /// Where the ring's beginning is, in bytes since the beginning of all.
    let beginning: UInt64
    /// Where the ring goes on behind the header, one round later.
    let behind: UInt64
    /// Whether the writer is there.
    var isBehind = false
  }

  /// Which message uses each slot, and has not passed the reader.
  private var slotUsers = InlineArray<16, UInt64?>(repeating: nil)

  /// Where to look next whether to go back to the ring's beginning.
  private var turn = PipeWriter.home
  /// From where on to go back also when something is unread.
  private let zone: Int

  /// - Parameter quota: How much the peer is to leave unread, at most, before this end waits.
  init(_ direction: PipeDirection, quota: Int) {
    self.direction = direction
    limit = UInt64(direction.size)
    zone = max(2 * Self.home, quota + quota / 2)
  }

  // MARK: - What the reader says

  /// Bytes that the reader has read.
  @inline(__always)
  var consumedBytes: UInt64 {
    let consumed = unsafe direction.consumedBytes.pointee.load(ordering: .sequentiallyConsistent)
    return min(consumed, queuedBytes)
  }

  /// Whether `count` more bytes are within the quota.
  ///
  /// Bytes that a waiting read will take do not count.
  @inline(__always)
  mutating func fits(_ count: Int, quota: UInt64) -> Bool {
    let after = queuedBytes &+ UInt64(count)
    return after &- seenConsumed <= quota || fitsNow(UInt64(count), quota)
  }

  @inline(never)
  private mutating func fitsNow(_ count: UInt64, _ quota: UInt64) -> Bool {
    seenConsumed = consumedBytes
    let unread = queuedBytes &- seenConsumed
    if unread + count <= quota { return true }
    return unread == 0 && count - min(count, wantedBytes) <= quota
  }

  /// Messages that are behind the reader.
  var passedMessages: UInt64 {
    unsafe direction.passedMessages.pointee.load(ordering: .sequentiallyConsistent)
  }

  /// Whether the first `messages` messages are behind the reader, or were taken back.
  func isRead(upTo messages: UInt64) -> Bool {
    let passed = passedMessages
    if passed >= messages { return true }
    var takenBack: UInt64 = 0
    for slot in 0..<PipeFrame.slots {
      guard let user = slotUsers[slot], (passed..<messages).contains(user) else { continue }
      let word = unsafe direction.slot(slot).pointee.load(ordering: .acquiring)
      if word & PipeDirection.takenBack != 0 { takenBack += 1 }
    }
    return passed + takenBack >= messages
  }

  /// How many bytes the reads that wait will take.
  var wantedBytes: UInt64 {
    unsafe direction.wantedBytes.pointee.load(ordering: .sequentiallyConsistent)
  }

  /// How many bytes they will take of what is written now: they take what is unread first.
  var wantedNow: UInt64 { queuedBytes == consumedBytes ? wantedBytes : 0 }

  /// Whether the reader sleeps; makes it the caller's task to wake it.
  @inline(__always)
  func takesReaderFromSleep() -> Bool {
    if unsafe direction.readerSleeps.pointee.load(ordering: .sequentiallyConsistent) == 0 {
      return false
    }
    return unsafe direction.readerSleeps.pointee.exchange(0, ordering: .sequentiallyConsistent) != 0
  }

  /// Whether the reader sleeps, as it says.
  @inline(__always)
  var readerSleeps: Bool {
    unsafe direction.readerSleeps.pointee.load(ordering: .sequentiallyConsistent) != 0
  }

  /// Says that the writer is about to sleep until so many bytes have been read in all, or all.
  func announceSleep(until consumed: UInt64) {
    unsafe direction.wakeAt.pointee.store(consumed, ordering: .relaxed)
    unsafe direction.writerSleeps.pointee.store(1, ordering: .sequentiallyConsistent)
  }

  func stopSleeping() { unsafe direction.writerSleeps.pointee.store(0, ordering: .relaxed) }

  // MARK: - Whole messages

  /// Puts in a message that is not taken back any more, if there is room for all of it.
  @inline(__always)
  mutating func putWhole(
    _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer
  ) throws(PipeViolation) -> Bool {
    let count = head.count + body.count
    let space = PipeFrame.space(count)
    guard try makeRoom(space) else { return false }
    let frame = PipeFrame(.first, length: count, remaining: count)
    let place = unsafe store(frame)
    if head.count > 0, let source = head.baseAddress { unsafe memcpy(place, source, head.count) }
    if body.count > 0, let source = body.baseAddress {
      unsafe memcpy(place + head.count, source, body.count)
    }
    tail &+= UInt64(space)
    queuedBytes &+= UInt64(count)
    queuedMessages &+= 1
    publish()
    return true
  }

  // MARK: - Long messages, in parts

  /// How much of a message to put in before looking whether the reader waits for it.
  ///
  /// A reader on another processor that does is told at once: it copies one part out while the next is
  /// copied in. All others see a message only when it is all there.
  var partSize: Int {
    let processor = readerProcessor
    let isElsewhere = processor != 0 && Int(processor) != Processor.current + 1
    return isElsewhere ? Self.part : Int.max
  }

  /// The processor, plus one, on which the reader was last; 0 when it has not read.
  var readerProcessor: UInt32 {
    unsafe direction.readerProcessor.pointee.load(ordering: .relaxed)
  }

  private static let part = 64 * 1024
  /// Messages that are shorter, in bytes, are not worth it.
  static let leastInParts = 2 * part

  /// As ``putWhole(_:_:)``, but tells a reader that waits after each `part` bytes.
  ///
  /// - Parameter wake: Wakes the reader, which sleeps.
  @inline(never)
  mutating func putInParts(
    of part: Int, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, wake: () -> Void
  ) throws(PipeViolation) -> Bool {
    let count = head.count + body.count
    let parts = stride(from: 0, to: count, by: part)
    let space = parts.reduce(0) { $0 + PipeFrame.space(min(part, count - $1)) }
    guard try makeRoom(space) else { return false }
    queuedBytes &+= UInt64(count)
    queuedMessages &+= 1
    var isAwaited = false
    for sent in parts {
      let left = count - sent
      let length = min(part, left)
      let frame = PipeFrame(
        sent == 0 ? .first : .rest, length: length, remaining: left, isFollowed: length < left)
      unsafe Self.copy(head, body, from: sent, count: length, to: store(frame))
      tail &+= UInt64(PipeFrame.space(length))
      isAwaited = isAwaited || readerSleeps
      if isAwaited || length == left { tell(wake) }
    }
    return true
  }

  /// Tells the reader, and wakes it if it sleeps.
  private func tell(_ wake: () -> Void) {
    publish()
    if takesReaderFromSleep() { wake() }
  }

  /// Tells the reader how much is queued and where it ends.
  @inline(__always)
  private func publish() {
    unsafe direction.queuedBytes.pointee.store(queuedBytes, ordering: .relaxed)
    unsafe direction.writerProcessor.pointee.store(
      UInt32(Processor.current + 1), ordering: .relaxed)
    unsafe direction.tail.pointee.store(tail, ordering: .sequentiallyConsistent)
  }

  /// Makes `space` bytes in one piece free at the tail, skipping to the ring's beginning for that.
  @inline(__always)
  private mutating func makeRoom(_ space: Int) throws(PipeViolation) -> Bool {
    if tail + UInt64(space) <= limit, place < turn { return true }
    return try makeRoomSlowly(space)
  }

  /// Where in the ring the tail is.
  @inline(__always)
  private var place: Int { Int(tail & UInt64(direction.size - 1)) }

  /// The ring is much larger than the quota, for messages that are, and only its beginning is in the
  /// processor's caches: the writer goes back there when everything was read, or what is unread lies
  /// behind the beginning anyhow.
  @inline(never)
  private mutating func makeRoomSlowly(_ space: Int) throws(PipeViolation) -> Bool {
    try look()
    let fitsHere = tail + UInt64(space) <= limit
    if leap == nil {
      let turns = tail == seenHead ? place >= Self.home : place >= zone
      if turns || !fitsHere, space <= roomAtBeginning {
        goToBeginning()
        return true
      }
    } else if !fitsHere, space <= roomBehind {
      goBehind()
      return true
    }
    turn = place + Self.home / 2
    return fitsHere
  }

  /// How much would be free in one piece at the ring's beginning, beside what a later skip takes.
  private var roomAtBeginning: Int {
    let used = Int(tail &- seenHead)
    return place - used - PipeFrame.headerSize
  }

  private mutating func goToBeginning() {
    let toEnd = direction.size - place
    leap = Leap(
      beginning: tail + UInt64(toEnd),
      behind: tail + UInt64(PipeFrame.headerSize + direction.size))
    skip(toEnd)
    turn = Self.home
    setLimit()
  }

  /// How much is free behind the header of the skip, unless the writer is there.
  private var roomBehind: Int {
    guard let leap, !leap.isBehind else { return 0 }
    return direction.size - Int(leap.behind & UInt64(direction.size - 1))
  }

  private mutating func goBehind() {
    guard let leap else { return }
    skip(Int(leap.behind - tail))
    self.leap?.isBehind = true
    setLimit()
  }

  private mutating func setLimit() {
    let size = UInt64(direction.size)
    let header = UInt64(PipeFrame.headerSize)
    if let leap, seenHead < leap.beginning {
      // A reader stands at the skip's header at most; one that says otherwise gains nothing by it.
      limit =
        leap.isBehind
        ? leap.beginning + size : min(seenHead + size, leap.behind - header) - header
    } else {
      leap = nil
      limit = min((tail | (size - 1)) + 1, seenHead + size)
    }
  }

  private static let home = 32 * 1024

  /// Whether the reader has read something since the writer looked for room.
  var hasNewRoom: Bool {
    unsafe direction.head.pointee.load(ordering: .sequentiallyConsistent) != seenHead
  }

  private mutating func look() throws(PipeViolation) {
    let head = unsafe direction.head.pointee.load(ordering: .acquiring)
    guard head <= tail, tail - head <= 2 * UInt64(direction.size), head & 15 == 0 else {
      throw PipeViolation()
    }
    seenHead = head
    setLimit()
  }

  private mutating func skip(_ count: Int) {
    _ = unsafe store(PipeFrame(.skip, length: count - PipeFrame.headerSize, remaining: 0))
    tail &+= UInt64(count)
  }

  /// Writes a header at the tail and returns where the payload goes.
  @inline(__always)
  private func store(_ frame: PipeFrame) -> UnsafeMutableRawPointer {
    let address = unsafe direction.ring + Int(tail & UInt64(direction.size - 1))
    let words = frame.encoded
    unsafe address.storeBytes(of: words.0, as: UInt64.self)
    unsafe address.storeBytes(of: words.1, toByteOffset: 8, as: UInt64.self)
    return unsafe address + PipeFrame.headerSize
  }

  // MARK: - Messages that may be taken back

  /// A message on its way into the ring that can be taken back until it has been read.
  struct Held {
    /// Bytes in all.
    let count: Int
    /// Bytes that are in the ring, or were.
    var sent = 0
    /// Whether it was begun.
    var slot: Int?
    var number: UInt64 = 0
    /// ``PipeWriter/queuedBytes`` up to its end, without what was taken back before it.
    var end: UInt64

    /// Whether all of it was put in.
    var isSent: Bool { slot != nil && sent == count }
  }

  /// Announces a message: its bytes count as queued from now on.
  mutating func hold(_ count: Int) -> Held {
    queuedBytes &+= UInt64(count)
    unsafe direction.queuedBytes.pointee.store(queuedBytes, ordering: .sequentiallyConsistent)
    return Held(count: count, end: queuedBytes)
  }

  /// Puts in as much of the message as there is room for.
  ///
  /// - Parameter wake: Wakes the reader, which sleeps.
  /// - Returns: Whether something was put in.
  mutating func put(
    _ held: inout Held, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer,
    wake: () -> Void
  ) throws(PipeViolation) -> Bool {
    if held.slot == nil {
      guard let slot = freeSlot() else {
        try look()
        return false
      }
      guard try room(for: held.count) > 0 else { return false }
      unsafe direction.slot(slot).pointee.store(0, ordering: .releasing)
      held.slot = slot
      held.number = queuedMessages
      slotUsers[slot] = queuedMessages
      queuedMessages &+= 1
    }
    let before = held.sent
    var isFirst = before == 0
    let part = partSize
    var isAwaited = false
    repeat {
      let left = held.count - held.sent
      let room = try room(for: left)
      let length = min(left, room - PipeFrame.headerSize, part)
      if length < 0 || (length == 0 && left > 0) { break }
      let isFollowed =
        length == part && length < left
        && room - PipeFrame.space(length) > PipeFrame.headerSize
      let frame = PipeFrame(
        isFirst ? .first : .rest, length: length, remaining: left, slot: held.slot,
        isFollowed: isFollowed)
      unsafe Self.copy(head, body, from: held.sent, count: length, to: store(frame))
      tail &+= UInt64(PipeFrame.space(length))
      held.sent += length
      isFirst = false
      isAwaited = isAwaited || readerSleeps
      // A part that nothing follows is told when there is no more room: a read takes all there is.
      if isAwaited && isFollowed { tell(wake) }
    } while held.sent < held.count
    let hasPut = held.sent > before || held.count == 0
    if hasPut { tell(wake) }
    return hasPut
  }

  /// Copies bytes of what `head` and `body` are together.
  private static func copy(
    _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, from start: Int, count: Int,
    to place: UnsafeMutableRawPointer
  ) {
    let first = min(count, max(0, head.count - start))
    if first > 0, let source = head.baseAddress { unsafe memcpy(place, source + start, first) }
    if count > first, let source = body.baseAddress {
      unsafe memcpy(place + first, source + start + first - head.count, count - first)
    }
  }

  /// Bytes in one piece at the tail for a frame of a message with `left` bytes to go.
  private mutating func room(for left: Int) throws(PipeViolation) -> Int {
    if try makeRoom(PipeFrame.space(left)) { return PipeFrame.space(left) }
    // Not for all of it. Take what there is, and more elsewhere when that is next to nothing.
    if pieceHere < Self.leastPiece {
      if leap == nil {
        if roomAtBeginning > pieceHere { goToBeginning() }
      } else if roomBehind > pieceHere {
        goBehind()
      }
    }
    return pieceHere
  }

  private var pieceHere: Int { limit > tail ? Int(limit - tail) : 0 }

  private static let leastPiece = 4096

  private mutating func freeSlot() -> Int? {
    let passed = passedMessages
    for slot in 0..<PipeFrame.slots {
      guard let user = slotUsers[slot] else { return slot }
      if user < passed { return slot }
    }
    return nil
  }

  /// Takes back what has not been read of a message, and returns how many bytes were.
  ///
  /// The ends of the messages behind it move; the caller corrects them by the difference.
  mutating func takeBack(_ held: Held) -> Int {
    var consumed = 0
    if let slot = held.slot {
      let word = unsafe direction.slot(slot)
      let seen = unsafe word.pointee.bitwiseOr(
        PipeDirection.takenBack, ordering: .acquiringAndReleasing)
      consumed = Int(min(seen.oldValue & ~PipeDirection.takenBack, UInt64(held.count)))
    }
    queuedBytes &-= UInt64(held.count - consumed)
    unsafe direction.queuedBytes.pointee.store(queuedBytes, ordering: .sequentiallyConsistent)
    return consumed
  }
}
