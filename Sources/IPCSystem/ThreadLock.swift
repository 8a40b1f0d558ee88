internal import Glibc

/// A lock between the threads of this process. Wraps `pthread_mutex_t`.
///
/// For state that is touched on every message, that one of several locks protects, or that is locked
/// in one function and unlocked in another; ``Locked`` is for everything else. Neither uses
/// `Synchronization.Mutex`, of whose waiting the thread sanitizer knows nothing: it would report
/// every state that two threads wait for as a race.
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
  public func withLock<R: ~Copyable, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    lock()
    defer { unlock() }
    return try body()
  }
}

/// A value that threads of this process use in turn.
@safe public final class Locked<Value: ~Copyable>: @unchecked Sendable {
  // Sendable: the value is touched with the lock held only.
  private let lock = ThreadLock()
  private let value: UnsafeMutablePointer<Value>

  /// Takes over a value.
  public init(_ value: consuming sending Value) {
    unsafe self.value = .allocate(capacity: 1)
    unsafe self.value.initialize(to: value)
  }

  deinit { unsafe value.deinitialize(count: 1).deallocate() }

  /// Lends the value to `body`, with the lock held.
  public func withLock<R: ~Copyable, E: Error>(
    _ body: (inout Value) throws(E) -> R
  ) throws(E) -> R {
    lock.lock()
    defer { lock.unlock() }
    return try unsafe body(&value.pointee)
  }
}
