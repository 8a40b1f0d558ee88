internal import CIPCShims
internal import Glibc

/// A recursive mutex in memory that processes share, which survives the death of its owner.
///
/// Wraps `pthread_mutex_t` with `PTHREAD_MUTEX_ROBUST`. Its first word is the one that threads sleep
/// on: the owner's thread number, and two bits.
@safe public struct RobustMutex: @unchecked Sendable {
  // Sendable: a mutex is made to be shared, and the address is constant.
  private let address: UnsafeMutableRawPointer

  /// How an attempt ended.
  public enum Outcome: Sendable {
    /// The caller has it.
    case taken
    /// The caller has it; the last owner has died with it. ``adopt()`` makes it good again.
    case inherited
    /// Somebody else has it.
    case busy
  }

  /// How many bytes it takes, which must be aligned to 8.
  public static let size = cipc_robust_mutex_size()
  /// The bits of the word that are the owner's number.
  public static let owner: UInt32 = 0x3FFF_FFFF
  /// The bit of the word that says that the owner has died.
  public static let isOrphan: UInt32 = 0x4000_0000
  /// The bit of the word that says that somebody sleeps.
  public static let isAwaited: UInt32 = 0x8000_0000

  /// The mutex at an address that stays valid as long as this value is used.
  public init(at address: UnsafeMutableRawPointer) { unsafe self.address = address }

  /// The word.
  public var word: UnsafeMutableRawPointer { unsafe address }

  /// Makes the mutex, free.
  public func initialize() throws(SystemError) {
    let result = unsafe cipc_robust_mutex_init(address)
    if result != 0 { throw SystemError(code: result, call: "pthread_mutex_init") }
  }

  /// Ends a mutex that nobody uses any more.
  public func destroy() { unsafe cipc_robust_mutex_destroy(address) }

  /// Takes it if that can be done at once. The owner takes it once more.
  @inline(__always)
  public func tryLock() -> Outcome { unsafe Self.outcome(cipc_robust_mutex_try(address)) }

  /// Waits for it; `.busy` when the deadline passes.
  public func lock(deadline: Deadline = .never) -> Outcome {
    unsafe deadline.withTimespec { unsafe Self.outcome(cipc_robust_mutex_lock(address, $0)) }
  }

  /// Makes a mutex good whose last owner has died. Only for who has inherited it.
  public func adopt() { unsafe _ = cipc_robust_mutex_adopt(address) }

  /// Gives it back, once. Only for who has it.
  @inline(__always)
  public func unlock() { unsafe _ = cipc_robust_mutex_unlock(address) }

  /// Runs `body` with the mutex held. What a dead owner was doing with it must not matter.
  public func withLock<R>(_ body: () -> R) -> R {
    if lock() == .inherited { adopt() }
    defer { unlock() }
    return body()
  }

  @inline(__always)
  private static func outcome(_ result: Int32) -> Outcome {
    switch result {
    case 0: .taken
    case EOWNERDEAD: .inherited
    default: .busy
    }
  }
}
