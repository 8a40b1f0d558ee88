public import IPCSystem
internal import Synchronization

/// A mutex that a thread owns, as often as it has taken it.
///
/// With a name, processes share it; without, the threads of this process do. When its owner ends
/// without giving it back, the next one who takes it is told that it was *abandoned*: what it guards
/// may be half done.
///
/// Who has just come goes after who has waited for long; otherwise the order is not that of arrival.
///
/// - Note: Win32 `CreateMutex`, `OpenMutex`, `ReleaseMutex`. Of more than 2048 that a thread owns,
///   the kernel gives up the rest when it ends.
@safe public final class OwnedMutex: Waitable, Sendable {
  /// How a wait for a mutex ended.
  public enum Acquisition: Sendable, Hashable {
    /// The caller owns it.
    case owned
    /// The caller owns it; its last owner has ended without giving it back.
    case abandoned
    /// Somebody else owns it still.
    case timedOut
  }

  private let memory: ObjectMemory
  private let holding: ObjectNamespace.Holding?
  private let mutex: RobustMutex
  // The addresses are the memory's, which lives as long as this object.
  private nonisolated(unsafe) let word: UnsafeMutablePointer<Atomic<UInt32>>
  /// 1 when the mutex was abandoned and nobody was told.
  private nonisolated(unsafe) let isUntold: UnsafeMutablePointer<Atomic<UInt32>>

  /// Creates a mutex without a name.
  ///
  /// - Parameter isOwned: Whether the calling thread owns it from the start.
  public convenience init(isOwned: Bool = false) {
    let memory = ObjectMemory(private: .mutex)
    Self.prepare(memory, isOwned)
    self.init(memory, nil)
  }

  /// Creates a mutex, or opens the one that has the name, which is not taken.
  ///
  /// - Parameter isOwned: Whether the calling thread owns it from the start, if it is new.
  /// - Throws: `.wrongKind`.
  public static func create(
    _ name: ObjectName, isOwned: Bool = false, in runtime: RuntimeDirectory
  ) throws(ObjectError) -> (mutex: OwnedMutex, existed: Bool) {
    let (holding, existed) = try ObjectNamespace.of(runtime).open(name, .mutex) {
      (memory) throws(ObjectError) in
      prepare(memory, isOwned)
      return nil
    }
    return (OwnedMutex(holding.memory, holding), existed)
  }

  /// Opens the mutex that has the name.
  ///
  /// - Throws: `.notFound`, `.wrongKind`.
  public static func open(
    _ name: ObjectName, in runtime: RuntimeDirectory
  ) throws(ObjectError) -> OwnedMutex {
    let (holding, _) = try ObjectNamespace.of(runtime).open(name, .mutex, prepare: nil)
    return OwnedMutex(holding.memory, holding)
  }

  // New memory is a free mutex.
  private static func prepare(_ memory: ObjectMemory, _ isOwned: Bool) {
    if isOwned { _ = unsafe RobustMutex(at: memory.body).lock() }
  }

  /// An object without a holding is only looked at.
  init(_ memory: ObjectMemory, _ holding: ObjectNamespace.Holding?) {
    self.memory = memory
    self.holding = holding
    unsafe mutex = RobustMutex(at: memory.body)
    unsafe word = memory.word(0)
    unsafe isUntold = memory.word(RobustMutex.size)
  }

  /// Gives the name up. With the last one who has the mutex open, it is free. Who owns the mutex
  /// goes on owning it.
  public func close() { holding?.close() }

  /// The same mutex for who does not keep its name: that ends with the last one who does.
  var withoutName: OwnedMutex { OwnedMutex(memory, nil) }

  /// Waits for the mutex and owns it, once more if the calling thread does already.
  @inline(__always)
  public func lock(deadline: Deadline = .never) -> Acquisition {
    let outcome = deadline == .immediate ? mutex.tryLock() : mutex.tryLockInTurn()
    if unsafe outcome == .taken && isUntold.pointee.load(ordering: .relaxed) == 0 { return .owned }
    return finishLock(outcome, deadline)
  }

