public import IPCSystem
internal import Synchronization

/// An event: it is set or it is not, and threads wait until it is.
///
/// With a name, processes share it; without, the threads of this process do.
///
/// Everybody who sleeps is woken when it is set, and looks. Waking one only would be cheaper, but
/// that one may be killed on its way, or take something else that it also waits for.
///
/// - Note: Win32 `CreateEvent`, `OpenEvent`, `SetEvent`, `ResetEvent`, `PulseEvent`.
@safe public final class Event: Waitable, Sendable {
  /// What a successful wait does to an event.
  public enum Reset: Sendable {
    /// Nothing: it stays set until it is reset, and every waiter goes on.
    case manual
    /// It resets it: one waiter goes on.
    case automatic
  }

  // The word: bit 0 somebody sleeps, bit 1 it is set, and from bit 2 on how often it was pulsed.
  private static let isAwaited: UInt32 = 1
  private static let isSet: UInt32 = 2
  private static let pulseShift: UInt32 = 2
  private static let onePulse: UInt32 = 4
  private static let manualOffset = 4

  /// What a successful wait does.
  public let reset: Reset
  private let memory: ObjectMemory
  private let holding: ObjectNamespace.Holding?
  private let sources = Locked<[ObjectIdentifier: any SignalSource]>([:])

  // The addresses are the memory's, which lives as long as this object.
  private nonisolated(unsafe) let word: UnsafeMutablePointer<Atomic<UInt32>>
  /// How many waits sleep, or are about to; more, when sleepers were killed.
  private nonisolated(unsafe) let sleepers: UnsafeMutablePointer<Atomic<UInt32>>
  /// How many of those that slept at a pulse may still go on.
  private nonisolated(unsafe) let grants: UnsafeMutablePointer<Atomic<UInt32>>
  private let inner: RobustMutex

  /// Creates an event without a name.
  public convenience init(_ reset: Reset, isSet: Bool = false) {
    let memory = ObjectMemory(private: .event)
    Self.prepare(memory, reset, isSet)
    self.init(memory, nil)
  }

  /// Creates an event, or opens the one that has the name: that stays as it is.
  public static func create(
    _ name: ObjectName, _ reset: Reset, isSet: Bool = false, in runtime: RuntimeDirectory
  ) throws(ObjectError) -> (event: Event, existed: Bool) {
    let (holding, existed) = try ObjectNamespace.of(runtime).open(name, .event) { memory in
      prepare(memory, reset, isSet)
      return nil
    }
    return (Event(holding.memory, holding), existed)
  }

  /// Opens the event that has the name.
  ///
  /// - Throws: `.notFound`, `.wrongKind`.
  public static func open(
    _ name: ObjectName, in runtime: RuntimeDirectory
  ) throws(ObjectError) -> Event {
    let (holding, _) = try ObjectNamespace.of(runtime).open(name, .event, prepare: nil)
    return Event(holding.memory, holding)
  }

  private static func prepare(_ memory: ObjectMemory, _ reset: Reset, _ isSet: Bool) {
    memory.setConstant(0, isSet ? Self.isSet : 0)
    memory.setConstant(manualOffset, UInt32(reset == .manual ? 1 : 0))
  }

  /// An object without a holding is only looked at.
  init(_ memory: ObjectMemory, _ holding: ObjectNamespace.Holding?) {
    self.memory = memory
    self.holding = holding
    reset = memory.constant(Self.manualOffset, as: UInt32.self) == 1 ? .manual : .automatic
    unsafe word = memory.word(0)
    unsafe sleepers = memory.word(8)
    unsafe grants = memory.word(12)
    inner = InnerMutex.of(memory)
  }

  /// Gives the name up. With the last one who has the event open, it is free. Waits go on.
  public func close() { holding?.close() }

  /// Sets the event.
  public func set() {
    var value = unsafe word.pointee.load(ordering: .relaxed)
    while value & Self.isSet != 0 || value & Self.isAwaited == 0 {
      // Also when it is set: who waits then sees what the caller has written before.
      let (done, now) = unsafe word.pointee.weakCompareExchange(
        expected: value, desired: value | Self.isSet, ordering: .acquiringAndReleasing)
      if done { return }
      value = now
    }
    inner.withLock { setForSleepers() }
  }

  /// Sets it and wakes in one step: nobody can be killed after the one and before the other. Only
  /// who has the inner mutex changes an event that is not set and is waited for.
  private func setForSleepers() {
    while true {
      // For the thread sanitizer, which does not see what the kernel does.
      let value = unsafe word.pointee.bitwiseOr(0, ordering: .acquiringAndReleasing).oldValue
      if value & Self.isSet == 0 && value & Self.isAwaited != 0 {
        return unsafe Futex.flip(Self.isSet | Self.isAwaited, of: word)
      }
      if unsafe word.pointee.compareExchange(
        expected: value, desired: value | Self.isSet, ordering: .acquiringAndReleasing
      ).exchanged {
        return
      }
    }
  }

