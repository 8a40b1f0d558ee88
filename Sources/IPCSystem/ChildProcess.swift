internal import CIPCShims
internal import Glibc

/// How a process ended.
public enum ExitStatus: Sendable, Hashable, Codable, CustomStringConvertible {
  /// It returned this code.
  case exited(Int32)
  /// This signal ended it.
  case signaled(Int32)

  /// `exit 0`, or `signal 9 (Killed)`.
  public var description: String {
    switch self {
    case .exited(let code): return "exit \(code)"
    case .signaled(let number):
      guard let text = unsafe strsignal(number) else { return "signal \(number)" }
      return unsafe "signal \(number) (\(String(cString: text)))"
    }
  }

  /// Whether it returned 0.
  public var isSuccess: Bool { self == .exited(0) }
}

/// A started process. It is not killed when this value goes away; `wait()` for it.
///
/// A child sees exactly the descriptors in its map: every other one is closed in it, also those
/// that the parent inherited without close-on-exec.
public struct ChildProcess: Sendable {
  /// Process id.
  public let pid: Int32

  /// What to start and with which descriptors.
  public struct Plan: Sendable {
    /// Path of the program, or a name to look up in `PATH`.
    public var program: String
    /// Arguments after the program's name.
    public var arguments: [String] = []
    /// `NAME=value` strings; `nil` inherits the parent's.
    public var environment: [String]?
    /// Working directory; `nil` inherits the parent's.
    public var directory: String?
    /// The child's descriptors: number in the child, and the parent's descriptor behind it.
    /// Numbers that are not listed are closed.
    public var descriptors: [(child: Int32, parent: Int32)] = [(0, 0), (1, 1), (2, 2)]
    /// The process group: `nil` stays in the parent's, 0 starts one of its own.
    public var group: Int32?
    /// Whether it starts a session of its own, and thereby a group.
    public var startsSession = false

    /// Creates a plan that passes standard input, output and error on.
    public init(program: String, arguments: [String] = []) {
      self.program = program
      self.arguments = arguments
    }
  }

  /// Starts a process. Wraps `posix_spawnp(3)`.
  ///
  /// Signals are reset to their defaults and unblocked in the child, so that `SIGPIPE` ends
  /// programs that expect it to.
  ///
  /// - Throws: `ENOENT` when there is no such program, `EACCES` when it may not be run.
  public static func start(_ plan: Plan) throws(SystemError) -> ChildProcess {
    var actions = unsafe posix_spawn_file_actions_t()
    try spawnCheck("posix_spawn_file_actions_init", unsafe posix_spawn_file_actions_init(&actions))
    defer { unsafe _ = posix_spawn_file_actions_destroy(&actions) }
    var attributes = posix_spawnattr_t()
    try spawnCheck("posix_spawnattr_init", unsafe posix_spawnattr_init(&attributes))
    defer { unsafe _ = posix_spawnattr_destroy(&attributes) }

    // Sources first move above every target number, so that no dup2 overwrites a source.
    let top = (plan.descriptors.map(\.child).max() ?? 2) + 1
    var moved: [Int32] = []
    defer { for number in moved { _ = Glibc.close(number) } }
    for (child, parent) in plan.descriptors {
      let copy = try checked("fcntl(F_DUPFD_CLOEXEC)") { cipc_duplicate_above(parent, top) }
      moved.append(copy)
      try spawnCheck(
        "posix_spawn_file_actions_adddup2",
        unsafe posix_spawn_file_actions_adddup2(&actions, copy, child))
    }
    let wanted = Set(plan.descriptors.map(\.child))
    // Also those that are not open now: another thread may open them before the child starts.
    // glibc forgives closing a number that is not open.
    for number in 0..<top where !wanted.contains(number) {
      try spawnCheck(
        "posix_spawn_file_actions_addclose",
        unsafe posix_spawn_file_actions_addclose(&actions, number))
    }
    try spawnCheck(
      "posix_spawn_file_actions_addclosefrom_np", unsafe cipc_spawn_close_from(&actions, top))
    if let directory = plan.directory {
      try spawnCheck(
        "posix_spawn_file_actions_addchdir_np",
        unsafe cipc_spawn_change_directory(&actions, directory))
    }

    var flags = Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK)
    var all = sigset_t()
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    if let group = plan.group {
      flags |= Int16(POSIX_SPAWN_SETPGROUP)
      unsafe posix_spawnattr_setpgroup(&attributes, group)
    }
    if plan.startsSession { flags |= 0x80 }  // POSIX_SPAWN_SETSID, with _GNU_SOURCE only
    unsafe posix_spawnattr_setflags(&attributes, flags)

