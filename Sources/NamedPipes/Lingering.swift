internal import Glibc
internal import IPCSystem

/// Watching out for the peer for a moment instead of sleeping at once: cheaper than being woken, when
/// the peer is at work on another processor.
///
/// An end lingers only after a wait that was short, and after one in vain it sleeps at once the next
/// time: others may want the processor. Two ends that share a processor never do: each would keep the
/// other from going on.
@safe enum Lingering {
  /// The longest, in nanoseconds: about what it takes to wake a thread whose processor sleeps.
  static let longest: UInt64 = 50_000

  /// Whether a wait that began then, and is over now, was short.
  static func pays(since begin: UInt64) -> Bool { MonotonicClock.now() - begin < 2 * longest }

  /// Looks again and again, and lets other threads have the processor; when one takes it, that was
  /// enough.
  ///
  /// - Parameter processor: Where the peer was last, plus one; 0 when that is not known.
  /// - Returns: What `isOver` said last.
  @inline(__always)
  static func wait(for processor: UInt32, until isOver: () -> Bool) -> Bool {
    if processor == 0 || Int(processor) == Processor.current + 1 { return false }
    let end = MonotonicClock.now() + longest
    while true {
      for _ in 0..<32 {
        if isOver() { return true }
        Processor.spinHint()
      }
      let before = MonotonicClock.now()
      sched_yield()
      let now = MonotonicClock.now()
      if now > end || now - before > longestYield { return isOver() }
    }
  }

  /// More than it takes to find that no other thread wants the processor, in nanoseconds.
  private static let longestYield: UInt64 = 2_000
}
