public import IPCSystem

/// Something that a thread can wait for: alone, as one of several, or together with others.
///
/// An object is *signalled* or it is not, and whoever waits for it *takes* the signal, which may end
/// it (an event that resets itself) or not (a process that has ended). ``Waiting`` does the waiting;
/// an object only says how it is locked, looked at and taken.
public protocol Waitable: AnyObject, Sendable {
  /// Changes whenever the object becomes signalled. Waiters sleep on it.
  var signalWord: SignalWord { get }

  /// Where this object stands among those that are locked together; no two have the same place.
  var lockOrder: UInt64 { get }

  /// Makes the state exact: looks for what has happened that nobody has noticed. Called without the
  /// lock; it may signal this object and others.
  func notice()

  /// Locks the state: nobody else looks at it or changes it until ``unlock()``.
  func lock()

  /// Ends ``lock()``.
  func unlock()

  /// Whether a wait would succeed. Asked with the lock held.
  var isSignalled: Bool { get }

  /// Takes the signal. Called with the lock held, when ``isSignalled``.
  func take()
}

extension Waitable {
  /// Nothing happens unnoticed.
  public func notice() {}

  /// Takes the signal if there is one.
  public func takeIfSignalled() -> Bool {
    lock()
    defer { unlock() }
    guard isSignalled else { return false }
    take()
    return true
  }
}
