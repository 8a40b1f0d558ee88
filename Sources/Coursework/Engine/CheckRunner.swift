internal import FoundationEssentials
internal import Glibc
internal import IPCSystem

/// Runs checks, each in a process of its own that is shut off from everything else.
///
/// The runner holds the clock and the verdict; a check process, and what a submission does to it,
/// reaches neither. Calls may be made from several threads.
public struct CheckRunner: Sendable {
  let executable: String
  private let system: Locked<System>

  /// What this runner has found out.
  private struct System {
    var containment: Containment
    /// Why namespaces are not used.
    var obstacle = ""
    /// A check has run in namespaces.
    var hasNamespaces = false
  }

  /// Creates a runner.
  ///
  /// - Parameters:
  ///   - executable: The path of the program `ipclab`, which plays the check process.
  ///   - namespaces: Whether to use namespaces if the system allows them.
  public init(executable: String, namespaces: Bool = true) {
    self.executable = executable
    system = Locked(System(containment: namespaces ? .namespaces : .sweep))
  }

  /// Runs one check. Whatever a submission does, this returns, and nothing of it runs any more.
  ///
  /// A machine that stands still while its clocks go on, as virtual ones do, lets every wait of the
  /// check and of the programs end too early. What it found then counts for nothing, unless that is a
  /// pass: it is run again, and where the machine does not come to rest that is a grader error.
  public func run(_ plan: CheckPlan) -> CheckReport {
    var plan = plan
    plan.seconds = plan.seconds.isFinite ? min(max(plan.seconds, 0.1), 3600) : 3600
    var (report, gap) = runOnce(plan)
    for _ in 1..<Self.attempts where isVoid(report, gap) { (report, gap) = runOnce(plan) }
    if isVoid(report, gap) {
      report.outcome = .graderError(
        "the machine stood still for \(gap / 1_000_000) ms while the check ran, and the "
          + "\(Self.attempts - 1) times before")
    }
    return report
  }

  /// How often a check is run at most.
  private static let attempts = 4
  /// The longest time, in nanoseconds, for which this process may not have run while a check did:
  /// far more than on a busy machine, and less than any wait of a check. The runner looks at the clock
  /// after a ``Patience/step`` at the latest.
  private static let longestGap: UInt64 = 500_000_000

  private func isVoid(_ report: CheckReport, _ gap: UInt64) -> Bool {
    gap > Self.longestGap && report.outcome.dependsOnTime
  }

  /// Runs one check, and says for how long this process did not run meanwhile.
  private func runOnce(_ plan: CheckPlan) -> (report: CheckReport, gap: UInt64) {
    let start = MonotonicClock.now()
    var report: CheckReport
    var gap: UInt64 = 0
    do {
      let kind = system.withLock { $0.containment }
      var end = try attempt(plan, kind)
      for pause: UInt32 in [100_000, 400_000, 1_600_000] where end.isUnavailable && hasNamespaces {
        // They were to be had before: the system is short of something.
        usleep(pause)
        end = try attempt(plan, kind)
      }
      if end.isUnavailable && kind == .namespaces && !hasNamespaces {
        let reason = Escaped.plain(end.errorOutput.suffix(200)).split(separator: "\n").last ?? ""
        system.withLock { $0 = System(containment: .sweep, obstacle: String(reason)) }
        end = try attempt(plan, .sweep)
      }
      if kind == .namespaces && end.report != nil {
        system.withLock { if $0.containment == .namespaces { $0.hasNamespaces = true } }
      }
      gap = end.longestGap
      let found = system.withLock { $0 }
      report = end.report ?? Self.missing(plan, end, found.containment)
      if !found.obstacle.isEmpty {
        report.containment += " (no namespaces: \(found.obstacle))"
      }
    } catch {
      report = CheckReport(
        id: plan.check, outcome: .graderError("the check could not be run: \(error)"))
    }
    report.id = plan.check
    report.seed = plan.seed
    report.maxPoints = plan.points
    report.points = report.outcome.isPass ? plan.points : 0
    if report.seconds == 0 { report.seconds = Double(MonotonicClock.now() - start) / 1e9 }
    return (report, gap)
  }

  /// How a check process ended.
  private struct Ending {
    var status: ExitStatus
    var report: CheckReport?
    /// It was killed because it did not end.
    var isLate: Bool
    /// ``Conversation/longestGap``.
    var longestGap: UInt64
    var errorOutput: [UInt8]
    var isUnavailable: Bool { status == .exited(CheckProcess.unavailable) }
  }

  private var hasNamespaces: Bool { system.withLock { $0.hasNamespaces } }

