internal import IPCSystem

/// The lock of an object of this process, and the object's number.
public final class ObjectLock: Sendable {
  private let inner = ThreadLock()
  /// No two objects have the same.
  public let order = ObjectMemory.nextIdentity()

  /// Creates a lock that nobody holds.
  public init() {}

  /// Waits until nobody holds the lock, and holds it.
  public func lock() { inner.lock() }

  /// Lets the lock go.
  public func unlock() { inner.unlock() }
}
