/// How long to wait for somebody who may have hung, on a machine that may stand still.
///
/// A virtual machine is sometimes not run for seconds, while its clocks go on. A ``Deadline`` has then
/// passed although nobody had the time to do anything, and a watchdog that goes by it kills who is well.
/// Patience is used up only by time in which the one who waits was running itself: it looks again at
/// least every ``step``, and from one look to the next at most one step counts.
///
/// ```swift
/// var patience = Patience(.seconds(20))
/// while !isThere(until: patience.nextLook) {
///   if patience.isOver() { throw … }
/// }
/// ```
public struct Patience: Sendable {
  /// The longest time from one look to the next that counts in full.
  public static let step = Duration.milliseconds(200)
  private static let stepNanoseconds: UInt64 = 200_000_000

  private var left: UInt64
  private var lastLook: UInt64
  /// The longest time from one look to the next until now, in nanoseconds.
  public private(set) var longestGap: UInt64 = 0

  /// Begins to wait.
  public init(_ duration: Duration) { self.init(duration, now: MonotonicClock.now()) }

  init(_ duration: Duration, now: UInt64) {
    let (seconds, attoseconds) = duration.components
    left = UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
    lastLook = now
  }

  /// For how long the machine stood still while it was waited, in nanoseconds: the longest time
  /// from one look to the next, if that is far more than a ``step``; else 0.
  public var standstill: UInt64 {
    longestGap > 5 * Self.stepNanoseconds ? longestGap : 0
  }

  /// When to look again at the latest.
  public var nextLook: Deadline {
    Deadline(nanoseconds: lastLook + min(left, Self.stepNanoseconds))
  }

  /// Whether it is used up; to be asked at every look.
  public mutating func isOver() -> Bool { isOver(now: MonotonicClock.now()) }

  mutating func isOver(now: UInt64) -> Bool {
    let gap = now - lastLook
    lastLook = now
    longestGap = max(longestGap, gap)
    left -= min(left, gap, Self.stepNanoseconds)
    return left == 0
  }
}
