internal import Glibc
internal import IPCSystem
internal import Synchronization

/// How one end of a ring waits for the other.
public enum WaitPolicy: String, Sendable, CaseIterable {
  /// Sleeps on the word it waits for. Wraps `futex(2)`.
  case event
  /// Sleeps on a process-shared semaphore, which the other end posts when it sees a sleeper. Wraps
  /// `sem_clockwait(3)` and `sem_post(3)`.
  case semaphore
  /// Reads the word over and over; never a system call while it waits.
  case spin
  /// Spins while the peer runs on another processor and has been answering in time, then sleeps.
  case hybrid
}

/// What came of a wait. Kept small: errors are made from it off the fast path.
enum RingStatus: Int {
  /// There is a message, or room for one.
  case ready = 0
  /// The deadline passed.
  case timedOut = -1
  /// This side closed, the other side is gone, or it broke the protocol: see ``RingEnding``.
  case ended = -2
  /// What the peer wrote makes no sense.
  case violation = -3
}

/// Why a conversation is over, and which words local threads sleep on. The peer cannot write here.
@safe struct RingEnding: ~Copyable {
  static let closed: UInt32 = 1
  static let peerGone: UInt32 = 2
  static let violated: UInt32 = 4

  /// The bits above.
  let bits = Atomic<UInt32>(0)
  /// Address of the word the receiving thread sleeps on, or is about to; 0 when it does not.
  let receiverSleepsOn = Atomic<UInt>(0)
  /// The same for the sending thread.
  let senderSleepsOn = Atomic<UInt>(0)

  init() {}

  /// Notes why it is over and gets sleeping threads out. Call it from any thread.
  ///
  /// - Parameters:
  ///   - items: The semaphore on which the receiver may sleep.
  ///   - spaces: The semaphore on which the sender may sleep.
  borrowing func end(
    _ reason: UInt32, items: UnsafeMutableRawPointer, spaces: UnsafeMutableRawPointer,
    policy: WaitPolicy
  ) {
    bits.bitwiseOr(reason, ordering: .sequentiallyConsistent)
    switch policy {
    case .spin: break
    case .semaphore:
      unsafe SharedSemaphore.post(items)
      unsafe SharedSemaphore.post(spaces)
    case .event, .hybrid:
      expel(receiverSleepsOn)
      expel(senderSleepsOn)
    }
  }

  /// A thread may have looked at the bits just before they were set and be on its way into the
  /// sleep, and the word it sleeps on is not ours to change: wake until it says that it is out.
  private borrowing func expel(_ word: borrowing Atomic<UInt>) {
    while let address = unsafe UnsafeRawPointer(
      bitPattern: word.load(ordering: .sequentiallyConsistent))
    {
      if unsafe Futex.wake(address) == 0 { sched_yield() }
    }
  }
}

/// What both ends of a ring need in order to wait for a word that the other end writes.
@safe struct RingWaiter {
  let policy: WaitPolicy
  let ending: UnsafeMutablePointer<RingEnding>
  /// In the shared memory: for what this end sleeps, and its promise; see ``RingBell``.
  let sleeps: UnsafeMutablePointer<Atomic<UInt64>>
  /// In the shared memory: what this end waits on with the semaphore policy.
  let semaphore: UnsafeMutableRawPointer
  /// In the shared memory: the processor, plus one, on which this side and the other side run.
  let ownProcessor: UnsafeMutablePointer<Atomic<UInt32>>
  let peerProcessor: UnsafeMutablePointer<Atomic<UInt32>>
  /// In the shared memory: whether the other side's process takes part in barriers.
  let peerTakesPart: UnsafeMutablePointer<Atomic<UInt32>>
  let receives: Bool
  /// ``RingBell/promised``, or 0.
  private var promise: UInt64 = 0
  private var spinBudget = longestSpin
  /// Whether both sides ran on one processor when this end last wanted to spin.
  private var sharesProcessor = false

  private static let longestSpin = 4000
  private static let shortestSpin = 60

  init(
    policy: WaitPolicy, ending: UnsafeMutablePointer<RingEnding>,
    sleeps: UnsafeMutablePointer<Atomic<UInt64>>, semaphore: UnsafeMutableRawPointer,
    ownProcessor: UnsafeMutablePointer<Atomic<UInt32>>,
    peerProcessor: UnsafeMutablePointer<Atomic<UInt32>>,
    peerTakesPart: UnsafeMutablePointer<Atomic<UInt32>>, receives: Bool
  ) {
    self.policy = policy
    unsafe self.ending = ending
    unsafe self.sleeps = sleeps
    unsafe self.semaphore = semaphore
    unsafe self.ownProcessor = ownProcessor
    unsafe self.peerProcessor = peerProcessor
    unsafe self.peerTakesPart = peerTakesPart
    self.receives = receives
  }

