internal import Glibc
internal import IPCSystem

/// Watching out for the peer for a moment instead of sleeping at once: cheaper than being woken, when
/// the peer is at work on another processor.
///
/// An end lingers only after a wait that was short, and the less the more often it was in vain: what it
/// waits for may want its processor. It never does when both ends share a processor: each would keep
/// the other from going on.
@safe struct Lingering {
  /// The longest, in nanoseconds: about what it takes to wake a thread whose processor sleeps.
  private static let longest: UInt64 = 50_000
  private static let shortest: UInt64 = 500
  /// After how many waits that ended in sleep to try the longest again.
  private static let trial = 64

  /// Whether the last wait was short.
  private var pays = false
  /// How long to linger, in nanoseconds: halved when it was in vain, doubled when it was not.
  private var budget = longest
  private var sleeps = 0

  /// Looks again and again.
  ///
  /// - Parameters:
  ///   - processor: Where the peer was last, plus one; 0 when that is not known.
  ///   - begin: When the wait has begun.
  ///   - isUrged: Whether to do it, and long, whatever the last waits were like.
  /// - Returns: What `isOver` said last.
  @inline(__always)
  mutating func wait(
    for processor: UInt32, since begin: UInt64, isUrged: Bool = false, until isOver: () -> Bool
  ) -> Bool {
    if !(pays || isUrged) { return false }
    if processor == 0 || Int(processor) == Processor.current + 1 { return false }
    let limit = isUrged ? Self.longest : budget
    repeat {
      for _ in 0..<8 {
        if isOver() {
          budget = min(Self.longest, 2 &* budget)
          return true
        }
        Processor.spinHint()
      }
    } while MonotonicClock.now() &- begin < limit
    budget = max(Self.shortest, budget / 2)
    return isOver()
  }

  /// Notes that the end has slept.
  mutating func hasSlept(since begin: UInt64) {
    pays = MonotonicClock.now() &- begin < 2 * Self.longest
    sleeps &+= 1
    if sleeps % Self.trial == 0 { budget = Self.longest }
  }

  /// Looks again and again until a time, for what another thread is just doing.
  static func watch(until end: UInt64, _ isOver: () -> Bool) -> Bool {
    while true {
      for _ in 0..<32 {
        if isOver() { return true }
        Processor.spinHint()
      }
      if MonotonicClock.now() >= end { return isOver() }
      sched_yield()
    }
  }
}
