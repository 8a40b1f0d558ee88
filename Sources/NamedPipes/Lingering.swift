internal import Glibc
internal import IPCSystem

/// Watching out for the peer for a moment instead of sleeping at once: cheaper than being woken, when
/// the peer is at work on another processor.
///
/// An end lingers only after a wait that was short, and after one in vain it sleeps at once the next
/// time. It never does when both ends share a processor: each would keep the other from going on. And
/// it lets other threads have the processor; when one takes it, it does not linger again for a while,
/// which gets longer each time: the other may keep the processor for milliseconds, while a sleeper who
/// is woken gets it at once.
@safe struct Lingering {
  /// The longest, in nanoseconds: about what it takes to wake a thread whose processor sleeps.
  private static let longest: UInt64 = 50_000
  /// More than it takes to find that no other thread wants the processor.
  private static let longestYield: UInt64 = 2_000
  private static let shortestPause: UInt64 = 1_000_000
  private static let longestPause: UInt64 = 1_000_000_000

  /// Whether the last wait was short, and had no lingering in vain.
  private var pays = false
  /// Whether this wait has lingered.
  private var hasLingered = false
  /// Not before this time, since another thread wanted the processor.
  private var resumes: UInt64 = 0
  private var pause: UInt64 = 0

  /// Looks again and again.
  ///
  /// - Parameters:
  ///   - processor: Where the peer was last, plus one; 0 when that is not known.
  ///   - begin: When the wait has begun.
  ///   - isUrged: Whether to do it whatever the last wait was like.
  /// - Returns: What `isOver` said last.
  @inline(__always)
  mutating func wait(
    for processor: UInt32, since begin: UInt64, isUrged: Bool = false, until isOver: () -> Bool
  ) -> Bool {
    hasLingered = false
    if !(pays || isUrged) || begin < resumes { return false }
    if processor == 0 || Int(processor) == Processor.current + 1 { return false }
    hasLingered = true
    while true {
      for _ in 0..<32 {
        if isOver() { return true }
        Processor.spinHint()
      }
      let before = MonotonicClock.now()
      sched_yield()
      let now = MonotonicClock.now()
      if now - before > Self.longestYield {
        stop(now)
        return isOver()
      }
      if now - begin > Self.longest { return isOver() }
    }
  }

  @inline(never)
  private mutating func stop(_ now: UInt64) {
    let isAgain = now - resumes < 4 * pause
    pause = isAgain ? min(2 * pause, Self.longestPause) : Self.shortestPause
    resumes = now + pause
  }

  /// Notes that the end has slept.
  mutating func hasSlept(since begin: UInt64) {
    pays = !hasLingered && MonotonicClock.now() - begin < 2 * Self.longest
    hasLingered = false
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