  /// Bits of ``RingEnding`` that end this wait.
  @inline(__always) var ended: Bool {
    unsafe ending.pointee.bits.load(ordering: .sequentiallyConsistent) != 0
  }

  /// Waits until `word` holds something else than `value`.
  ///
  /// - Parameters:
  ///   - number: What this end waits for, for ``RingBell/note(_:)``.
  ///   - announce: Runs before this end sleeps, to tell the other end what it may wait for.
  /// - Returns: `.ready` also when the conversation has ended but the word has changed.
  mutating func wait(
    _ word: UnsafeMutablePointer<Atomic<UInt32>>, while value: UInt32, number: UInt32,
    deadline: Deadline, announce: () -> Void
  ) -> RingStatus {
    let note = RingBell.note(number)
    if deadline.nanoseconds == 0 {
      announce()
      return ended ? unsafe lastLook(word, value, .ended) : unsafe lastLook(word, value, .timedOut)
    }
    switch policy {
    case .spin:
      return unsafe spin(word, value, deadline)
    case .event:
      return unsafe sleep(word, value, note, deadline, announce)
    case .hybrid:
      if unsafe spinBriefly(word, value) { return .ready }
      return unsafe sleep(word, value, note, deadline, announce)
    case .semaphore:
      return unsafe sleepOnSemaphore(word, value, note, deadline, announce)
    }
  }

  @inline(__always)
  private func changed(_ word: UnsafeMutablePointer<Atomic<UInt32>>, _ value: UInt32) -> Bool {
    unsafe word.pointee.load(ordering: .acquiring) != value
  }

  /// What the peer wrote before it went away still counts.
  private func lastLook(
    _ word: UnsafeMutablePointer<Atomic<UInt32>>, _ value: UInt32, _ status: RingStatus
  ) -> RingStatus {
    unsafe changed(word, value) ? .ready : status
  }

  private func spin(
    _ word: UnsafeMutablePointer<Atomic<UInt32>>, _ value: UInt32, _ deadline: Deadline
  ) -> RingStatus {
    while true {
      for _ in 0..<256 {
        if unsafe changed(word, value) { return .ready }
        Processor.spinHint()
      }
      if ended { return unsafe lastLook(word, value, .ended) }
      if deadline.hasPassed { return unsafe lastLook(word, value, .timedOut) }
    }
  }

  /// Spins as long as it has paid off lately; not at all when both sides share a processor, where
  /// the peer cannot answer while this side spins.
  private mutating func spinBriefly(
    _ word: UnsafeMutablePointer<Atomic<UInt32>>, _ value: UInt32
  ) -> Bool {
    let here = UInt32(truncatingIfNeeded: Processor.current + 1)
    if unsafe ownProcessor.pointee.load(ordering: .relaxed) != here {
      unsafe ownProcessor.pointee.store(here, ordering: .relaxed)
    }
    let there = unsafe peerProcessor.pointee.load(ordering: .relaxed)
    sharesProcessor = there == here
    if sharesProcessor || there == 0 { return false }
    for _ in 0..<spinBudget {
      if unsafe changed(word, value) {
        spinBudget = min(Self.longestSpin, spinBudget &* 2)
        if receives && promise == 0 { makePromise() }
        return true
      }
      Processor.spinHint()
    }
    spinBudget = max(Self.shortestSpin, spinBudget / 2)
    return false
  }

  /// Spinning pays off: the sender is to do without a fence, if both processes take part.
  @inline(never)
  private mutating func makePromise() {
    guard unsafe peerTakesPart.pointee.load(ordering: .acquiring) == 1, RemoteBarrier.takesPart
    else { return }
    promise = RingBell.promised
    unsafe sleeps.pointee.store(promise, ordering: .releasing)
  }

  /// Says that this end sleeps, and does as it has promised. The promise ends when it will sleep
  /// often: with both sides on one processor, or when spinning does not pay off any more.
  private mutating func announceSleep(_ note: UInt32) {
    let hasPromised = promise != 0
    if sharesProcessor || spinBudget == Self.shortestSpin { promise = 0 }
    unsafe sleeps.pointee.store(promise | UInt64(note), ordering: .sequentiallyConsistent)
    if hasPromised { RemoteBarrier.issue() }
  }

  private mutating func sleep(
    _ word: UnsafeMutablePointer<Atomic<UInt32>>, _ value: UInt32, _ note: UInt32,
    _ deadline: Deadline, _ announce: () -> Void
  ) -> RingStatus {
    let address = UInt(bitPattern: UnsafeRawPointer(word))
    slot { $0.store(address, ordering: .sequentiallyConsistent) }
    defer {
      unsafe sleeps.pointee.store(promise, ordering: .relaxed)
      slot { $0.store(0, ordering: .releasing) }
    }
    announce()
    while true {
      // The other end changes the word and then looks whether we sleep; we say that we sleep and
      // then look at the word. One of the two sees the other.
      announceSleep(note)
      if unsafe word.pointee.load(ordering: .sequentiallyConsistent) != value { return .ready }
      if ended { return unsafe lastLook(word, value, .ended) }
      if case .timedOut = unsafe Futex.wait(
        UnsafeRawPointer(word), while: value, deadline: deadline)
      {
        return unsafe lastLook(word, value, .timedOut)
      }
      if unsafe changed(word, value) { return .ready }
    }
  }

