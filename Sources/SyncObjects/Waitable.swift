public import IPCSystem

/// Something that a thread can wait for: alone, as one of several, or together with others.
///
/// An object is *signalled* or it is not, and whoever waits for it *takes* the signal, which may end
/// it (a mutex, a semaphore, an event that resets itself) or not (a process that has ended).
/// ``Waiting`` does the waiting; an object says how it is looked at, taken and slept on.
///
/// Nothing is locked while objects are looked at: they may be those of other processes, which may be
/// killed at any moment.
public protocol Waitable: AnyObject, Sendable {
  /// The same for everything that stands for the same object, and different for different ones.
  /// Waits for all take in its order.
  var identity: UInt64 { get }

  /// Makes the state exact: looks for what has happened that nobody has noticed.
  func notice()

  /// How often the object was signalled for those only who were waiting at that moment.
  var pulses: UInt32 { get }

  /// Whether a wait would succeed that has seen so many pulses.
  func isSignalled(since pulses: UInt32) -> Bool

  /// Takes the signal; `nil` when there is none.
  func take(since pulses: UInt32) -> Taking?

  /// Undoes ``take(since:)``: the other objects that were wanted with this one were not there.
  func giveBack(_ taking: Taking)

  /// Says that what was taken is kept, and tells what it was.
  func keep(_ taking: Taking) -> Taking

  /// Before the first look of a wait: lets a thread go first that has waited long, for a moment.
  func stayBack()

  /// Says that a wait begins that will sleep, before ``sleepingPlace(since:)``.
  func willSleep()

  /// Where to sleep until the object is signalled; `nil` when it is.
  func sleepingPlace(since pulses: UInt32) -> SleepingPlace?

  /// Says, after some sleep, since when the wait lasts (nanoseconds of ``MonotonicClock``): who has
  /// waited for long goes before who has just come.
  func claim(since begin: UInt64)

  /// Ends ``willSleep()``, after ``passOn()``.
  func hasSlept()

  /// Wakes the next sleeper, if the object is signalled: the one who was woken does not take it.
  func passOn()

  /// Waits for this object alone; `nil` when the deadline passes. The first attempt to take has
  /// failed.
  func waitAlone(since pulses: UInt32, deadline: Deadline) -> Taking?
}

/// What a wait took.
public enum Taking: Sendable, Hashable {
  /// The signal.
  case signal
  /// Ownership of a mutex whose owner has ended without giving it back.
  case abandoned
  /// A pulse, of which nothing is left.
  case pulse
}

extension Waitable {
  /// Nothing happens unnoticed.
  public func notice() {}
  /// There are no pulses.
  public var pulses: UInt32 { 0 }
  /// Nothing to undo.
  public func giveBack(_ taking: Taking) {}
  /// What was taken.
  public func keep(_ taking: Taking) -> Taking { taking }
  /// Nobody is starved.
  public func stayBack() {}
  /// Nobody is starved.
  public func claim(since begin: UInt64) {}
  /// Nothing to prepare.
  public func willSleep() {}
  /// Nothing to end.
  public func hasSlept() {}
  /// Everybody was woken.
  public func passOn() {}

  /// Takes the signal if there is one.
  public func takeIfSignalled() -> Bool {
    guard let taking = take(since: pulses) else { return false }
    _ = keep(taking)
    return true
  }

  /// Sleeps at the object's place.
  public func waitAlone(since pulses: UInt32, deadline: Deadline) -> Taking? {
    willSleep()
    defer { hasSlept() }
    while true {
      notice()
      if let taking = take(since: pulses) { return keep(taking) }
      if deadline.hasPassed { return nil }
      guard let place = sleepingPlace(since: pulses) else { continue }
      SleepingPlace.sleep(at: [place], deadline: deadline)
    }
  }
}

/// An object of this process, whose state a lock guards.
public protocol LocalWaitable: Waitable {
  /// Changes whenever the object becomes signalled. Waiters sleep on it.
  var signalWord: SignalWord { get }
  /// A number that no other object has: an ``ObjectLock``'s order.
  var lockOrder: UInt64 { get }
  /// Locks the state: nobody else looks at it or changes it until ``unlock()``.
  func lock()
  /// Ends ``lock()``.
  func unlock()
  /// Whether a wait would succeed. Asked with the lock held. A wait does not change it.
  var isSignalled: Bool { get }
}

extension LocalWaitable {
  /// See ``LocalWaitable/lockOrder``.
  public var identity: UInt64 { lockOrder }

  /// Asks with the lock held.
  public func isSignalled(since pulses: UInt32) -> Bool {
    lock()
    defer { unlock() }
    return isSignalled
  }

  /// A signal that stays.
  public func take(since pulses: UInt32) -> Taking? {
    isSignalled(since: pulses) ? .signal : nil
  }

  /// The signal word, as it was before looking: a signal that comes after the look changes it.
  public func sleepingPlace(since pulses: UInt32) -> SleepingPlace? {
    let place = signalWord.sleepingPlace
    return isSignalled(since: pulses) ? nil : place
  }
}
