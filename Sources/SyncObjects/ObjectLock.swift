internal import IPCSystem
internal import Synchronization

/// The lock of an object of this process, and where it stands among locks that are held together.
public final class ObjectLock: Sendable {
  private let inner = ThreadLock()
  /// The order of creation: no two locks have the same.
  public let order: UInt64

  private static let orders = Atomic<UInt64>(0)

  /// Creates a lock that nobody holds.
  public init() { order = Self.orders.wrappingAdd(1, ordering: .relaxed).newValue }

  /// Waits until nobody holds the lock, and holds it.
  public func lock() { inner.lock() }

  /// Lets the lock go.
  public func unlock() { inner.unlock() }
}
