internal import FoundationEssentials
internal import Glibc
internal import IPCSystem

/// A student's copy of a lab: a Swift package, and beside it in `.ipclab` which lab it is and how far
/// it is.
public struct StudentFolder: Sendable {
  /// Absolute path of the folder.
  public let path: String
  /// The id of the lab.
  public let labID: String

  private static let stateFolder = ".ipclab"
  private var progressFile: String { "\(path)/\(Self.stateFolder)/progress.json" }

  private struct State: Codable {
    var schema = 1
    var lab: String
    var started: String
  }

  /// The folder at a path, if it was made by ``start(_:at:)``.
  ///
  /// - Throws: ``CourseworkError`` when its state cannot be understood.
  public init?(at path: String) throws {
    let absolute = LabCatalogue.absolute(path)
    let state: State?
    do {
      state = try JSONFile.read(State.self, from: "\(absolute)/\(Self.stateFolder)/lab.json")
    } catch {
      throw CourseworkError.environment(
        "\(error) Delete it, start the lab again in another folder, and copy your Sources there.")
    }
    guard let state else { return nil }
    self.path = absolute
    labID = state.lab
  }

  private init(path: String, labID: String) {
    self.path = path
    self.labID = labID
  }

  // MARK: - Finding

  /// The folder that holds a path: the path itself or one above it.
  public static func enclosing(_ path: String) throws -> StudentFolder? {
    var place = LabCatalogue.absolute(path)
    while true {
      if let folder = try StudentFolder(at: place) { return folder }
      if place == "/" { return nil }
      place = place.parentPath
    }
  }

  /// The folders around a path: the one that holds it, those beside that one, and those in the path.
  /// One of the others that cannot be understood holds nobody up here.
  public static func around(_ path: String) throws -> [StudentFolder] {
    let own = try enclosing(path)
    let place = own.map(\.path.parentPath) ?? LabCatalogue.absolute(path)
    let others = DirectoryListing.names(in: place).sorted().compactMap {
      try? StudentFolder(at: place == "/" ? "/" + $0 : place + "/" + $0)
    }
    return (own.map { [$0] } ?? []) + others.filter { $0.path != own?.path }
  }

  // MARK: - Starting and resetting

  /// Makes a fresh copy of a lab's starter.
  ///
  /// - Parameters:
  ///   - lab: Which lab.
  ///   - path: A folder that does not exist or is empty.
  /// - Throws: ``CourseworkError`` when there is something already.
  public static func start(_ lab: LabFolder, at path: String) throws -> StudentFolder {
    let absolute = LabCatalogue.absolute(path)
    if FileManager.default.fileExists(atPath: absolute) {
      let names = try contents(absolute)
      if !names.isEmpty {
        let isLab = try StudentFolder(at: absolute) != nil
        throw CourseworkError.usage(
          isLab
            ? "\(path) is there already, and nothing in it was changed. Go on in it, or bring the "
              + "starter back with: ipclab lab reset"
            : "\(path) is not empty. Name a folder that does not exist yet: "
              + "ipclab lab start \(lab.lab.order) DIR")
      }
    }
    let folder = StudentFolder(path: absolute, labID: lab.lab.id)
    try folder.copyStarter(of: lab)
    try createDirectory("\(absolute)/\(stateFolder)")
    let state = State(lab: lab.lab.id, started: Timestamp.now())
    try JSONFile.write(state, to: "\(absolute)/\(stateFolder)/lab.json")
    return folder
  }

  /// Brings the starter back. What was there is kept in a folder of its own.
  ///
  /// - Returns: The folder with what was there.
  public func reset(_ lab: LabFolder) throws -> String {
    var backup = "\(path)/\(Self.stateFolder)/before-reset-\(Timestamp.forFileName())"
    while FileManager.default.fileExists(atPath: backup) { backup += "b" }
    try Self.createDirectory(backup)
    for name in try Self.contents(path) where name != Self.stateFolder && name != ".build" {
      if unsafe rename("\(path)/\(name)", "\(backup)/\(name)") != 0 {
        let reason = unsafe String(cString: strerror(errno))
        throw CourseworkError.environment("\(path)/\(name) cannot be moved away: \(reason).")
      }
    }
    try copyStarter(of: lab)
    return backup
  }

