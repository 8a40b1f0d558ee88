internal import Glibc

/// The system's monotonic clock. It does not jump and is the same for every process.
public enum MonotonicClock {
  /// Nanoseconds since an unspecified start, from `clock_gettime(CLOCK_MONOTONIC)`.
  @inline(__always)
  public static func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000
      &+ UInt64(bitPattern: Int64(time.tv_nsec))
  }
}

/// A point in monotonic time after which an operation gives up, or never.
public struct Deadline: Sendable, Hashable, Comparable {
  /// Nanoseconds on ``MonotonicClock``; `UInt64.max` means never.
  public let nanoseconds: UInt64

  /// Creates a deadline from a reading of ``MonotonicClock``.
  @inlinable
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// Never gives up.
  @inlinable public static var never: Deadline { Deadline(nanoseconds: .max) }

  /// Already over: an operation succeeds at once or not at all.
  @inlinable public static var immediate: Deadline { Deadline(nanoseconds: 0) }

  /// Gives up when `duration` has passed, counted from now. A negative duration counts as zero.
  public static func after(_ duration: Duration) -> Deadline {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, attoseconds >= 0 else { return Deadline(nanoseconds: MonotonicClock.now()) }
    let (scaled, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return .never }
    let (length, tooLong) = scaled.addingReportingOverflow(
      UInt64(attoseconds) / 1_000_000_000)
    let (sum, late) = MonotonicClock.now().addingReportingOverflow(length)
    return tooLong || late ? .never : Deadline(nanoseconds: sum)
  }

  /// Orders deadlines by time.
  public static func < (a: Deadline, b: Deadline) -> Bool { a.nanoseconds < b.nanoseconds }

  /// Whether this is ``never``.
  @inlinable @inline(__always)
  public var isNever: Bool { nanoseconds == .max }

  /// Whether the time is over.
  public var hasPassed: Bool { !isNever && MonotonicClock.now() >= nanoseconds }

  /// Nanoseconds left, 0 when it is over, `nil` when it never is.
  public var remaining: UInt64? {
    if isNever { return nil }
    let now = MonotonicClock.now()
    return now >= nanoseconds ? 0 : nanoseconds - now
  }

  /// Milliseconds left as `poll(2)` wants them: rounded up, -1 for never.
  public var pollMilliseconds: Int32 {
    guard let left = remaining else { return -1 }
    return Int32(clamping: (left + 999_999) / 1_000_000)
  }

  /// Runs `body` with the absolute monotonic time, or `nil` when it is never.
  func withTimespec<R>(_ body: (UnsafePointer<timespec>?) -> R) -> R {
    if isNever { return body(nil) }
    var time = timespec(
      tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    return unsafe body(&time)
  }
}
