internal import FoundationEssentials
internal import Glibc
internal import IPCSystem

/// Builds packages with the Swift toolchain, with an end to its patience.
public struct PackageBuilder: Sendable {
  /// How a build ended.
  public enum Outcome: Sendable {
    /// The folder of the programs.
    case built(String)
    /// What the compiler said.
    case failed(String)
    /// It took too long.
    case timedOut
  }

  /// Seconds that a build may take.
  public var seconds = 600
  /// How many compilers run at the same time; `nil` leaves it to the toolchain.
  public var jobs: Int?

  /// The usual patience.
  public init() {}

  /// Builds a package.
  ///
  /// - Parameters:
  ///   - package: The package's folder.
  ///   - scratch: Where build products go; beside the package when `nil`.
  /// - Throws: ``CourseworkError`` when there is no Swift toolchain.
  public func build(_ package: String, scratch: String? = nil) throws -> Outcome {
    let products = scratch ?? package + "/.build"
    try StudentFolder.createDirectory(products)
    var plan = ChildProcess.Plan(program: "swift", arguments: ["build", "--package-path", package])
    plan.arguments += ["--scratch-path", products]
    if let jobs { plan.arguments += ["-j", "\(jobs)"] }
    plan.group = 0
    let log = products + "/ipclab-build.log"
    let raw = unsafe open(log, O_CREAT | O_TRUNC | O_CLOEXEC | O_RDWR, 0o600)
    if raw == -1 {
      throw CourseworkError.environment("\(log) cannot be written. Check the permissions.")
    }
    let output = OwnedDescriptor(adopting: raw)
    let input = OwnedDescriptor(adopting: unsafe open("/dev/null", O_RDONLY | O_CLOEXEC))
    plan.descriptors = [(0, input.raw), (1, output.raw), (2, output.raw)]
    let compiler: ChildProcess
    do { compiler = try ChildProcess.start(plan) } catch {
      throw CourseworkError.environment(
        "the program swift cannot be started (\(error)). Install the Swift toolchain, and see that "
          + "“swift --version” works in this terminal.")
    }
    guard let status = try Self.wait(for: compiler, seconds: seconds) else { return .timedOut }
    if status.isSuccess { return .built(products + "/debug") }
    let bytes = (try? Files.read(log, limit: 4 << 20)) ?? []
    // A student knows the files by their names in the package.
    let text = String(decoding: bytes, as: UTF8.self).replacing(package + "/", with: "")
    return .failed(Self.mistakes(in: text))
  }

  /// Waits for the end of a process and of the group that it leads; `nil` when it was killed.
  private static func wait(for child: ChildProcess, seconds: Int) throws -> ExitStatus? {
    let process = try child.openPidfd()
    let deadline = Deadline.after(.seconds(seconds))
    var entry = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
    while unsafe poll(&entry, 1, deadline.pollMilliseconds) == -1 && errno == EINTR {}
    let isOver = entry.revents != 0
    child.signalGroup(SIGKILL)
    let status = try child.wait().status
    return isOver ? status : nil
  }

  /// Errors that only repeat that there are errors.
  private static let noise = [
    "error: emit-module command failed", "Invalid manifest (compiled with", "error: ExitCode(",
    "error: fatalError",
  ]

  /// The part of a log that a person needs: the compiler's errors with the lines they are about.
  static func mistakes(in log: String, limit: Int = 40) -> String {
    let lines = log.split(separator: "\n").map(String.init)
    var kept: [String] = []
    var rest = 0
    var seen: Set<String> = []
    for line in lines {
      if noise.contains(where: line.contains) { continue }
      if line.contains("error:") {
        // Said once by the compiler, and once more in the summary.
        rest = seen.insert(line).inserted ? 6 : 0
      } else if line.hasPrefix("[") || line.contains("warning:") {
        rest = 0
      }
      if rest > 0 {
        kept.append(line)
        rest -= 1
      }
    }
    if kept.isEmpty { kept = lines.suffix(20).map { $0 } }
    let more = kept.count > limit ? "\n… and \(kept.count - limit) lines more" : ""
    return kept.prefix(limit).joined(separator: "\n") + more
  }
}
