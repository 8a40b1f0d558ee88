internal import Glibc

/// Names of signals.
enum SignalName {
  private static let names: [Int32: String] = [
    SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGILL: "SIGILL", SIGKILL: "SIGKILL",
    SIGPIPE: "SIGPIPE", SIGSEGV: "SIGSEGV", SIGTERM: "SIGTERM", SIGTRAP: "SIGTRAP",
    SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGINT: "SIGINT", SIGSYS: "SIGSYS", SIGHUP: "SIGHUP",
  ]

  /// The name, or the number of one without.
  static func text(_ number: Int32) -> String { names[number] ?? "signal \(number)" }
}
