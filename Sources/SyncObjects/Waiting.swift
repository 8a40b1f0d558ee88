public import IPCSystem

/// Waiting for one object, for any of several, or for all of them.
public enum Waiting {
  /// How a wait ended.
  public enum Outcome: Sendable, Hashable {
    /// The signal of the object with this index was taken.
    case taken(Int)
    /// The signals of all objects were taken.
    case takenAll
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
    repeatedly(objects, deadline, alert) {
      for (index, object) in objects.enumerated() where object.takeIfSignalled() {
        return .taken(index)
      }
      return nil
    }
  }

  /// Waits until all objects are signalled at the same time, and takes all signals at once: until
  /// then, none.
  ///
  /// - Parameters:
  ///   - objects: At least one, at most ``largestGroup``, none twice.
  ///   - deadline: When to give up. `.immediate` looks once.
  ///   - alert: What ends the wait early when not all objects are signalled. It is not taken.
  public static func all(
    of objects: [any Waitable], deadline: Deadline, alert: (any Waitable)? = nil
  ) -> Outcome {
    // Everybody locks in the same order, or two such waits could hold what the other wants.
    let ordered = objects.sorted { $0.lockOrder < $1.lockOrder }
    return repeatedly(objects, deadline, alert) {
      for object in ordered { object.lock() }
      defer { for object in ordered { object.unlock() } }
      guard ordered.allSatisfy({ $0.isSignalled }) else { return nil }
      for object in ordered { object.take() }
      return .takenAll
    }
  }

  private static func repeatedly(
    _ objects: [any Waitable], _ deadline: Deadline, _ alert: (any Waitable)?,
    _ attempt: () -> Outcome?
  ) -> Outcome {
    precondition(objects.count <= largestGroup, "more than \(largestGroup) objects")
    let everything = alert.map { objects + [$0] } ?? objects
    let words = everything.map(\.signalWord)
    while true {
      // Before looking: a signal that comes after the look then changes a word, and nobody sleeps.
      let counts = words.map(\.count)
      for object in everything { object.notice() }
      if let outcome = attempt() { return outcome }
      if let alert, alert.isSignalledNow { return .alerted }
      if deadline.hasPassed { return .timedOut }
      if words.isEmpty {
        let nobody = SignalWord()
        nobody.wait(while: nobody.count, deadline: deadline)
      } else {
        SignalWord.wait(onAny: words, while: counts, deadline: deadline)
      }
    }
  }
}

extension Waitable {
  fileprivate var isSignalledNow: Bool {
    lock()
    defer { unlock() }
    return isSignalled
  }
}