  private func copyStarter(of lab: LabFolder) throws {
    guard FileManager.default.fileExists(atPath: lab.starter) else {
      throw CourseworkError.environment("\(lab.name) has no starter: \(lab.starter) is missing.")
    }
    try FolderCopy.copy(lab.starter, to: path, skipping: [".build", "Package.resolved"])
    let manifest = path + "/Package.swift"
    if let text = LabFolder.text(manifest) {
      try AtomicFile.write(
        Manifest.pointed(text, package: LabCatalogue.package(above: lab.path)), to: manifest)
    }
    for name in ["README.md", "README.pt.md"] {
      let (source, target) = ("\(lab.path)/\(name)", "\(path)/\(name)")
      if let text = LabFolder.text(source), !FileManager.default.fileExists(atPath: target) {
        try AtomicFile.write(text, to: target)
      }
    }
    let ignored = path + "/.gitignore"
    if !FileManager.default.fileExists(atPath: ignored) {
      try AtomicFile.write(".build/\n.ipclab/\n", to: ignored)
    }
  }

  private static func contents(_ path: String) throws -> [String] {
    var isDirectory = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory
    else { throw CourseworkError.usage("\(path) is a file, not a folder. Name another one.") }
    return DirectoryListing.names(in: path).sorted()
  }

  static func createDirectory(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw CourseworkError.environment(
        "the folder \(path) cannot be made. Choose a place that you may write to.")
    }
  }

  // MARK: - Progress

  /// What the checks said so far.
  ///
  /// - Throws: ``CourseworkError`` when the file cannot be understood.
  public func progress() throws -> Progress {
    do { return try JSONFile.read(Progress.self, from: progressFile) ?? Progress() } catch {
      throw CourseworkError.environment(
        "\(error) Delete that file; checking again makes a new one.")
    }
  }

  /// Keeps what checks said.
  public func keep(_ progress: Progress) throws {
    try Self.createDirectory("\(path)/\(Self.stateFolder)")
    try JSONFile.write(progress, to: progressFile)
  }
}

/// How far a student is with a lab.
public struct Progress: Codable, Sendable, Equatable {
  /// The last result of a check.
  public struct Result: Codable, Sendable, Equatable {
    /// How it ended, in a word.
    public var outcome: String
    /// What it earned.
    public var points: Double
    /// When, in UTC.
    public var time: String
    /// The seed that repeats it.
    public var seed: UInt64
  }

  /// The last results by the checks' ids.
  public var checks: [String: Result] = [:]
  /// How often checks were run.
  public var runs = 0
  /// When they were run last, in UTC.
  public var last: String?

  /// Nothing was checked yet.
  public init() {}

  /// The points of the lab's checks at their last run.
  public func points(in lab: Lab) -> Int {
    Int(lab.checks.reduce(0) { $0 + (checks[$1.id]?.points ?? 0) }.rounded())
  }

  /// How many of the lab's checks passed at their last run.
  public func passed(in lab: Lab) -> Int {
    lab.checks.count { checks[$0.id]?.outcome == Outcome.pass.word }
  }

  /// The first check that has not passed; `nil` when all have.
  public func next(in lab: Lab) -> Lab.Item? {
    lab.checks.first { checks[$0.id]?.outcome != Outcome.pass.word }
  }

  /// The task to work at for a check to pass. While none passes it may be one before, if no check is
  /// about that one.
  public func task(for check: Lab.Item, in lab: Lab) -> Int {
    var task = check.task
    while task > 1, passed(in: lab) == 0, !lab.checks.contains(where: { $0.task == task - 1 }) {
      task -= 1
    }
    return task
  }

  /// Takes the results of a run in.
  public mutating func add(_ reports: [CheckReport]) {
    let now = Timestamp.now()
    for report in reports {
      checks[report.id] = Result(
        outcome: report.outcome.word, points: report.earned, time: now, seed: report.seed)
    }
    runs += 1
    last = now
  }
}

/// Times as text.
public enum Timestamp {
  /// Now, in UTC, as `2026-01-31T12:00:00Z`.
  public static func now() -> String { Date.now.formatted(.iso8601) }

  /// Now, as a part of a file's name.
  static func forFileName() -> String {
    now().filter { $0.isNumber || $0 == "T" }.split(separator: "T").joined(separator: "-")
  }

  /// A time of ``now()`` as lists show it: `31 Jan 12:00 UTC`.
  public static func short(_ text: String) -> String {
    let parts = text.split { "-T:Z".contains($0) }
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    guard parts.count >= 5, let month = Int(parts[1]), (1...12).contains(month),
      let day = Int(parts[2])
    else { return text }
    return "\(day) \(months[month - 1]) \(parts[3]):\(parts[4]) UTC"
  }
}