  private func slot(_ body: (borrowing Atomic<UInt>) -> Void) {
    if receives {
      unsafe body(ending.pointee.receiverSleepsOn)
    } else {
      unsafe body(ending.pointee.senderSleepsOn)
    }
  }

  private mutating func sleepOnSemaphore(
    _ word: UnsafeMutablePointer<Atomic<UInt32>>, _ value: UInt32, _ note: UInt32,
    _ deadline: Deadline, _ announce: () -> Void
  ) -> RingStatus {
    defer { unsafe sleeps.pointee.store(0, ordering: .relaxed) }
    announce()
    while true {
      announceSleep(note)
      if unsafe word.pointee.load(ordering: .sequentiallyConsistent) != value { return .ready }
      if ended { return unsafe lastLook(word, value, .ended) }
      if !(unsafe SharedSemaphore.wait(semaphore, deadline: deadline)) && deadline.hasPassed {
        return unsafe lastLook(word, value, .timedOut)
      }
    }
  }
}

/// How one end of a ring wakes the other.
///
/// A sleeper notes for what it sleeps: the number of the message it waits for, or the number of
/// messages consumed that it wants to see grow. Were it only a flag, a waker that is slow between
/// reading and clearing it could take away the note of the sleeper's next sleep, and leave it
/// asleep.
///
/// A sender stores a commit word and looks at the note; the receiver makes its note and looks at the
/// word. Both need a fence in between, which takes longer than a short message. A receiver that spins,
/// and hardly ever sleeps, promises to run the sender's too (``RemoteBarrier``) whenever it goes to
/// sleep. The promise stands in the upper half of the word with the note: one look tells both.
@safe struct RingBell {
  let policy: WaitPolicy
  /// In the shared memory: the note of the other end, 0 when it is awake, and its promise.
  let sleeps: UnsafeMutablePointer<Atomic<UInt64>>
  /// In the shared memory: what the other end sleeps on with the semaphore policy.
  let semaphore: UnsafeMutableRawPointer

  /// What a receiver adds to its note that has promised to run the sender's fences.
  static let promised: UInt64 = 1 << 32

  /// The note of a sleeper; never 0.
  @inline(__always)
  static func note(_ number: UInt32) -> UInt32 { number << 1 | 1 }

  /// Stores a commit word and wakes the consumer if it sleeps for it. A system call only then.
  @inline(__always)
  func commit(
    _ value: UInt32, to word: UnsafeMutablePointer<Atomic<UInt32>>, number: UInt32
  ) {
    if policy == .spin {
      unsafe word.pointee.store(value, ordering: .releasing)
      return
    }
    // A plain store and a fence after it: an atomic exchange would have the processor fetch the
    // word's line only when it has written the payload's, and the consumer waits for both.
    unsafe word.pointee.store(value, ordering: .releasing)
    // The compiler keeps the order of the store and of a load this strong; the processor need not.
    if policy == .hybrid,
      unsafe sleeps.pointee.load(ordering: .sequentiallyConsistent) == Self.promised
    {
      return
    }
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    let state = unsafe sleeps.pointee.load(ordering: .sequentiallyConsistent)
    if UInt32(truncatingIfNeeded: state) == Self.note(number) {
      unsafe wake(UnsafeRawPointer(word), state)
    }
  }

  /// Wakes the producer if it sleeps until more than it knows of is consumed. The tail was stored
  /// sequentially consistently, or before a fence.
  ///
  /// - Parameter number: How much is consumed; `nil` wakes it whatever it knows.
  func wakeProducer(
    waitingOn tail: UnsafeMutablePointer<Atomic<UInt64>>, consumed number: UInt32?
  ) {
    let state = unsafe sleeps.pointee.load(ordering: .sequentiallyConsistent)
    let note = UInt32(truncatingIfNeeded: state)
    if note != 0 && note != number.map(Self.note) { unsafe wake(UnsafeRawPointer(tail), state) }
  }

  /// Once per sleep: until the sleeper has run, this end may store many more values.
  @inline(never)
  private func wake(_ word: UnsafeRawPointer, _ state: UInt64) {
    guard
      unsafe sleeps.pointee.compareExchange(
        expected: state, desired: state & Self.promised, ordering: .sequentiallyConsistent
      ).exchanged
    else { return }
    if policy == .semaphore {
      unsafe SharedSemaphore.post(semaphore)
    } else {
      unsafe Futex.wake(word, count: 1)
    }
  }
}
