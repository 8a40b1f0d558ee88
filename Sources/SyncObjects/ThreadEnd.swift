public import IPCSystem
internal import Synchronization

/// The end of a thread, to wait for.
///
/// It is signalled when the thread is really gone: what it owned is abandoned then. The kernel tells:
/// the thread holds a robust mutex, the first that it takes and thus the last that the kernel looks
/// at.
@safe public final class ThreadEnd: Waitable, Sendable {
  private let memory = ObjectMemory(private: .mutex)
  private let mutex: RobustMutex
  // The address is the memory's, which lives as long as this object.
  private nonisolated(unsafe) let word: UnsafeMutablePointer<Atomic<UInt32>>

  /// Creates the end of a thread that is to call ``begin()``.
  public init() {
    unsafe mutex = RobustMutex(at: memory.body)
    unsafe word = memory.word(0)
  }

  /// Says that the calling thread is the one. Call it once, before anybody waits.
  public func begin() { _ = mutex.lock() }

  /// Whether the thread has ended.
  public var hasEnded: Bool {
    unsafe word.pointee.load(ordering: .sequentiallyConsistent) & RobustMutex.isOrphan != 0
  }

  // MARK: - Waitable

  /// See ``Waitable/identity``.
  public var identity: UInt64 { memory.identity }

  /// Whether the thread has ended.
  public func isSignalled(since pulses: UInt32) -> Bool { hasEnded }

  /// It stays ended. The kernel has woken one sleeper only.
  public func take(since pulses: UInt32) -> Taking? {
    guard hasEnded else { return nil }
    passOn()
    return .signal
  }

  /// Wakes who sleeps, if the thread has ended.
  public func passOn() {
    if hasEnded { unsafe Futex.wake(word) }
  }

  /// The mutex's word, which says that somebody sleeps.
  public func sleepingPlace(since pulses: UInt32) -> SleepingPlace? {
    let value = unsafe word.pointee.bitwiseOr(
      RobustMutex.isAwaited, ordering: .sequentiallyConsistent
    ).newValue
    return value & RobustMutex.isOrphan != 0 ? nil : unsafe SleepingPlace(word, while: value)
  }
}
