internal import FoundationEssentials
internal import Glibc
internal import IPCSystem
internal import LabReport
internal import LabResults
internal import LabRunner

/// The directory of a run: its plan, which the run keeps locked as long as it lasts, and its report.
final class RunDirectory {
  let path: String
  private let lock: FileLock

  private static let planFile = "plan.json"

  /// Begins a run, in a directory that it makes when none is named.
  ///
  /// - Parameter replacing: Whether the report that is there goes.
  /// - Throws: ``UsageError`` when there is one.
  static func begin(
    _ named: String?, _ plan: RunPlan, replacing: Bool
  ) throws -> RunDirectory {
    let path = try named ?? fresh()
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch { throw unwritable(path, error) }
    let earlier = ReportFormat.allCases.flatMap(\.fileNames).map { path + "/" + $0 }
      .filter { FileManager.default.fileExists(atPath: $0) }
    if !earlier.isEmpty && !replacing {
      // A run that still goes on is told first.
      if isBegun(path) { _ = try RunDirectory(locking: path) }
      throw UsageError(refusal(path))
    }
    let directory = try RunDirectory(locking: path)
    for file in earlier { unsafe _ = unlink(file) }
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      // Into the file that is locked, not into another one of its name.
      try encoder.encode(plan).write(to: URL(filePath: path + "/" + planFile))
    } catch { throw unwritable(path, error) }
    return directory
  }

  /// The named directory of a run that was interrupted, or the newest in `Reports`.
  static func interrupted(_ named: String?) throws -> RunDirectory {
    if let named {
      guard isBegun(named) else {
        throw UsageError("cannot resume \(named): no run was begun there")
      }
      return try RunDirectory(locking: named)
    }
    for name in DirectoryListing.names(in: "Reports").sorted().reversed() {
      let path = "Reports/" + name
      // One that is being written is not interrupted.
      if isPartial(path), isBegun(path), let directory = try? RunDirectory(locking: path) {
        return directory
      }
    }
    throw UsageError("nothing to resume: no partial run in Reports/. Name one with --out DIR")
  }

  private init(locking path: String) throws {
    let lock: FileLock?
    do { lock = try FileLock.tryAcquire(path + "/" + Self.planFile) } catch {
      throw Self.unwritable(path, error)
    }
    guard let lock else {
      throw EnvironmentError(
        "another run is writing to \(path) now: wait until it has ended, or choose another place "
          + "with --out DIR.")
    }
    self.path = path
    self.lock = lock
  }

  /// The results so far and the plan.
  func load() throws -> (ResultDocument, RunPlan) {
    let document = try ReportWriter.load(path: path)
    let data = try Data(contentsOf: URL(filePath: path + "/" + Self.planFile))
    return (document, try JSONDecoder().decode(RunPlan.self, from: data))
  }

  /// Writes the figures and the report in these formats, and returns the paths of the files.
  @discardableResult
  func write(_ document: ResultDocument, _ formats: [ReportFormat] = []) throws -> [String] {
    let others = ReportFormat.allCases.filter { formats.contains($0) && $0 != .json }
    do {
      // The figures first: from them the rest can be made again, should the disk be full.
      let figures = try ReportWriter.write(document, to: path, formats: [.json])
      return try ReportWriter.write(document, to: path, formats: others) + figures
    } catch { throw EnvironmentError(error.description) }
  }

  /// A directory of this run's own, which it makes: another run may start in the same second.
  private static func fresh() throws -> String {
    // 2026-01-31T12:00:00Z without what file systems and shells dislike.
    let time = Date.now.formatted(.iso8601).filter { $0.isNumber || $0 == "T" }
      .split(separator: "T").joined(separator: "-")
    let names = ["Reports/\(time)"] + (2...99).map { "Reports/\(time)-\($0)" }
    do {
      try FileManager.default.createDirectory(
        atPath: "Reports", withIntermediateDirectories: true)
    } catch { throw unwritable("Reports", error) }
    guard let name = names.first(where: { unsafe mkdir($0, 0o777) == 0 || errno != EEXIST }) else {
      throw EnvironmentError("\(names[0]) and many like it are taken: name another with --out DIR")
    }
    return name
  }

  private static func isBegun(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path + "/" + planFile)
  }

  private static func isPartial(_ path: String) -> Bool {
    (try? ReportWriter.load(path: path))?.run.isPartial == true
  }

  private static func refusal(_ path: String) -> String {
    "there is a report in \(path) already"
      + (isPartial(path)
        ? ", of a run that can go on: ipclab run --resume --out \(ShellWord.quoted(path))" : "")
      + ". Choose another place with --out DIR, or replace it with --force"
  }

  private static func unwritable(_ directory: String, _ error: any Error) -> EnvironmentError {
    EnvironmentError(
      "cannot write to \(directory): \(ReportWriter.reason(error)). "
        + "Choose another place with --out DIR.")
  }
}
