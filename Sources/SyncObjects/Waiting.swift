public import IPCSystem

/// Waiting for one object, for any of several, or for all of them.
///
/// Nobody polls: a waiter sleeps on the words of the objects themselves (`futex_waitv(2)`).
public enum Waiting {
  /// How a wait ended.
  public enum Outcome: Sendable, Hashable {
    /// The signal of the object with this index was taken.
    case taken(Int)
    /// The mutex with this index was taken; its owner had ended without giving it back.
    case abandoned(Int)
    /// The signals of all objects were taken.
    case takenAll
    /// The signals of all objects were taken, and the owner of one or more, the first of which has
    /// this index, had ended without giving it back.
    case abandonedAll(Int)
    /// Nothing was taken until the deadline.
    case timedOut
    /// Nothing was taken; what makes the thread alert is signalled.
    case alerted
  }

  /// The most objects that one call can wait for.
  public static let largestGroup = Futex.largestGroup - 1

  /// Waits until one of the objects is signalled, and takes that signal: of several, the first's.
  ///
  /// - Parameters:
  ///   - objects: At most ``largestGroup``; none waits for the deadline only.
  ///   - deadline: When to give up. `.immediate` looks once.
  ///   - alert: What ends the wait early when none of the objects is signalled. It is not taken.
  public static func any(
    of objects: [any Waitable], deadline: Deadline, alert: (any Waitable)? = nil
  ) -> Outcome {
    precondition(objects.count <= largestGroup, "more than \(largestGroup) objects")
    if deadline != .immediate { for object in objects { object.stayBack() } }
    let seen = objects.map(\.pulses)
    if let outcome = look(objects, seen, deadline, alert) { return outcome }
    if alert == nil, objects.count == 1 {
      return objects[0].waitAlone(since: seen[0], deadline: deadline)
        .map { outcome($0, 0) } ?? .timedOut
    }
    for object in objects { object.willSleep() }
    return sleepForAny(objects, seen, deadline, alert)
  }

  /// Does something, and then waits until one of the objects is signalled, as
  /// ``any(of:deadline:alert:)``.
  ///
  /// - Parameters:
  ///   - objects: At most ``largestGroup``.
  ///   - deadline: When to give up.
  ///   - alert: What ends the wait early.
  ///   - begin: What to do first. Pulses that come while it is done count.
  public static func any<E: Error>(
    of objects: [any Waitable], deadline: Deadline, alert: (any Waitable)? = nil,
    after begin: () throws(E) -> Void
  ) throws(E) -> Outcome {
    precondition(objects.count <= largestGroup, "more than \(largestGroup) objects")
    let seen = objects.map(\.pulses)
    for object in objects { object.willSleep() }
    do throws(E) { try begin() } catch {
      for object in objects { object.hasSlept() }
      throw error
    }
    return sleepForAny(objects, seen, deadline, alert)
  }

  /// One look; `nil` when there is time to sleep.
  private static func look(
    _ objects: [any Waitable], _ seen: [UInt32], _ deadline: Deadline, _ alert: (any Waitable)?
  ) -> Outcome? {
    for object in objects { object.notice() }
    for (index, object) in objects.enumerated() {
      if let taking = object.take(since: seen[index]) {
        return outcome(object.keep(taking), index)
      }
    }
    if let alert, alert.isSignalledNow { return .alerted }
    return deadline.hasPassed ? .timedOut : nil
  }

  /// Ends what `willSleep` has begun.
  private static func sleepForAny(
    _ objects: [any Waitable], _ seen: [UInt32], _ deadline: Deadline, _ alert: (any Waitable)?
  ) -> Outcome {
    defer {
      // Who was woken for one object and has taken another passes the wake-up on.
      for object in objects { object.passOn() }
      for object in objects { object.hasSlept() }
    }
    let watch = MutexWatch(of: objects)
    defer { watch?.end() }
    let begin = MonotonicClock.now()
    while true {
      let bell = watch?.place
      if let outcome = look(objects, seen, deadline, alert) { return outcome }
      if let places = places(at: seen.enumerated(), of: objects, alert, watch, bell) {
        SleepingPlace.sleep(at: places, deadline: deadline)
        for object in objects { object.claim(since: begin) }
      }
    }
  }

