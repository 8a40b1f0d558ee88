internal import Glibc
internal import IPCSystem
internal import Synchronization

/// The writing end of a ring. One thread at a time.
///
/// A plain structure that lives behind a pointer: no reference counting and no exclusivity checks
/// on the way of a message.
@safe struct RingProducer {
  private let data: UnsafeMutableRawPointer
  private let slots: UnsafeMutableRawPointer
  private let tail: UnsafeMutablePointer<Atomic<UInt64>>
  private let bell: RingBell
  private let ending: UnsafeMutablePointer<RingEnding>
  /// Where the last payload ends.
  private var head = 0
  /// Up to where the consumer last said it has consumed; equal to `head` when that is all.
  private var seenTail = 0
  /// Number of the next message.
  private var number: UInt32 = 0
  /// How many messages the consumer last said it has consumed.
  private var seenNumber: UInt32 = 0
  private var waiter: RingWaiter

  init(
    data: UnsafeMutableRawPointer, slots: UnsafeMutableRawPointer,
    tail: UnsafeMutablePointer<Atomic<UInt64>>, bell: RingBell, waiter: RingWaiter
  ) {
    unsafe self.data = data
    unsafe self.slots = slots
    unsafe self.tail = tail
    self.bell = bell
    self.waiter = waiter
    unsafe ending = waiter.ending
  }

  /// Sends a copy of `message`, which must not be longer than ``RingLayout/maximumMessage``.
  @inline(__always)
  mutating func send(
    _ message: UnsafeRawBufferPointer, deadline: Deadline
  ) -> RingStatus {
    let count = message.count
    let place = reserve(count, deadline: deadline)
    if place < 0 { return RingStatus(rawValue: place) ?? .ended }
    if count > 0, let source = message.baseAddress {
      unsafe memcpy(payload(at: place), source, count)
    }
    commit(at: place, count: count)
    return .ready
  }

  /// Finds room for a message of `count` bytes. Nothing is visible to the consumer before
  /// ``commit(at:count:)``.
  ///
  /// - Returns: Where its payload goes, or the raw value of a `RingStatus`, which is negative.
  @inline(__always)
  mutating func reserve(_ count: Int, deadline: Deadline) -> Int {
    if unsafe ending.pointee.bits.load(ordering: .relaxed) != 0 {
      return RingStatus.ended.rawValue
    }
    let record = RingLayout.record(count)
    let place = find(record)
    return place >= 0 ? place : waitForRoom(record, deadline)
  }

  /// The address of the payload at `place`.
  @inline(__always)
  func payload(at place: Int) -> UnsafeMutableRawPointer { unsafe data + place }

  /// Makes the message at `place`, which ``reserve(_:deadline:)`` has returned, visible.
  @inline(__always)
  mutating func commit(at place: Int, count: Int) {
    var value = UInt32(truncatingIfNeeded: count) << 2 | RingLayout.phase(number)
    if place != head { value |= RingLayout.fromStart }
    let slot = unsafe (slots + RingLayout.slot(number))
      .assumingMemoryBound(to: Atomic<UInt32>.self)
    head = place &+ RingLayout.record(count)
    let committed = number
    number &+= 1
    unsafe bell.commit(value, to: slot, number: committed)
  }

  /// Room for a record; -1 when there is none.
  ///
  /// The head never catches up with the tail, so that equality means an empty ring.
  @inline(__always)
  private func find(_ record: Int) -> Int {
    if number &- seenNumber >= UInt32(RingLayout.slots) { return -1 }
    if head >= seenTail {
      if head &+ record <= RingLayout.window(record) { return head }
      return record < seenTail ? 0 : -1
    }
    return head &+ record < seenTail ? head : -1
  }

  @inline(never)
  private mutating func waitForRoom(_ record: Int, _ deadline: Deadline) -> Int {
    while true {
      let value = unsafe tail.pointee.load(ordering: .acquiring)
      let offset = UInt32(truncatingIfNeeded: value)
      // The consumer could write anything: stay inside the ring whatever it is.
      guard offset <= UInt32(RingLayout.capacity), Int(offset) % RingLayout.unit == 0,
        number &- UInt32(value >> 32) <= UInt32(RingLayout.slots)
      else { return RingStatus.violation.rawValue }
      seenTail = Int(offset)
      seenNumber = UInt32(value >> 32)
      let place = find(record)
      if place >= 0 { return place }
      // The lower half comes first in memory, and it changes whenever the tail does.
      let word = unsafe UnsafeMutableRawPointer(tail)
        .assumingMemoryBound(to: Atomic<UInt32>.self)
      let status = unsafe waiter.wait(
        word, while: offset, number: seenNumber, deadline: deadline
      ) {}
      if status != .ready { return status.rawValue }
      if waiter.ended { return RingStatus.ended.rawValue }
    }
  }
}
