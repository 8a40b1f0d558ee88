public import IPCSystem

/// An event without a name: it is set or it is not, and threads wait until it is.
///
/// - Note: Win32 `CreateEvent`, `SetEvent`, `ResetEvent`.
public final class Event: Waitable, @unchecked Sendable {
  // Sendable: `isSet` is only touched with the lock held.

  /// What a successful wait does to an event.
  public enum Reset: Sendable {
    /// Nothing: it stays set until it is reset, and every waiter goes on.
    case manual
    /// It resets it: one waiter goes on.
    case automatic
  }

  /// What a successful wait does.
  public let reset: Reset
  /// See ``Waitable/signalWord``.
  public let signalWord = SignalWord()
  private let guardian = ObjectLock()
  private var isSet: Bool
  private let sources = Locked<[ObjectIdentifier: any SignalSource]>([:])

  /// Creates an event.
  public init(_ reset: Reset, isSet: Bool = false) {
    self.reset = reset
    self.isSet = isSet
  }

  /// Sets the event.
  public func set() {
    lock()
    let changes = !isSet
    isSet = true
    unlock()
    if changes { signalWord.signal() }
  }

  /// Resets the event.
  public func clear() {
    lock()
    isSet = false
    unlock()
  }

  /// Registers something that will set the event and must be asked first whenever somebody wants to
  /// know whether it is set.
  public func attach(_ source: any SignalSource) {
    sources.withLock { $0[ObjectIdentifier(source)] = source }
  }

  /// Ends ``attach(_:)``.
  public func detach(_ source: any SignalSource) {
    sources.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(source)) }
  }

  // MARK: - Waitable

  /// See ``Waitable/lockOrder``.
  public var lockOrder: UInt64 { guardian.order }

  /// Asks what is attached whether it has anything to report.
  public func notice() {
    for source in sources.withLock({ Array($0.values) }) { source.notice() }
  }

  /// See ``Waitable/lock()``.
  public func lock() { guardian.lock() }
  /// See ``Waitable/unlock()``.
  public func unlock() { guardian.unlock() }
  /// Whether the event is set.
  public var isSignalled: Bool { isSet }
  /// Resets an event that resets itself.
  public func take() { if reset == .automatic { isSet = false } }
}

/// Something that sets an event when it is asked and has happened.
public protocol SignalSource: AnyObject, Sendable {
  /// Looks whether it has happened, and then sets the event.
  func notice()
}
