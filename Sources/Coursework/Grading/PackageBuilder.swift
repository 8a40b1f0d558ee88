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
    /// It took too long, or too much memory: what happened, in a sentence.
    case stopped(String)
    /// A signal ended the toolchain, which is no fault of what was built: what is known about it.
    case killed(String)
  }

  /// The build was given up because somebody asked for it.
  struct Interrupted: Error {}

  /// What builds.
  var program = "swift"

  /// Seconds that a build may take.
  public var seconds = 600
  /// Bytes of memory of one process of a build, which is several times what the library needs. (How
  /// many there are depends on the machine.)
  var memory = 2 << 30
  /// How many compilers run at the same time; `nil` leaves it to the toolchain.
  public var jobs: Int?

  /// The usual patience.
  public init() {}

  /// Builds a package.
  ///
  /// - Parameters:
  ///   - package: The package's folder.
  ///   - scratch: Where build products go; beside the package when `nil`.
  ///   - isStopped: Asked several times a second; `true` ends the build by an error.
  /// - Throws: ``CourseworkError`` when there is no Swift toolchain.
  public func build(
    _ package: String, scratch: String? = nil, isStopped: () -> Bool = { false }
  ) throws -> Outcome {
    let products = scratch ?? package + "/.build"
    let isFirst = !Files.exist(products)
    try StudentFolder.createDirectory(products)
    var plan = ChildProcess.Plan(program: program, arguments: ["build", "--package-path", package])
    plan.arguments += ["--scratch-path", products]
    if let jobs { plan.arguments += ["-j", "\(jobs)"] }
    plan.group = 0
    // The toolchain leaves directories in it. Another build may be waiting for the same products.
    guard let temporary = try? TemporaryDirectory.make(products + "/ipclab-tmp-XXXXXX") else {
      throw CourseworkError.environment("\(products) cannot be written. Check the permissions.")
    }
    defer { FolderCopy.remove(temporary) }
    plan.environment = ProcessInfo.processInfo.environment.merging(["TMPDIR": temporary]) { $1 }
      .map { "\($0.key)=\($0.value)" }
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
    let status: ExitStatus
    switch try wait(for: compiler, isStopped: isStopped) {
    case .ended(let found): status = found
    case .tooLong:
      return .stopped("The compiler was stopped after \(seconds) s without being done.")
    case .tooLarge:
      return .stopped(
        "The compiler was stopped: it took more than \(memory >> 20) MiB of memory. An expression "
          + "that is too complicated does that; take it apart.")
    }
    if status.isSuccess { return .built(products + "/debug") }
    if case .signaled = status { return .killed("\(program) build was ended: \(status)") }
    let bytes = (try? Files.read(log, limit: 4 << 20)) ?? []
    // A student knows the files by their names in the package.
    let text = String(decoding: bytes, as: UTF8.self).replacing(package + "/", with: "")
    if let line = Self.signal(in: text) { return .killed(line) }
    // The folder has another place than at the last build, and products know theirs.
    if !isFirst && text.contains("was compiled with module cache path") {
      FolderCopy.remove(products)
      return try build(package, scratch: scratch, isStopped: isStopped)
    }
    return .failed(Self.mistakes(in: text))
  }

  /// How waiting for the compilers ended.
  private enum Ending {
    case ended(ExitStatus)
    case tooLong
    case tooLarge
  }

  /// Waits for the end of a process and of the group that it leads, and ends both when they take too
  /// much of something.
  private func wait(for child: ChildProcess, isStopped: () -> Bool) throws -> Ending {
    let process = try child.openPidfd()
    var patience = Patience(.seconds(seconds))
    var entry = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
    var isOver = false
    var isGivenUp = false
    var tooMuch: Ending?
    while !isOver && !isGivenUp && tooMuch == nil {
      isOver = unsafe poll(&entry, 1, patience.nextLook.pollMilliseconds) == 1
      isGivenUp = !isOver && isStopped()
      if patience.isOver() { tooMuch = .tooLong }
      if isTooLarge(child.pid) { tooMuch = .tooLarge }
    }
    if !isOver { Self.killDescendants(of: child.pid) }
    child.signalGroup(SIGKILL)
    let status = try child.wait().status
    if isGivenUp { throw Interrupted() }
    return isOver ? .ended(status) : tooMuch ?? .tooLong
  }

  /// Whether a process below this one has more memory than it may.
  private func isTooLarge(_ root: Int32) -> Bool {
    ProcessTable.below(root, in: .sweep).entries.contains { $0.resident > memory }
  }

  /// Ends what a build has started, which is in groups of its own: the build system makes one for
  /// every command. Everything is stopped before anything ends, so that nothing is started meanwhile
  /// and nobody loses the parent by which it is found.
  private static func killDescendants(of root: Int32) {
    kill(root, SIGSTOP)
    var stopped: Set<Int32> = []
    // What was being started when its parent stopped shows a moment later.
    var looksWithoutNews = 0
    while looksWithoutNews < 2 {
      let found = ProcessTable.below(root, in: .sweep).entries.filter { !$0.isZombie }.map(\.pid)
      let new = Set(found).subtracting(stopped)
      for pid in new { kill(pid, SIGSTOP) }
      stopped.formUnion(new)
      looksWithoutNews = new.isEmpty ? looksWithoutNews + 1 : 0
    }
    for pid in stopped { kill(pid, SIGKILL) }
  }

  /// The line in which the toolchain says that a signal ended one of its programs.
  static func signal(in log: String) -> String? {
    log.split(separator: "\n").first { line in
      ["error: ", "clang: error: ", "<unknown>:0: error: "].contains(where: line.hasPrefix)
        && (line.contains("command failed due to signal")
          || line.contains("unable to execute command: Killed"))
    }.map(String.init)
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
