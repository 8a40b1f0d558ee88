internal import Glibc
internal import IPCSystem
internal import Synchronization

/// The writing end of a ring. One thread at a time.
///
/// A plain structure that lives behind a pointer: no reference counting and no exclusivity checks
/// on the way of a message.
@safe struct RingProducer {
  private let data: UnsafeMutableRawPointer
  private let tail: UnsafeMutablePointer<Atomic<UInt32>>
  private let bell: RingBell
  private let ending: UnsafeMutablePointer<RingEnding>
  /// Where the next record starts; its commit word is clear.
  private var head = 0
  /// What the consumer last said it has consumed; equal to `head` when that is all.
  private var seenTail = 0
  private var waiter: RingWaiter

  init(
    data: UnsafeMutableRawPointer, tail: UnsafeMutablePointer<Atomic<UInt32>>, bell: RingBell,
    waiter: RingWaiter
  ) {
    unsafe self.data = data
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
      unsafe memcpy(payload(at: place, count: count), source, count)
    }
    commit(at: place, count: count)
    return .ready
  }

  /// Finds room for a message of `count` bytes. Nothing is visible to the consumer before
  /// ``commit(at:count:)``.
  ///
  /// - Returns: Where its record starts, or the raw value of a `RingStatus`, which is negative.
  @inline(__always)
  mutating func reserve(_ count: Int, deadline: Deadline) -> Int {
    if unsafe ending.pointee.bits.load(ordering: .relaxed) != 0 {
      return RingStatus.ended.rawValue
    }
    let record = RingLayout.record(count)
    let place = find(record)
    return place >= 0 ? place : waitForRoom(record, deadline)
  }

  /// The address of the payload of a record at `place`.
  @inline(__always)
  func payload(at place: Int, count: Int) -> UnsafeMutableRawPointer {
    unsafe data + (place &+ RingLayout.payload(count))
  }

  /// Makes the message at `place`, which ``reserve(_:deadline:)`` has returned, visible.
  @inline(__always)
  mutating func commit(at place: Int, count: Int) {
    let next = place &+ RingLayout.record(count)
    unsafe word(next).pointee.store(0, ordering: .relaxed)
    if place == head {
      unsafe bell.commit(RingLayout.commit(count), to: word(place), at: place)
    } else {
      unsafe word(place).pointee.store(RingLayout.commit(count), ordering: .releasing)
      unsafe bell.commit(RingLayout.wrap, to: word(head), at: head)
    }
    head = next
  }

  /// Room for a record and, behind it, for the commit word of the next; -1 when there is none.
  ///
  /// The head never catches up with the tail, so that equality means an empty ring.
  @inline(__always)
  private func find(_ record: Int) -> Int {
    let needed = record &+ RingLayout.unit
    if head >= seenTail {
      if head &+ needed <= RingLayout.window(record) { return head }
      return needed <= seenTail ? 0 : -1
    }
    return head &+ needed <= seenTail ? head : -1
  }

  @inline(never)
  private mutating func waitForRoom(_ record: Int, _ deadline: Deadline) -> Int {
    while true {
      let value = unsafe tail.pointee.load(ordering: .acquiring)
      // The consumer could write anything: stay inside the ring whatever it is.
      guard value < UInt32(RingLayout.capacity), Int(value) % RingLayout.unit == 0 else {
        return RingStatus.violation.rawValue
      }
      seenTail = Int(value)
      let place = find(record)
      if place >= 0 { return place }
      let status = unsafe waiter.wait(tail, while: value, at: seenTail, deadline: deadline) {}
      if status != .ready { return status.rawValue }
      if waiter.ended { return RingStatus.ended.rawValue }
    }
  }

  @inline(__always)
  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (data + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }
}
