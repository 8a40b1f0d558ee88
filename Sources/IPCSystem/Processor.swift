internal import CIPCShims
internal import Glibc

/// Placement of the calling thread, and what the kernel accounts to this process.
public enum Processor {
  /// The processors this process may run on, ascending.
  public static func allowed() -> [Int] {
    var list = [Int32](repeating: 0, count: 1024)
    let count = unsafe cipc_allowed_cpus(&list, Int32(list.count))
    return count > 0 ? list.prefix(Int(count)).map(Int.init) : []
  }

  /// Binds the calling thread, and those it starts later, to one processor.
  ///
  /// Wraps `sched_setaffinity(2)`.
  public static func pin(to processor: Int) throws(SystemError) {
    try checked("sched_setaffinity") { cipc_pin_to(Int32(processor)) }
  }

  /// The processor the calling thread runs on at this moment.
  @inline(__always)
  public static var current: Int { Int(cipc_current_cpu()) }

  /// Tells the processor that this is a spin loop.
  @inline(__always)
  public static func spinHint() { cipc_spin_hint() }
}

/// Processor time and context switches of this process so far. Wraps `getrusage(2)`.
public struct ResourceUsage: Sendable, Codable, Equatable {
  /// Nanoseconds in user mode, microsecond resolution.
  public var userNanoseconds: UInt64 = 0
  /// Nanoseconds in the kernel, microsecond resolution.
  public var systemNanoseconds: UInt64 = 0
  /// Times the process waited and gave up the processor.
  public var voluntarySwitches: Int = 0
  /// Times the processor was taken from it.
  public var involuntarySwitches: Int = 0

  /// No usage.
  public init() {}

  init(_ usage: rusage) {
    func nanoseconds(_ time: timeval) -> UInt64 {
      UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1000
    }
    userNanoseconds = nanoseconds(usage.ru_utime)
    systemNanoseconds = nanoseconds(usage.ru_stime)
    voluntarySwitches = usage.ru_nvcsw
    involuntarySwitches = usage.ru_nivcsw
  }

  /// The usage of the whole process, all threads, up to now.
  public static func current() -> ResourceUsage {
    var usage = rusage()
    unsafe _ = cipc_getrusage_self(&usage)
    return ResourceUsage(usage)
  }

  /// What was used since `earlier`.
  public func since(_ earlier: ResourceUsage) -> ResourceUsage {
    var delta = ResourceUsage()
    delta.userNanoseconds = userNanoseconds - min(userNanoseconds, earlier.userNanoseconds)
    delta.systemNanoseconds = systemNanoseconds - min(systemNanoseconds, earlier.systemNanoseconds)
    delta.voluntarySwitches = voluntarySwitches - earlier.voluntarySwitches
    delta.involuntarySwitches = involuntarySwitches - earlier.involuntarySwitches
    return delta
  }
}
