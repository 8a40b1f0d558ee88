internal import Glibc
internal import Synchronization

/// The lock of an object of this process. Unlike `Mutex` it can be held together with others whose
/// number is only known at run time.
@safe public final class ObjectLock: Sendable {
  private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
  /// The place of this lock among those that are held together: the order of creation.
  public let order: UInt64

  private static let orders = Atomic<UInt64>(0)

  /// Creates a lock that nobody holds.
  public init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
    order = Self.orders.wrappingAdd(1, ordering: .relaxed).newValue
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Waits until nobody holds the lock, and holds it.
  public func lock() { unsafe _ = pthread_mutex_lock(mutex) }

  /// Lets the lock go.
  public func unlock() { unsafe _ = pthread_mutex_unlock(mutex) }
}
