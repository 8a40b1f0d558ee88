internal import FoundationEssentials
internal import Glibc
internal import IPCSystem
internal import Synchronization

/// The process in which one check runs: `ipclab __check`, which nobody types.
///
/// There are two. The first leaves the namespaces of the system and waits. The second, its child, is
/// the first process of the new ones, where no signal of another process reaches it and with which
/// everything in them ends; it runs the check, and the programs are its children. It writes its
/// report to a socket that nobody else can open.
public enum CheckProcess {
  /// The hidden command.
  public static let command = "__check"
  /// The exit code when the system does not allow the namespaces.
  static let unavailable: Int32 = 77
  static let channel: Int32 = 3

  /// Plays the check process.
  ///
  /// - Parameter words: What follows the command: the kind of containment.
  /// - Returns: The exit code.
  public static func main(_ words: [String], checks: [Check] = BuiltInChecks.all) -> Int32 {
    guard let containment = words.first.flatMap(Containment.init(rawValue:)) else { return 2 }
    // A runner that is gone shows in an error, and must not end this process before its programs.
    BrokenPipes.ignore()
    do {
      try Descriptors.setCloseOnExec(channel)
      switch containment {
      case .namespaces:
        try ChildProcess.dieWithParent()
        // A user who may not make a user namespace may have privilege instead.
        do { try Confinement.leaveNamespaces(withUser: true) } catch {
          try Confinement.leaveNamespaces(withUser: false)
        }
      case .sweep:
        try Confinement.adoptOrphans()
      }
    } catch {
      StandardError.write("\(error)\n")
      return unavailable
    }
    do {
      let child = try Confinement.fork()
      if child == 0 { exit(inside(containment, checks)) }
      return try outside(child, containment)
    } catch {
      StandardError.write("\(error)\n")
      return 1
    }
  }

  private static func outside(_ child: Int32, _ containment: Containment) throws -> Int32 {
    // The runner closes its end when all is over: before that, it has died, maybe already.
    try? Files.write(Array("\(child)\n".utf8), to: channel)
    let pidfd = try IPCSystem.Processes.openPidfd(child)
    var entries = [
      pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0),
      pollfd(fd: channel, events: 0, revents: 0),
    ]
    while unsafe poll(&entries, 2, -1) < 0, errno == EINTR {}
    if entries[0].revents == 0 { kill(child, SIGKILL) }
    let status = try ChildProcess.wait(for: child)
    if containment == .sweep {
      Watch.killAll(in: .sweep)
      collectAll()
    }
    switch status {
    case .exited(let code): return code
    case .signaled(let number):
      StandardError.write("the check process ended: signal \(number)\n")
      return 128 + number
    }
  }

  /// The signal by which somebody has ended a check process; `nil` when it ended otherwise, also of a
  /// mistake in itself.
  static func killer(_ status: ExitStatus) -> Int32? {
    let number: Int32
    switch status {
    case .exited(let code): number = code - 128
    case .signaled(let signal): number = signal
    }
    let isMistake = [SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGTRAP, SIGSYS].contains(number)
    return number > 0 && !isMistake ? number : nil
  }

  /// Collects the processes that this one has adopted.
  private static func collectAll() {
    let end = Deadline.after(.seconds(2))
    while !end.hasPassed {
      var status: Int32 = 0
      let pid = unsafe waitpid(-1, &status, WNOHANG)
      if pid < 0 { return }
      if pid == 0 { usleep(1000) }
    }
  }

  private static func inside(_ containment: Containment, _ checks: [Check]) -> Int32 {
    do {
      try ChildProcess.dieWithParent()
      _ = setsid()
      if containment == .sweep { try Confinement.adoptOrphans() }
      let order = try receive()
      let place: CheckPlace
      do { place = try Seclusion.enter(order, containment) } catch {
        StandardError.write("\(error)\n")
        return unavailable
      }
      try run(order, place, containment, checks)
      return 0
    } catch {
      StandardError.write("\(error)\n")
      return 1
    }
  }

  private static func receive() throws -> CheckOrder {
    var bytes: [UInt8] = []
    var byte = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.last != 0x0A {
      let count = try retrying("read") { unsafe read(channel, &byte, byte.count) }
      if count == 0 { throw SystemError(code: EPIPE, call: "read") }
      bytes += byte.prefix(count)
    }
    return try JSONDecoder().decode(CheckOrder.self, from: Data(bytes))
  }

  private static func run(
    _ order: CheckOrder, _ place: CheckPlace, _ containment: Containment, _ checks: [Check]
  ) throws {
    let plan = order.plan
    unsafe setenv("IPCLAB_RUNTIME_DIR", place.names, 1)
    unsafe setenv("TMPDIR", place.temporary, 1)
    try checked("chdir") { unsafe chdir(place.work) }
    let check: Check
    if let command = plan.run {
      check = ExternalCheck.make(plan.check, command)
    } else if let found = checks.first(where: { $0.id == plan.check }) {
      check = found
    } else {
      throw CheckFailure(.grader, expected: "a check \(plan.check)", seen: "there is none")
    }
    let deadline = Deadline.after(.milliseconds(Int64(plan.seconds * 1000)))
    let context = CheckContext(
      seed: plan.seed, directory: place.work, runtime: try RuntimeDirectory(verifying: place.names),
      deadline: deadline, commands: plan.programs,
      environment: order.environment + [
        "IPCLAB_RUNTIME_DIR=\(place.names)", "TMPDIR=\(place.temporary)",
      ], limits: plan.limits, patience: plan.patience)
    var text = containment.text
    if containment == .sweep {
      text += place.isBarred ? "; files are read-only" : "; so are files"
    }
    let execution = CheckExecution(
      check: check, context: context, order: order, containment: containment,
      containmentText: text)
    let pen = ReportPen()
    let own = Locked<Watch?>(nil)
    let watch = Watch(plan.limits, containment, end: deadline) {
      guard let watch = own.withLock({ $0 }) else { return }
      pen.write(execution.late(watch))
      exitNow()
    }
    own.withLock { $0 = watch }
    try watch.start()
    pen.write(execution.run(watch))
    exitNow()
  }

  /// Without waiting for threads that a check has left waiting.
  private static func exitNow() -> Never { _exit(0) }
}

/// Writes the one report.
private final class ReportPen: Sendable {
  private let isUsed = Atomic(false)

  /// The first caller writes; another waits for the end of the process.
  func write(_ report: CheckReport) {
    if isUsed.exchange(true, ordering: .acquiringAndReleasing) {
      while true { pause() }
    }
    guard let data = try? JSONEncoder().encode(report) else { return }
    try? Files.write(Array(data) + [0x0A], to: CheckProcess.channel)
  }
}
