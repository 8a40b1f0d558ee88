public import IPCSystem
internal import Synchronization

/// A semaphore: a count that a wait takes one from, and that anybody may add to, up to a limit.
///
/// With a name, processes share it; without, the threads of this process do. What a process has
/// taken is not given back when it ends.
///
/// - Note: Win32 `CreateSemaphore`, `OpenSemaphore`, `ReleaseSemaphore`.
@safe public final class CountingSemaphore: Waitable, Sendable {
  // The word: bit 0 somebody sleeps, and above it the count.
  private static let isAwaited: UInt32 = 1
  private static let limitOffset = 4
  /// The most that one system call adds.
  private static let largestStep = Futex.largestArgument / 2

  /// The highest count.
  public let limit: Int32
  private let memory: ObjectMemory
  private let holding: ObjectNamespace.Holding?
  // The address is the memory's, which lives as long as this object.
  private nonisolated(unsafe) let word: UnsafeMutablePointer<Atomic<UInt32>>
  private let inner: RobustMutex

  /// Creates a semaphore without a name.
  ///
  /// - Throws: `.invalidArgument` unless `0 <= count <= limit` and `limit > 0`.
  public convenience init(count: Int32, limit: Int32) throws(ObjectError) {
    try Self.check(count, limit)
    let memory = ObjectMemory(private: .semaphore)
    Self.prepare(memory, count, limit)
    self.init(memory, nil)
  }

  /// Creates a semaphore, or opens the one that has the name: that keeps its count and its limit.
  ///
  /// - Throws: `.invalidArgument` unless `0 <= count <= limit` and `limit > 0`; `.wrongKind`.
  public static func create(
    _ name: ObjectName, count: Int32, limit: Int32, in runtime: RuntimeDirectory
  ) throws(ObjectError) -> (semaphore: CountingSemaphore, existed: Bool) {
    try check(count, limit)
    let (holding, existed) = try ObjectNamespace.of(runtime).open(name, .semaphore) { memory in
      prepare(memory, count, limit)
      return nil
    }
    return (CountingSemaphore(holding.memory, holding), existed)
  }

  /// Opens the semaphore that has the name.
  ///
  /// - Throws: `.notFound`, `.wrongKind`.
  public static func open(
    _ name: ObjectName, in runtime: RuntimeDirectory
  ) throws(ObjectError) -> CountingSemaphore {
    let (holding, _) = try ObjectNamespace.of(runtime).open(name, .semaphore, prepare: nil)
    return CountingSemaphore(holding.memory, holding)
  }

  private static func check(_ count: Int32, _ limit: Int32) throws(ObjectError) {
    guard limit > 0, (0...limit).contains(count) else {
      throw ObjectError(.invalidArgument, "a semaphore with count \(count) and limit \(limit)")
    }
  }

  private static func prepare(_ memory: ObjectMemory, _ count: Int32, _ limit: Int32) {
    memory.setConstant(0, UInt32(count) << 1)
    memory.setConstant(limitOffset, limit)
  }

  /// An object without a holding is only looked at.
  init(_ memory: ObjectMemory, _ holding: ObjectNamespace.Holding?) {
    self.memory = memory
    self.holding = holding
    limit = max(1, memory.constant(Self.limitOffset, as: Int32.self))
    unsafe word = memory.word(0)
    inner = InnerMutex.of(memory)
  }

  /// Gives the name up. With the last one who has the semaphore open, it is free. Waits go on.
  public func close() { holding?.close() }

  /// The count at this moment.
  public var count: Int32 {
    Int32(unsafe word.pointee.load(ordering: .sequentiallyConsistent) >> 1)
  }

  /// Adds to the count.
  ///
  /// - Returns: The count before.
  /// - Throws: `.invalidArgument` for less than 1; `.limitExceeded`, and nothing is changed.
  @discardableResult
  public func release(_ amount: Int32 = 1) throws(ObjectError) -> Int32 {
    guard amount > 0 else { throw ObjectError(.invalidArgument, "releasing \(amount)") }
    var value = unsafe word.pointee.load(ordering: .relaxed)
    while true {
      try check(value, amount)
      if value & Self.isAwaited != 0 {
        guard let before = try releaseToSleepers(amount) else {
          value = unsafe word.pointee.load(ordering: .relaxed)
          continue
        }
        return before
      }
      let (done, now) = unsafe word.pointee.weakCompareExchange(
        expected: value, desired: value + UInt32(amount) << 1, ordering: .acquiringAndReleasing)
      if done { return Int32(value >> 1) }
      value = now
    }
  }

  private func check(_ value: UInt32, _ amount: Int32) throws(ObjectError) {
    if amount > limit - Int32(value >> 1) {
      throw ObjectError(.limitExceeded, "releasing \(amount) of a limit of \(limit)")
    }
  }

  /// Adds and wakes in one step: nobody can be killed after the one and before the other. While
  /// somebody sleeps, only who has the inner mutex adds.
  ///
  /// - Returns: `nil` when nobody sleeps.
  private func releaseToSleepers(_ amount: Int32) throws(ObjectError) -> Int32? {
    var failure: ObjectError?
    let before = inner.withLock { () -> Int32? in
      // For the thread sanitizer, which does not see what the kernel does.
      let value = unsafe word.pointee.bitwiseOr(0, ordering: .acquiringAndReleasing).oldValue
      do throws(ObjectError) { try check(value, amount) } catch {
        failure = error
        return nil
      }
      if value & Self.isAwaited == 0 { return nil }
      let last = min(UInt32(amount), Self.largestStep)
      if UInt32(amount) > last {
        unsafe _ = word.pointee.wrappingAdd(
          (UInt32(amount) - last) << 1, ordering: .acquiringAndReleasing)
      }
      // One less: that takes the mark of the sleepers away.
      unsafe Futex.add(last << 1 - 1, to: word)
      return Int32(value >> 1)
    }
    if let failure { throw failure }
    return before
  }

  // MARK: - Waitable

  /// See ``Waitable/identity``.
  public var identity: UInt64 { memory.identity }

  /// Whether there is something to take.
  public func isSignalled(since pulses: UInt32) -> Bool { count > 0 }

  /// Takes one from the count.
  public func take(since pulses: UInt32) -> Taking? {
    var value = unsafe word.pointee.load(ordering: .acquiring)
    while value >> 1 > 0 {
      let (done, now) = unsafe word.pointee.weakCompareExchange(
        expected: value, desired: value - 2, ordering: .acquiringAndReleasing)
      if done { return .signal }
      value = now
    }
    return nil
  }

  /// Adds it again. When others have filled the semaphore meanwhile, that is dropped.
  public func giveBack(_ taking: Taking) { _ = try? release() }

  /// The word, which says that somebody sleeps.
  public func sleepingPlace(since pulses: UInt32) -> SleepingPlace? {
    var value = unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    while value != Self.isAwaited {
      if value >> 1 > 0 { return nil }
      let (done, now) = unsafe word.pointee.weakCompareExchange(
        expected: value, desired: Self.isAwaited, ordering: .sequentiallyConsistent)
      value = done ? Self.isAwaited : now
    }
    return unsafe SleepingPlace(word, while: value)
  }
}
