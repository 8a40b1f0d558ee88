internal import Glibc

/// A lock between the threads of this process, for state that is touched on every message.
///
/// `Synchronization.Mutex` owns what it protects, and lends it inside a closure; this one is for
/// state that is protected by one of several locks, or locked in one function and unlocked in
/// another. Wraps `pthread_mutex_t`.
@safe public final class ThreadLock: @unchecked Sendable {
  // Sendable: a mutex is made to be shared.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  /// Creates the lock, unlocked.
  public init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Waits for the lock and takes it.
  @inline(__always)
  public func lock() { unsafe _ = pthread_mutex_lock(mutex) }

  /// Gives the lock back. Only for who has it.
  @inline(__always)
  public func unlock() { unsafe _ = pthread_mutex_unlock(mutex) }

  /// Runs `body` with the lock held.
  @inline(__always)
  public func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    lock()
    defer { unlock() }
    return try body()
  }
}