  /// The report for a check process that wrote none.
  ///
  /// In namespaces nothing in them can end it. Without, a submission can: that is no error of the
  /// grader, which would cost nothing.
  private static func missing(
    _ plan: CheckPlan, _ end: Ending, _ containment: Containment
  ) -> CheckReport {
    if end.isLate {
      return CheckReport(
        id: plan.check, outcome: .timeout, expected: "the check is over within \(plan.seconds) s",
        seen: "it had to be killed")
    }
    let said = Escaped.plain(end.errorOutput.suffix(1000))
    if containment == .sweep, let number = CheckProcess.killer(end.status) {
      return CheckReport(
        id: plan.check, outcome: .fail, expected: "the programs leave the grader alone",
        seen: "its process was ended by signal \(number) while they ran")
    }
    return CheckReport(
      id: plan.check,
      outcome: .graderError("the check process left no report: \(end.status). \(said)"))
  }

  private func attempt(_ plan: CheckPlan, _ containment: Containment) throws -> Ending {
    // In namespaces it has a file system of its own.
    let place = containment == .sweep ? try TemporaryDirectory.make("/tmp/ipclab-check-XXXXXX") : ""
    defer { if !place.isEmpty { Self.remove(place) } }
    let order = try JSONEncoder().encode(order(plan, place))
    let sockets = try LocalSocket.pair(.stream)
    let errors = try Pipes.make(capacity: nil)
    let nothing = OwnedDescriptor(
      adopting: try checked("open(/dev/null)") {
        unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
      })
    var start = ChildProcess.Plan(
      program: executable, arguments: [CheckProcess.command, containment.rawValue])
    start.startsSession = true
    start.descriptors = [
      (0, nothing.raw), (1, nothing.raw), (2, errors.writeEnd.raw),
      (CheckProcess.channel, sockets.second.raw),
    ]
    let process = try ChildProcess.start(start)
    sockets.second.close()
    errors.writeEnd.close()
    var conversation = Conversation(
      process, channel: sockets.first.raw, errors: errors.readEnd.raw, seconds: plan.seconds)
    try conversation.run(order: Array(order) + [0x0A])
    return Ending(
      status: conversation.status, report: conversation.report, isLate: conversation.isLate,
      longestGap: conversation.longestGap, errorOutput: conversation.errorOutput)
  }

  /// Removes a directory, also what a submission has made hard to remove.
  static func remove(_ directory: String) {
    unsafe _ = chmod(directory, 0o700)
    for name in DirectoryListing.names(in: directory) {
      let entry = directory + "/" + name
      if unsafe unlink(entry) == -1, errno == EISDIR || errno == EPERM { remove(entry) }
    }
    unsafe _ = rmdir(directory)
  }

  // MARK: - What the check process is told

  private static let passedOn: Set<String> = [
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SHELL",
    "LD_LIBRARY_PATH", "PYENV_ROOT", "PYENV_VERSION", "JAVA_HOME",
  ]

  private func order(_ plan: CheckPlan, _ place: String) -> CheckOrder {
    var environment = ProcessInfo.processInfo.environment.filter {
      Self.passedOn.contains($0.key)
    }
    // It traces its own process, which is not allowed here.
    environment["ASAN_OPTIONS"] = "detect_leaks=0"
    let folder = plan.folder.map(Self.absolute)
    var plan = plan
    plan.programs = plan.programs.mapValues { Self.locate($0, in: folder) }
    plan.run = plan.run.map { Self.locate($0, in: folder) }
    var visible = plan.visible.map(Self.absolute) + (folder.map { [$0] } ?? [])
    let words = plan.programs.values.flatMap { $0 } + (plan.run ?? []) + [executable]
    for word in words where word.hasPrefix("/") && Files.exist(word) {
      visible.append(Self.neighbourhood(word))
      if let real = Self.real(word) { visible.append(Self.neighbourhood(real)) }
    }
    for name in ["PATH", "LD_LIBRARY_PATH"] {
      visible += (environment[name] ?? "").split(separator: ":").map(String.init)
    }
    // A report may show what a program prints.
    let secrets = [".ssh", ".gnupg", ".aws"].compactMap { name in
      environment["HOME"].flatMap { Self.real($0 + "/" + name) }
    }
    return CheckOrder(
      plan: plan,
      environment: environment.merging(plan.environment) { $1 }.map { "\($0.key)=\($0.value)" },
      visible: visible.filter { Files.exist($0) },
      hidden: plan.hidden.map(Self.absolute) + secrets, place: place)
  }

  /// The directory of a program; the program alone when that is a place for everybody.
  private static func neighbourhood(_ path: String) -> String {
    let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    return ["/tmp", "/var/tmp", "/dev/shm", ""].contains(directory) ? path : directory
  }

  private static func locate(_ command: [String], in folder: String?) -> [String] {
    guard let folder else { return command }
    return command.map { word in
      let path = folder + "/" + word
      return word.hasPrefix("/") || !Files.exist(path) ? word : path
    }
  }

  private static func absolute(_ path: String) -> String { real(path) ?? path }

  private static func real(_ path: String) -> String? {
    guard let text = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }
}