  @inline(never)
  private func finishLock(_ outcome: RobustMutex.Outcome, _ deadline: Deadline) -> Acquisition {
    var taking = note(outcome)
    if taking == nil && !deadline.hasPassed { taking = waitAlone(since: 0, deadline: deadline) }
    return taking.map { keep($0) == .abandoned ? .abandoned : .owned } ?? .timedOut
  }

  /// Gives the mutex back, once.
  ///
  /// - Throws: `.notOwner` when the calling thread does not own it.
  @inline(__always)
  public func unlock() throws(ObjectError) {
    guard mutex.unlockIfOwn() else { throw Self.notOwner() }
  }

  @inline(never)
  private static func notOwner() -> ObjectError { ObjectError(.notOwner, "giving a mutex back") }

  /// The number of the thread that owns it (Linux `gettid`), of whichever process; `nil` when it is
  /// free.
  public var owner: Int32? {
    let value = unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    let owner = value & RobustMutex.owner
    return owner == 0 || value & RobustMutex.isOrphan != 0 ? nil : Int32(owner)
  }

  /// Whether its owner has ended without giving it back, and nobody was told yet.
  var isAbandoned: Bool {
    let value = unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    return value & RobustMutex.isOrphan != 0
      || (unsafe isUntold.pointee.load(ordering: .sequentiallyConsistent)) != 0
  }

  // MARK: - Waitable

  /// See ``Waitable/identity``.
  public var identity: UInt64 { memory.identity }

  /// Whether it is free, or the calling thread's.
  public func isSignalled(since pulses: UInt32) -> Bool {
    isFree(unsafe word.pointee.load(ordering: .sequentiallyConsistent))
  }

  private func isFree(_ value: UInt32) -> Bool {
    let owner = value & RobustMutex.owner
    return owner == 0 || value & RobustMutex.isOrphan != 0
      || mutex.isOwn
  }

  /// Owns it, if it is free or the calling thread's.
  @inline(__always)
  public func take(since pulses: UInt32) -> Taking? { note(mutex.tryLock()) }

  @inline(__always)
  private func note(_ outcome: RobustMutex.Outcome) -> Taking? {
    switch outcome {
    case .taken: return .signal
    case .busy: return nil
    case .inherited:
      unsafe isUntold.pointee.store(1, ordering: .sequentiallyConsistent)
      return .signal
    }
  }

  /// Tells, once, that the mutex was abandoned.
  @inline(__always)
  public func keep(_ taking: Taking) -> Taking {
    guard unsafe isUntold.pointee.load(ordering: .relaxed) != 0 else { return taking }
    unsafe isUntold.pointee.store(0, ordering: .relaxed)
    return .abandoned
  }

  /// Gives it back. That it was abandoned is still to be told.
  public func giveBack(_ taking: Taking) { try? unlock() }

  /// Lets a thread go first that has waited long.
  public func stayBack() { mutex.stayBack() }

  /// Says since when it waits.
  public func claim(since begin: UInt64) { mutex.claim(since: begin) }

  /// Ends the wait.
  public func hasSlept() { mutex.hasSlept() }

  /// Wakes the next sleeper, if the mutex is nobody's.
  public func passOn() {
    let value = unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    if value & RobustMutex.owner == 0 || value & RobustMutex.isOrphan != 0 {
      unsafe Futex.wake(word, count: 1)
    }
  }

  /// The mutex's own word, which says that somebody sleeps: the kernel wakes when the owner dies.
  public func sleepingPlace(since pulses: UInt32) -> SleepingPlace? {
    mutex.watch()
    var value = unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    while true {
      if isFree(value) { return nil }
      let wanted = value | RobustMutex.isAwaited
      if wanted == value { break }
      let (done, now) = unsafe word.pointee.weakCompareExchange(
        expected: value, desired: wanted, ordering: .sequentiallyConsistent)
      value = done ? wanted : now
      if done { break }
    }
    return unsafe SleepingPlace(word, while: value)
  }

  /// Sleeps in turn with others who want nothing else.
  public func waitAlone(since pulses: UInt32, deadline: Deadline) -> Taking? {
    note(mutex.lock(deadline: deadline)).map(keep)
  }
}
