internal import Glibc
internal import IPCSystem
internal import Synchronization

/// The mapping of one conversation and both its rings, as one side sees them.
@safe final class RingCore: @unchecked Sendable {
  // Sendable: `producer` is touched by the one sending thread only and `consumer` by the one
  // receiving thread only, as `Connection` demands; `ending` is atomic; the rest never changes.

  let producer: UnsafeMutablePointer<RingProducer>
  let consumer: UnsafeMutablePointer<RingConsumer>
  let ending: UnsafeMutablePointer<RingEnding>
  private let mapping: SharedMapping
  private let policy: WaitPolicy
  private let items: UnsafeMutableRawPointer
  private let spaces: UnsafeMutableRawPointer

  /// Writes the header of a fresh mapping, which is all zero otherwise.
  static func format(_ mapping: borrowing SharedMapping, policy: WaitPolicy) {
    unsafe mapping.address(at: RingLayout.magicOffset, length: 8)
      .storeBytes(of: RingLayout.magic, as: UInt64.self)
    unsafe mapping.address(at: RingLayout.versionOffset, length: 4)
      .storeBytes(of: RingLayout.version, as: UInt32.self)
    unsafe mapping.address(at: RingLayout.policyOffset, length: 4)
      .storeBytes(of: policy.number, as: UInt32.self)
    unsafe mapping.address(at: RingLayout.capacityOffset, length: 8)
      .storeBytes(of: UInt64(RingLayout.capacity), as: UInt64.self)
    for side in [RingLayout.Side.client, .server] {
      let control = RingLayout.control(writtenBy: side)
      for offset in [RingLayout.itemsOffset, RingLayout.spacesOffset] {
        unsafe SharedSemaphore.initialize(
          mapping.address(at: control + offset, length: SharedSemaphore.size), value: 0)
      }
    }
  }

  /// Whether a mapping that came from a peer has this layout and waits by `policy`.
  static func isFormatted(
    _ mapping: borrowing SharedMapping, policy: WaitPolicy
  ) -> Bool {
    guard mapping.size == RingLayout.size else { return false }
    return unsafe mapping.address(at: RingLayout.magicOffset, length: 8)
      .load(as: UInt64.self) == RingLayout.magic
      && mapping.address(at: RingLayout.versionOffset, length: 4)
        .load(as: UInt32.self) == RingLayout.version
      && mapping.address(at: RingLayout.policyOffset, length: 4)
        .load(as: UInt32.self) == policy.number
      && mapping.address(at: RingLayout.capacityOffset, length: 8)
        .load(as: UInt64.self) == UInt64(RingLayout.capacity)
  }

  /// Takes over a formatted mapping as one of its two sides.
  init(_ mapping: consuming SharedMapping, side: RingLayout.Side, policy: WaitPolicy) {
    let other: RingLayout.Side = side == .client ? .server : .client
    let out = RingLayout.control(writtenBy: side)
    let incoming = RingLayout.control(writtenBy: other)
    let base = unsafe mapping.address(at: 0, length: RingLayout.size)
    func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
      unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }
    func long(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
      unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }
    self.mapping = mapping
    self.policy = policy
    unsafe items = base + incoming + RingLayout.itemsOffset
    unsafe spaces = base + out + RingLayout.spacesOffset
    unsafe ending = .allocate(capacity: 1)
    unsafe ending.initialize(to: RingEnding())
    unsafe producer = .allocate(capacity: 1)
    unsafe producer.initialize(
      to: RingProducer(
        data: base + RingLayout.ring(writtenBy: side),
        slots: base + RingLayout.slots(writtenBy: side), tail: long(out + RingLayout.tailOffset),
        bell: RingBell(
          policy: policy, sleeps: long(out + RingLayout.consumerSleepsOffset),
          semaphore: base + out + RingLayout.itemsOffset),
        waiter: RingWaiter(
          policy: policy, ending: ending, sleeps: long(out + RingLayout.producerSleepsOffset),
          semaphore: spaces, ownProcessor: word(RingLayout.processorOffset(side)),
          peerProcessor: word(RingLayout.processorOffset(other)),
          peerTakesPart: word(RingLayout.barrierOffset(other)), receives: false)))
    unsafe consumer = .allocate(capacity: 1)
    unsafe consumer.initialize(
      to: RingConsumer(
        data: base + RingLayout.ring(writtenBy: other),
        slots: base + RingLayout.slots(writtenBy: other),
        tail: long(incoming + RingLayout.tailOffset),
        bell: RingBell(
          policy: policy, sleeps: long(incoming + RingLayout.producerSleepsOffset),
          semaphore: base + incoming + RingLayout.spacesOffset),
        waiter: RingWaiter(
          policy: policy, ending: ending, sleeps: long(incoming + RingLayout.consumerSleepsOffset),
          semaphore: items, ownProcessor: word(RingLayout.processorOffset(side)),
          peerProcessor: word(RingLayout.processorOffset(other)),
          peerTakesPart: word(RingLayout.barrierOffset(other)), receives: true)))
    if policy == .hybrid && RemoteBarrier.takesPart {
      unsafe word(RingLayout.barrierOffset(side)).pointee.store(1, ordering: .releasing)
    }
  }

  deinit {
    unsafe producer.deinitialize(count: 1).deallocate()
    unsafe consumer.deinitialize(count: 1).deallocate()
    unsafe ending.deinitialize(count: 1).deallocate()
  }

  /// Ends the conversation on this side and gets local threads out of their waits.
  func end(_ reason: UInt32) {
    unsafe ending.pointee.end(reason, items: items, spaces: spaces, policy: policy)
  }

  /// Why it has ended: bits of ``RingEnding``, 0 when it has not.
  var reasons: UInt32 {
    unsafe ending.pointee.bits.load(ordering: .sequentiallyConsistent)
  }
}

extension WaitPolicy {
  /// The policy as both sides write and check it.
  var number: UInt32 {
    switch self {
    case .event: 1
    case .semaphore: 2
    case .spin: 3
    case .hybrid: 4
    }
  }
}