    var argv: [UnsafeMutablePointer<CChar>?] =
      unsafe ([plan.program] + plan.arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe argv.forEach { unsafe free($0) } }
    var envp: [UnsafeMutablePointer<CChar>?] =
      unsafe (plan.environment ?? []).map { unsafe strdup($0) } + [nil]
    defer { unsafe envp.forEach { unsafe free($0) } }

    var pid: Int32 = 0
    let result: Int32
    if plan.environment == nil {
      result = unsafe posix_spawnp(&pid, plan.program, &actions, &attributes, &argv, environ)
    } else {
      result = unsafe posix_spawnp(&pid, plan.program, &actions, &attributes, &argv, &envp)
    }
    try spawnCheck("posix_spawnp(\(plan.program))", result)
    return ChildProcess(pid: pid)
  }

  /// Asks the kernel to kill the calling process when the thread that started it ends.
  ///
  /// Wraps `prctl(PR_SET_PDEATHSIG)`. A parent that ended before this call goes unnoticed.
  public static func dieWithParent() throws(SystemError) {
    try checked("prctl(PR_SET_PDEATHSIG)") { cipc_die_with_parent() }
  }

  /// Waits for the process to end and collects it.
  ///
  /// - Throws: `ECHILD` when it was collected before.
  public func wait() throws(SystemError) -> (status: ExitStatus, usage: ResourceUsage) {
    var status: Int32 = 0
    var usage = rusage()
    let pid = self.pid
    try retrying("wait4") { unsafe cipc_wait4(pid, &status, 0, &usage) }
    return (Self.decode(status), ResourceUsage(usage))
  }

  /// Waits for a child that was not started by ``start(_:)``.
  public static func wait(for pid: Int32) throws(SystemError) -> ExitStatus {
    try ChildProcess(pid: pid).wait().status
  }

  /// Collects the process if it has ended; `nil` while it runs.
  ///
  /// The code is one of 32 bits when the process has left it with ``exit(_:)``.
  public func poll() throws(SystemError) -> (status: ExitStatus, usage: ResourceUsage)? {
    let pid = self.pid
    if try retrying("waitid", { cipc_has_ended(pid) }) == 0 { return nil }
    let name = SmallFile.read("/proc/\(pid)/comm")
    let (status, usage) = try wait()
    if case .exited(let low) = status, let name,
      let code = UInt32(name.dropFirst(Self.exitPrefix.count).prefix(8), radix: 16),
      code & 0xFF == UInt32(bitPattern: low), name == Self.nameForExit(code) + "\n"
    {
      return (.exited(Int32(bitPattern: code)), usage)
    }
    return (status, usage)
  }

  /// Ends this process at once with a code of 32 bits.
  ///
  /// The kernel passes 8 of them on. All of them are left in the process's name, which can be read
  /// until it is collected; ``poll()`` does.
  public static func exit(_ code: UInt32) -> Never {
    if code > 0xFF { try? SmallFile.write(nameForExit(code), to: "/proc/self/comm") }
    _exit(Int32(bitPattern: code & 0xFF))
  }

  /// Sends a signal to the process.
  public func signal(_ number: Int32) { _ = kill(pid, number) }

  /// Sends a signal to every process of the group that the process leads.
  public func signalGroup(_ number: Int32) { _ = kill(-pid, number) }

  /// A descriptor that becomes readable when the process ends. Wraps `pidfd_open(2)`.
  public func openPidfd() throws(SystemError) -> OwnedDescriptor {
    let pid = self.pid
    return OwnedDescriptor(adopting: try checked("pidfd_open") { cipc_pidfd_open(pid) })
  }

  private static let exitPrefix = "exit 0x"

  /// The name that a process takes in order to leave a code; names have 15 characters at most.
  private static func nameForExit(_ code: UInt32) -> String {
    let digits = String(code, radix: 16)
    return exitPrefix + String(repeating: "0", count: 8 - digits.count) + digits
  }

  private static func decode(_ status: Int32) -> ExitStatus {
    cipc_wait_exited(status) != 0
      ? .exited(cipc_wait_exit_code(status)) : .signaled(cipc_wait_signal(status))
  }

  private static func spawnCheck(_ call: String, _ result: Int32) throws(SystemError) {
    if result != 0 { throw SystemError(code: result == -1 ? errno : result, call: call) }
  }
}
