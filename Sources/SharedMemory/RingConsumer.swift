internal import Glibc
internal import IPCSystem
internal import Synchronization

/// The reading end of a ring. One thread at a time.
///
/// A plain structure that lives behind a pointer: no reference counting and no exclusivity checks
/// on the way of a message.
@safe struct RingConsumer {
  private let data: UnsafeMutableRawPointer
  private let tail: UnsafeMutablePointer<Atomic<UInt32>>
  private let bell: RingBell
  private let ending: UnsafeMutablePointer<RingEnding>
  /// Where the next record starts.
  private var position = 0
  /// Bytes consumed since the producer was last told.
  private var untold = 0
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

  /// Waits for the next message and leaves it where it is.
  ///
  /// - Returns: How many bytes it has, or the raw value of a `RingStatus`, which is negative.
  @inline(__always)
  mutating func next(deadline: Deadline) -> Int {
    let reasons = unsafe ending.pointee.bits.load(ordering: .relaxed)
    if reasons & ~RingEnding.peerGone != 0 { return RingStatus.ended.rawValue }
    var value = unsafe word(position).pointee.load(ordering: .acquiring)
    if value == 0 || value == RingLayout.wrap {
      let status = waitForRecord(deadline)
      if status != .ready { return status.rawValue }
      value = unsafe word(position).pointee.load(ordering: .acquiring)
    }
    let count = Int(value >> 2)
    guard value & 3 == 1, count <= RingLayout.maximumMessage,
      position &+ RingLayout.record(count) &+ RingLayout.unit <= RingLayout.capacity
    else { return RingStatus.violation.rawValue }
    return count
  }

  /// The address of the payload of the next message.
  @inline(__always)
  func payload(count: Int) -> UnsafeRawPointer {
    unsafe UnsafeRawPointer(data + (position &+ RingLayout.payload(count)))
  }

  /// Gives the memory of the next message, which has `count` bytes, back to the producer.
  @inline(__always)
  mutating func release(count: Int) {
    let record = RingLayout.record(count)
    position &+= record
    untold &+= record
    if untold >= RingLayout.slack { tell() }
  }

  /// Goes on at the start of the ring where the producer says so, and waits for a record.
  @inline(never)
  private mutating func waitForRecord(_ deadline: Deadline) -> RingStatus {
    while true {
      let current = unsafe word(position)
      switch unsafe current.pointee.load(ordering: .acquiring) {
      case 0:
        if untold > 0 {
          // Without a look at whether the producer sleeps, which would cost a fence: that comes
          // before this end sleeps itself.
          untold = 0
          unsafe tail.pointee.store(UInt32(truncatingIfNeeded: position), ordering: .releasing)
        }
        let (tail, bell, position) = unsafe (tail, bell, position)
        let status = unsafe waiter.wait(current, while: 0, at: position, deadline: deadline) {
          if bell.policy != .spin {
            atomicMemoryFence(ordering: .sequentiallyConsistent)
            unsafe bell.wakeProducer(waitingOn: tail, nowAt: position)
          }
        }
        if status != .ready { return status }
      case RingLayout.wrap:
        // The producer goes back once per round: a second time in a row would be for ever.
        guard position != 0 else { return .violation }
        position = 0
        tell()
      default:
        return .ready
      }
    }
  }

  /// Tells the producer how far this end has come.
  @inline(never)
  private mutating func tell() {
    untold = 0
    let value = UInt32(truncatingIfNeeded: position)
    if bell.policy == .spin {
      unsafe tail.pointee.store(value, ordering: .releasing)
    } else {
      unsafe tail.pointee.store(value, ordering: .sequentiallyConsistent)
      unsafe bell.wakeProducer(waitingOn: tail, nowAt: position)
    }
  }

  @inline(__always)
  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (data + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }
}
