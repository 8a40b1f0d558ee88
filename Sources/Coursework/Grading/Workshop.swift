internal import FoundationEssentials
internal import Glibc
internal import IPCSystem

/// A place in which one package after the other is built with the same build products, so that the
/// library is compiled once.
public struct Workshop: Sendable {
  /// The folder that holds the current package and the build products.
  public let path: String
  private var package: String { path + "/package" }
  private var scratch: String { path + "/build" }
  /// Where the files of a submission lie whose programs are commands.
  var files: String { path + "/files" }

  /// What came of a build.
  public enum Result: Sendable {
    /// The words of every program's command.
    case programs([String: [String]])
    /// Why there are no programs, for the student to read.
    case mistake(String)
  }

  /// The toolchain was ended by a signal: nobody can say whether the submission builds.
  struct ToolchainKilled: Error, CustomStringConvertible {
    let line: String
    var description: String { "the compiler was ended by a signal: \(line)" }
  }

  /// Whether the library is built here.
  private let isReady = Locked(false)

  /// Uses a folder, which is made when it is missing.
  public init(path: String) throws {
    self.path = path
    try StudentFolder.createDirectory(path)
  }

  /// Builds the lab's starter if nothing was built here yet, and the library with it.
  ///
  /// What fails then is this machine's failure, and no submission's.
  ///
  /// - Throws: ``CourseworkError`` when that is not possible.
  func prepare(
    for lab: LabFolder, with builder: PackageBuilder, isStopped: () -> Bool
  ) throws {
    if isReady.withLock({ $0 }) { return }
    try synchronise(lab.starter + "/Sources", package + "/Sources")
    try useManifest(of: lab)
    let reason: String
    switch try builder.build(package, scratch: scratch, isStopped: isStopped) {
    case .built:
      isReady.withLock { $0 = true }
      return
    case .stopped(let text), .failed(let text), .killed(let text): reason = text
    }
    throw CourseworkError.environment(
      "the lab's own starter cannot be built here, so no submission can be: \(reason)\n"
        + "See that “swift build” works in \(lab.starter), and that there is memory and space.")
  }

  /// Whether a submission has something that the compiler must see.
  func compiles(_ submission: Submission, of lab: LabFolder) -> Bool {
    submission.isPackage && FolderCopy.kind(of: submission.path + "/Sources") == .folder
      && lab.lab.programNames.contains { submission.commands[$0] == nil }
  }

  /// Makes the programs of a submission.
  ///
  /// The submission's own manifest is not used, it is a program that would run here: its sources are
  /// built with the manifest of the lab's starter. Commands run in a copy, too.
  ///
  /// - Parameters:
  ///   - isStopped: Asked several times a second; `true` ends the build by an error.
  ///   - edit: Changes the copy before it is built.
  /// - Throws: ``CourseworkError`` when this machine cannot build at all.
  public func build(
    _ submission: Submission, of lab: LabFolder, with builder: PackageBuilder,
    isStopped: () -> Bool = { false }, edit: (_ package: String) throws -> Void = { _ in }
  ) throws -> Result {
    let missing = lab.lab.programNames.filter { submission.commands[$0] == nil }
    var submission = submission
    // Programs can read what is there, so the one before must be gone.
    FolderCopy.remove(files)
    if !submission.commands.isEmpty {
      do { submission = try moved(submission) } catch let error as CourseworkError
        where error.kind == .usage
      {
        return .mistake(error.description)
      }
    }
    if missing.isEmpty { return .programs(submission.commands) }
    guard submission.isPackage else { return .mistake(Self.noPackage(submission, lab, missing)) }
    let source = submission.path + "/Sources"
    guard FolderCopy.kind(of: source) == .folder else {
      return .mistake(
        "There is no folder Sources, or it is a link. The programs of a Swift package are in it.")
    }
    do {
      try synchronise(source, package + "/Sources")
    } catch let error as CourseworkError where error.kind == .usage {
      return .mistake(error.description)
    }
    try useManifest(of: lab)
    try edit(package)
    for name in missing { unsafe _ = unlink(scratch + "/debug/" + name) }
    switch try builder.build(package, scratch: scratch, isStopped: isStopped) {
    case .stopped(let text):
      startAfresh()
      return .mistake(text)
    case .failed(let log): return .mistake(log)
    case .killed(let line):
      startAfresh()
      throw ToolchainKilled(line: line)
    case .built(let place):
      return Self.programs(submission, missing, in: place)
    }
  }

  /// Throws away what a build in the middle of its work may have left.
  private func startAfresh() {
    FolderCopy.remove(scratch)
    isReady.withLock { $0 = false }
  }

  /// The commands of a submission whose Swift programs lie in a folder.
  static func programs(_ submission: Submission, _ names: [String], in place: String) -> Result {
    var programs = submission.commands
    for name in names {
      let path = place + "/" + name
      guard unsafe access(path, X_OK) == 0 else {
        return .mistake(
          "The package builds, but there is no program “\(name)” in it. Its sources belong into "
            + "Sources/\(name), and its Package.swift needs an .executableTarget with that name.")
      }
      programs[name] = [path]
    }
    return .programs(programs)
  }

  /// Whether the package in a folder was built before, in its own place.
  public static func hasBuilt(_ package: String) -> Bool {
    FileManager.default.fileExists(atPath: package + "/.build/debug")
  }

  /// Makes the programs of a student's own folder, as `swift build` in it does.
  ///
  /// - Throws: ``CourseworkError`` when this machine cannot build at all.
  public static func buildInPlace(
    _ submission: Submission, of lab: LabFolder, with builder: PackageBuilder
  ) throws -> Result {
    // The toolchain leaves programs of before where their sources are no more.
    let missing = lab.lab.programNames.filter { submission.commands[$0] == nil }
    for name in missing { unsafe _ = unlink("\(submission.path)/.build/debug/\(name)") }
    switch try builder.build(submission.path) {
    case .stopped(let text), .failed(let text): return .mistake(text)
    case .killed(let line):
      throw CourseworkError.environment(
        "\(ToolchainKilled(line: line)). Try again; often there was too little memory.")
    case .built(let place):
      return programs(submission, missing, in: place)
    }
  }

  /// What to do when a submission has neither a package nor commands.
  public static func noPackage(
    _ submission: Submission, _ lab: LabFolder, _ missing: [String]
  ) -> String {
    let name = missing.first ?? ""
    return "\(submission.path) has no Package.swift, so there is nothing to build for "
      + "\(missing.joined(separator: " and ")). Begin with ipclab lab start \(lab.lab.order); or, for "
      + "another language, say how to run it: --command \(name)='python3 \(name).py'"
  }

  /// The submission with its files in this workshop.
  private func moved(_ submission: Submission) throws -> Submission {
    try FolderCopy.copy(submission.path, to: files, skipping: [".build", ".git"])
    return submission.moved(to: files)
  }

  private func useManifest(of lab: LabFolder) throws {
    guard let manifest = LabFolder.text(lab.starter + "/Package.swift") else {
      throw CourseworkError.environment(
        "\(lab.starter)/Package.swift is missing; submissions are built with it.")
    }
    let file = package + "/Package.swift"
    let before = LabFolder.text(file)
    let pointed = Manifest.pointed(manifest, package: LabCatalogue.package(above: lab.path))
    if before != pointed { try AtomicFile.write(pointed, to: file) }
  }

  /// Makes `target` like `source`; files that are the same already stay as they are.
  private func synchronise(_ source: String, _ target: String) throws {
    FolderCopy.removeStrangers(in: target, notIn: source)
    try FolderCopy.copy(source, to: target, skipping: [".build"])
  }
}
