internal import Glibc
internal import IPCSystem
internal import Synchronization

/// The reading end of a ring. One thread at a time.
///
/// A plain structure that lives behind a pointer: no reference counting and no exclusivity checks
/// on the way of a message.
@safe struct RingConsumer {
  private let data: UnsafeMutableRawPointer
  private let slots: UnsafeMutableRawPointer
  private let tail: UnsafeMutablePointer<Atomic<UInt64>>
  private let bell: RingBell
  private let ending: UnsafeMutablePointer<RingEnding>
  /// Where the next payload starts, unless it starts at the beginning.
  private var position = 0
  /// Number of the next message.
  private var number: UInt32 = 0
  /// Bytes consumed since the producer was last told.
  private var untold = 0
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

  /// Waits for the next message and leaves it where it is.
  ///
  /// - Returns: How many bytes it has, or the raw value of a `RingStatus`, which is negative.
  @inline(__always)
  mutating func next(deadline: Deadline) -> Int {
    let reasons = unsafe ending.pointee.bits.load(ordering: .relaxed)
    if reasons & ~RingEnding.peerGone != 0 { return RingStatus.ended.rawValue }
    var value = unsafe slot.pointee.load(ordering: .acquiring)
    if !isCommitted(value) {
      let status = waitForRecord(&value, deadline)
      if status != .ready { return status.rawValue }
    }
    if value & RingLayout.fromStart != 0 && position != 0 { startOver() }
    let count = Int(value >> 2)
    guard count <= RingLayout.maximumMessage,
      position &+ RingLayout.record(count) <= RingLayout.capacity
    else { return RingStatus.violation.rawValue }
    return count
  }

  /// The address of the payload of the message that ``next(deadline:)`` has found.
  @inline(__always)
  var payload: UnsafeRawPointer { unsafe UnsafeRawPointer(data + position) }

  /// Gives the memory of that message, which has `count` bytes, back to the producer.
  @inline(__always)
  mutating func release(count: Int) {
    let record = RingLayout.record(count)
    position &+= record
    number &+= 1
    untold &+= record
    if untold >= RingLayout.slack { tell(unlessItKnows: number) }
  }

  @inline(__always)
  private var slot: UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (slots + RingLayout.slot(number)).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  @inline(__always)
  private func isCommitted(_ value: UInt32) -> Bool {
    (value ^ RingLayout.phase(number)) & 1 == 0
  }

  /// Waits until the next message is there.
  ///
  /// - Parameter value: Its commit word: on entry as it was seen, on return as it is.
  @inline(never)
  private mutating func waitForRecord(_ value: inout UInt32, _ deadline: Deadline) -> RingStatus {
    let current = unsafe slot
    if untold > 0 {
      // Without a look at whether the producer sleeps, which would cost a fence: that comes
      // before this end sleeps itself.
      untold = 0
      unsafe tail.pointee.store(progress, ordering: .releasing)
    }
    let (tail, bell, number) = unsafe (tail, bell, number)
    while true {
      let status = unsafe waiter.wait(current, while: value, number: number, deadline: deadline) {
        if bell.policy != .spin {
          atomicMemoryFence(ordering: .sequentiallyConsistent)
          unsafe bell.wakeProducer(waitingOn: tail, consumed: number)
        }
      }
      if status != .ready { return status }
      value = unsafe current.pointee.load(ordering: .acquiring)
      if isCommitted(value) { return .ready }
      // The producer writes a slot once. This one is toying with us.
      if deadline.hasPassed { return .timedOut }
    }
  }

  /// Goes back to the start of the ring, and says so: the largest message may have to fit behind.
  @inline(never)
  private mutating func startOver() {
    position = 0
    tell(unlessItKnows: nil)
  }

  /// The tail as the producer reads it.
  private var progress: UInt64 {
    UInt64(number) << 32 | UInt64(truncatingIfNeeded: position)
  }

  /// Tells the producer how far this end has come, and wakes it unless it knows of `number`
  /// messages consumed and waits for more.
  @inline(never)
  private mutating func tell(unlessItKnows number: UInt32?) {
    untold = 0
    if bell.policy == .spin {
      unsafe tail.pointee.store(progress, ordering: .releasing)
    } else {
      unsafe tail.pointee.store(progress, ordering: .sequentiallyConsistent)
      unsafe bell.wakeProducer(waitingOn: tail, consumed: number)
    }
  }
}
