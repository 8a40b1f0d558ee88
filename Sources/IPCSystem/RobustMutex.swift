internal import CIPCShims

/// A recursive mutex in memory that processes share, which survives the death of its owner.
///
/// Its first word is the one that threads sleep on: the owner's thread number, and two bits. To the
/// kernel it is a robust `pthread_mutex_t`; `mutex.h` says how it differs from the C library's.
@safe public struct RobustMutex: @unchecked Sendable {
  // Sendable: a mutex is made to be shared, and the address is constant.
  private let mutex: UnsafeMutablePointer<cipc_mutex>

  /// How an attempt ended.
  public enum Outcome: Sendable {
    /// The caller has it.
    case taken
    /// The caller has it; the last owner has died with it.
    case inherited
    /// Somebody else has it.
    case busy
  }

  /// How many bytes it takes, which must be aligned to 8. All zero is a free mutex.
  public static let size = unsafe MemoryLayout<cipc_mutex>.size
  /// The bits of the word that are the owner's number.
  public static let owner: UInt32 = 0x3FFF_FFFF
  /// The bit of the word that says that the owner has died.
  public static let isOrphan: UInt32 = 0x4000_0000
  /// The bit of the word that says that somebody sleeps.
  public static let isAwaited: UInt32 = 0x8000_0000

  /// The mutex at an address that stays valid as long as this value is used.
  public init(at address: UnsafeMutableRawPointer) {
    unsafe mutex = address.assumingMemoryBound(to: cipc_mutex.self)
  }

  /// The word.
  public var word: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(mutex) }

  /// Whether the calling thread owns it.
  @inline(__always)
  public var isOwn: Bool { unsafe cipc_mutex_is_own(mutex) != 0 }

  /// Takes it if that can be done at once. The owner takes it once more.
  @inline(__always)
  public func tryLock() -> Outcome { unsafe Self.outcome(cipc_mutex_try(mutex)) }

  /// Waits for it; `.busy` when the deadline passes.
  public func lock(deadline: Deadline = .never) -> Outcome {
    unsafe deadline.withTimespec { unsafe Self.outcome(cipc_mutex_wait(mutex, $0)) }
  }

  /// Takes it if that can be done at once, after ``stayBack()``.
  @inline(__always)
  public func tryLockInTurn() -> Outcome {
    stayBack()
    return tryLock()
  }

  /// Gives it back, once. Only for who has it.
  @inline(__always)
  public func unlock() { unsafe cipc_mutex_unlock(mutex) }

  /// Gives it back, once, if the calling thread has it; tells whether it had.
  @inline(__always)
  public func unlockIfOwn() -> Bool {
    guard isOwn else { return false }
    unlock()
    return true
  }

  /// Runs `body` with the mutex held. What a dead owner was doing with it must not matter.
  public func withLock<R>(_ body: () -> R) -> R {
    _ = lock()
    defer { unlock() }
    return body()
  }

  /// Before an attempt: lets a thread go first that has waited long, for a moment.
  @inline(__always)
  public func stayBack() {
    if unsafe cipc_mutex_is_claimed(mutex) != 0 { unsafe cipc_mutex_stay_back(mutex) }
  }

  // MARK: - Sleeping here and elsewhere

  /// Says that the calling thread is about to sleep on the word. If it is killed when it was woken, the
  /// kernel wakes another sleeper. It looks after one mutex of a thread.
  public func watch() { unsafe cipc_mutex_watch(mutex) }

  /// Says, after some sleep, since when the calling thread has waited (``MonotonicClock``): if that
  /// is long, who comes after goes after it.
  public func claim(since begin: UInt64) {
    unsafe cipc_mutex_claim(mutex, UInt32(truncatingIfNeeded: begin / 1_000_000))
  }

  /// Ends ``watch()`` and ``claim(since:)``.
  public func hasSlept() {
    unsafe cipc_mutex_unclaim(mutex)
    cipc_mutex_watch(nil)
  }

  @inline(__always)
  private static func outcome(_ result: cipc_mutex_result) -> Outcome {
    switch result {
    case cipc_mutex_taken: .taken
    case cipc_mutex_inherited: .inherited
    default: .busy
    }
  }
}