  /// Resets the event.
  public func clear() {
    unsafe _ = word.pointee.bitwiseAnd(~Self.isSet, ordering: .acquiringAndReleasing)
  }

  /// Lets those go on who wait at this moment (one of them, if the event resets itself), and leaves
  /// the event reset.
  ///
  /// Who is between two sleeps at this moment counts as waiting. A wait for several objects goes on
  /// only if it needs nothing else.
  ///
  /// - Note: Win32 `PulseEvent`, whose documentation advises against it: use ``set()``.
  public func pulse() {
    inner.withLock {
      let waiting = unsafe sleepers.pointee.load(ordering: .sequentiallyConsistent)
      let left = unsafe grants.pointee.load(ordering: .relaxed)
      unsafe grants.pointee.store(
        min(left &+ 1, waiting), ordering: .sequentiallyConsistent)
      var value = unsafe word.pointee.load(ordering: .relaxed)
      while true {
        let (done, now) = unsafe word.pointee.weakCompareExchange(
          expected: value, desired: (value & ~Self.isSet) &+ Self.onePulse,
          ordering: .acquiringAndReleasing)
        if done { break }
        value = now
      }
      if value & Self.isAwaited != 0 { unsafe Futex.wake(word) }
    }
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

  /// See ``Waitable/identity``.
  public var identity: UInt64 { memory.identity }

  /// Asks what is attached whether it has anything to report.
  public func notice() {
    for source in sources.withLock({ Array($0.values) }) { source.notice() }
  }

  /// See ``Waitable/pulses``.
  public var pulses: UInt32 {
    unsafe word.pointee.load(ordering: .sequentiallyConsistent) >> Self.pulseShift
  }

  /// See ``Waitable/isSignalled(since:)``.
  public func isSignalled(since pulses: UInt32) -> Bool {
    let value = unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    return value & Self.isSet != 0 || wasPulsed(value, since: pulses)
  }

  private func wasPulsed(_ value: UInt32, since pulses: UInt32) -> Bool {
    if value >> Self.pulseShift == pulses { return false }
    return reset == .manual
      || (unsafe grants.pointee.load(ordering: .sequentiallyConsistent)) != 0
  }

  /// Resets an event that resets itself.
  public func take(since pulses: UInt32) -> Taking? {
    var value = unsafe word.pointee.load(ordering: .acquiring)
    while value & Self.isSet != 0 {
      if reset == .manual { return .signal }
      let (done, now) = unsafe word.pointee.weakCompareExchange(
        expected: value, desired: value & ~Self.isSet, ordering: .acquiringAndReleasing)
      if done { return .signal }
      value = now
    }
    guard wasPulsed(value, since: pulses) else { return nil }
    if reset == .manual { return .pulse }
    var left = unsafe grants.pointee.load(ordering: .relaxed)
    while left != 0 {
      let (done, now) = unsafe grants.pointee.weakCompareExchange(
        expected: left, desired: left - 1, ordering: .acquiringAndReleasing)
      if done { return .pulse }
      left = now
    }
    return nil
  }

  /// Sets an event again that has reset itself.
  public func giveBack(_ taking: Taking) {
    if reset == .automatic && taking == .signal { set() }
  }

  /// Counts the sleeper, for pulses.
  public func willSleep() {
    unsafe _ = sleepers.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
  }

  /// Ends ``willSleep()``.
  public func hasSlept() {
    let left = unsafe sleepers.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
      .newValue
    // Nobody is left who may go on at an earlier pulse.
    if left == 0 && reset == .automatic {
      unsafe grants.pointee.store(0, ordering: .sequentiallyConsistent)
    }
  }

  /// The word, which says that somebody sleeps.
  public func sleepingPlace(since pulses: UInt32) -> SleepingPlace? {
    var value = unsafe word.pointee.load(ordering: .sequentiallyConsistent)
    while true {
      if value & Self.isSet != 0 || wasPulsed(value, since: pulses) { return nil }
      let wanted = value | Self.isAwaited
      if wanted == value { break }
      let (done, now) = unsafe word.pointee.weakCompareExchange(
        expected: value, desired: wanted, ordering: .sequentiallyConsistent)
      value = done ? wanted : now
      if done { break }
    }
    return unsafe SleepingPlace(word, while: value)
  }
}

/// Something that sets an event when it is asked and has happened.
public protocol SignalSource: AnyObject, Sendable {
  /// Looks whether it has happened, and then sets the event.
  func notice()
}