  /// Where to sleep until one of these objects, of which so many pulses were seen, is signalled, or
  /// the alert, or the bell rings; `nil` when one is signalled.
  private static func places(
    at wanted: some Sequence<(offset: Int, element: UInt32)>, of objects: [any Waitable],
    _ alert: (any Waitable)?, _ watch: MutexWatch?, _ bell: SleepingPlace?
  ) -> [SleepingPlace]? {
    var places: [SleepingPlace] = []
    if let bell { places.append(bell) }
    for (index, seen) in wanted where watch?.begin(index, objects[index]) != true {
      guard let place = objects[index].sleepingPlace(since: seen) else { return nil }
      places.append(place)
    }
    if let alert {
      guard let place = alert.sleepingPlace(since: 0) else { return nil }
      places.append(place)
    }
    return places
  }

  private static func outcome(_ taking: Taking, _ index: Int) -> Outcome {
    taking == .abandoned ? .abandoned(index) : .taken(index)
  }

  /// Waits until all objects are signalled at the same time, and takes all signals: until then,
  /// none.
  ///
  /// It looks at all of them, then takes one after the other, and gives back what it has taken when
  /// another thread was faster with one of them.
  ///
  /// - Parameters:
  ///   - objects: At least one, at most ``largestGroup``, none twice.
  ///   - deadline: When to give up. `.immediate` looks once.
  ///   - alert: What ends the wait early when not all objects are signalled. It is not taken.
  public static func all(
    of objects: [any Waitable], deadline: Deadline, alert: (any Waitable)? = nil
  ) -> Outcome {
    precondition(objects.count <= largestGroup, "more than \(largestGroup) objects")
    if deadline != .immediate { for object in objects { object.stayBack() } }
    // Everybody takes in the same order, or two such waits could take from each other for ever.
    var group = Group(objects.indices.sorted { objects[$0].identity < objects[$1].identity })
    if let outcome = group.attempt(objects) { return outcome }
    if let alert, alert.isSignalledNow { return .alerted }
    if deadline.hasPassed { return .timedOut }
    // It sleeps at one of them at a time.
    for object in objects { object.willSleep() }
    defer { for object in objects { object.hasSlept() } }
    let watch = MutexWatch(of: objects)
    defer { watch?.end() }
    let begin = MonotonicClock.now()
    var last: Int?
    while true {
      let bell = watch?.place
      if let outcome = group.attempt(objects) { return outcome }
      if let alert, alert.isSignalledNow { return .alerted }
      if deadline.hasPassed { return .timedOut }
      // One that is missing is reason enough to sleep. It is the only one whose wake-ups are used up.
      guard let missing = group.missing else { continue }
      if missing != last { watch?.end() }
      last = missing
      guard
        let places = places(
          at: [(missing, group.seenOfMissing)], of: objects, alert, watch, bell)
      else { continue }
      SleepingPlace.sleep(at: places, deadline: deadline)
      if let outcome = group.attempt(objects) { return outcome }
      if group.missing == missing { objects[missing].claim(since: begin) }
      objects[missing].passOn()
    }
  }

  /// What a wait for all knows from one look to the next.
  private struct Group {
    /// The indices, in the order in which the objects are taken.
    private let order: [Int]
    /// An object that was not signalled at the last look.
    private(set) var missing: Int?
    /// The pulses of that one before the last look: a later one counts, if at the last look nothing
    /// else was missing. A pulse is for those only who need nothing but it.
    private(set) var seenOfMissing: UInt32 = 0
    private var isOnlyOne = false

    init(_ order: [Int]) { self.order = order }

    mutating func attempt(_ objects: [any Waitable]) -> Outcome? {
      for index in order { objects[index].notice() }
      let before = objects.map(\.pulses)
      var seen = before
      if let missing, isOnlyOne { seen[missing] = seenOfMissing }
      let absent = order.filter { !objects[$0].isSignalled(since: seen[$0]) }
      let pulsed = missing
      missing = absent.first
      isOnlyOne = absent.count == 1
      if let missing { seenOfMissing = before[missing] }
      guard absent.isEmpty else { return nil }
      var takings: [(index: Int, taking: Taking)] = []
      for index in order {
        guard let taking = objects[index].take(since: seen[index]) else {
          for (index, taking) in takings.reversed() { objects[index].giveBack(taking) }
          missing = index
          isOnlyOne = index == pulsed
          seenOfMissing = before[index]
          return nil
        }
        takings.append((index, taking))
      }
      let abandoned = takings.filter { objects[$0.index].keep($0.taking) == .abandoned }
      return abandoned.map(\.index).min().map { .abandonedAll($0) } ?? .takenAll
    }
  }
}

extension Waitable {
  fileprivate var isSignalledNow: Bool {
    notice()
    return isSignalled(since: pulses)
  }
}
