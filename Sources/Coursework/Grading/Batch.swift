internal import Dispatch
internal import FoundationEssentials
internal import Glibc
internal import IPCSystem

/// Grades a folder of submissions of one lab.
///
/// Everything that is known is written after every check, so that a kill at any moment loses one check
/// at most.
public final class Batch: Sendable {
  /// How far a batch is.
  public struct Standing: Sendable {
    /// Submissions that are done.
    public var done: Int
    /// All of them.
    public var total: Int
    /// Nanoseconds that the rest will take; `nil` while nothing is done by which one could tell.
    public var remaining: UInt64?
    /// What is being done.
    public var label: String
  }

  /// What is graded.
  public let plan: BatchPlan
  private let folder: LabFolder
  private let directory: String
  private let runner: CheckRunner
  private let state: Locked<State>

  private struct State {
    var waiting: [String]
    var results: [String: GradedSubmission]
    var failure: (any Error)?
    var isStopped = false
  }

  private static let planFile = "plan.json"

  // MARK: - Beginning

  /// Begins a batch.
  ///
  /// - Parameters:
  ///   - source: A folder with a folder for each submission, or one submission.
  ///   - directory: Where results go.
  /// - Throws: ``CourseworkError`` when there is nothing to grade, or results are there already.
  public static func begin(
    _ folder: LabFolder, source: String, directory: String, seed: UInt64, seconds: Double?,
    commands: [String: String], runner: CheckRunner
  ) throws -> Batch {
    let place = LabCatalogue.absolute(source)
    guard Submission.isFolder(place) else {
      throw CourseworkError.usage("\(source) is not a folder. Name the folder of the submissions.")
    }
    let output = LabCatalogue.absolute(directory)
    if FileManager.default.fileExists(atPath: "\(output)/\(planFile)") {
      throw CourseworkError.usage(
        "\(directory) holds the results of a batch. Go on with it (--resume), or write to another "
          + "folder.")
    }
    let folders = Self.submissions(in: place, except: output)
    let isSingle =
      ["Package.swift", Submission.commandsFile].contains {
        FileManager.default.fileExists(atPath: "\(place)/\($0)")
      } || folders.isEmpty && !commands.isEmpty
    // A name that is not UTF-8 is read with replacements, and nothing has that name.
    let strange = DirectoryListing.names(in: place)
      .filter { FolderCopy.kind(of: "\(place)/\($0)") == nil }.sorted()
    if !isSingle, let first = strange.first {
      throw CourseworkError.usage(
        "\(strange.count) of the names in \(source) cannot be used, such as “\(first)”: they are not "
          + "UTF-8. Rename these folders, or their submissions would not be graded.")
    }
    let names = isSingle ? [place.lastComponent] : folders
    if names.isEmpty {
      throw CourseworkError.usage(
        "there are no submissions in \(source): it has no folders. Unpack archives first, each into "
          + "a folder of its own.")
    }
    let plan = BatchPlan(
      lab: folder.lab.id, labFingerprint: try Fingerprint.of(folder),
      graderFingerprint: try Fingerprint.of(file: runner.executable), seed: seed, seconds: seconds,
      commands: commands, source: place, submissions: names, isSingle: isSingle,
      started: Timestamp.now())
    try StudentFolder.createDirectory(output)
    try JSONFile.write(plan, to: "\(output)/\(planFile)")
    return Batch(plan, folder, output, runner, [:])
  }

  /// The lab of the batch in a folder, and what was graded.
  ///
  /// - Throws: ``CourseworkError`` when there is no batch.
  public static func plan(in directory: String) throws -> BatchPlan {
    guard let plan = try JSONFile.read(BatchPlan.self, from: "\(directory)/\(planFile)") else {
      throw CourseworkError.usage(
        "there is nothing to resume in \(directory): no batch was begun there.")
    }
    return plan
  }

  /// Goes on with a batch that was interrupted.
  ///
  /// - Throws: ``CourseworkError`` when the lab or ipclab has changed since.
  public static func resume(
    _ folder: LabFolder, directory: String, runner: CheckRunner
  ) throws -> Batch {
    let plan = try plan(in: directory)
    let changed: String?
    if try plan.lab != folder.lab.id || plan.labFingerprint != Fingerprint.of(folder) {
      changed = "\(folder.path) (lab.json, checks, or the starter's Package.swift)"
    } else if try plan.graderFingerprint != Fingerprint.of(file: runner.executable) {
      changed = "ipclab itself"
    } else {
      changed = nil
    }
    if let changed {
      throw CourseworkError.usage(
        "\(changed) has changed since the batch in \(directory) began: its results and new ones "
          + "would not be comparable. Grade again into another folder.")
    }
    let output = LabCatalogue.absolute(directory)
    var results: [String: GradedSubmission] = [:]
    for name in plan.submissions {
      results[name] = try? JSONFile.read(
        GradedSubmission.self, from: "\(output)/submissions/\(name)/record.json")
    }
    return Batch(plan, folder, output, runner, results)
  }

  private init(
    _ plan: BatchPlan, _ folder: LabFolder, _ directory: String, _ runner: CheckRunner,
    _ results: [String: GradedSubmission]
  ) {
    self.plan = plan
    self.folder = folder
    self.directory = directory
    self.runner = runner
    state = Locked(
      State(
        waiting: plan.submissions.filter { results[$0]?.isComplete != true }, results: results))
  }

  private static func submissions(in place: String, except output: String) -> [String] {
    DirectoryListing.names(in: place).filter { name in
      !name.hasPrefix(".") && Submission.isFolder("\(place)/\(name)")
        && "\(place)/\(name)" != output
    }.sorted()
  }

  // MARK: - Grading

  /// How many submissions were complete before this process began.
  public var completeBefore: Int {
    state.withLock { plan.submissions.count - $0.waiting.count }
  }

  /// Grades what is left.
  ///
  /// - Parameters:
  ///   - jobs: Submissions that are graded at the same time.
  ///   - isStopped: Asked before every check; `true` ends the batch, which can be resumed.
  ///   - progress: Told after every check.
  /// - Returns: Whether everything is done.
  /// - Throws: ``CourseworkError`` when results cannot be written, nothing can be built, or another
  ///   process is at work on this batch.
  public func run(
    jobs: Int, isStopped: @escaping @Sendable () -> Bool,
    progress: @escaping @Sendable (Standing) -> Void
  ) throws -> Bool {
    let lock = try lock()
    defer { close(lock) }
    let gate = DispatchGroup()
    for number in 1...max(1, jobs) {
      gate.enter()
      do {
        try SystemThread.start { [self] in
          work(number, jobs: jobs, isStopped: isStopped, progress: progress)
          gate.leave()
        }
      } catch {
        gate.leave()
        throw CourseworkError.environment("a thread cannot be started: \(error)")
      }
    }
    gate.wait()
    let failure = state.withLock { $0.failure }
    if let failure { throw failure }
    let isDone = state.withLock { state in
      plan.submissions.allSatisfy { state.results[$0]?.isComplete == true }
    }
    if isDone { FolderCopy.remove("\(directory)/work") }
    return isDone
  }

  /// Two graders would build in the same place, and neither would know what it checks.
  private func lock() throws -> Int32 {
    let file = "\(directory)/\(Self.planFile)"
    let lock: FileLock?
    do { lock = try FileLock.tryAcquire(file) } catch {
      throw CourseworkError.environment("\(file) cannot be locked: \(error).")
    }
    guard let lock else {
      throw CourseworkError.usage(
        "another ipclab is grading into \(directory). Wait until it is done, or end it first.")
    }
    return lock.release()
  }

  private func work(
    _ number: Int, jobs: Int, isStopped: @escaping @Sendable () -> Bool,
    progress: @escaping @Sendable (Standing) -> Void
  ) {
    do {
      let workshop = try Workshop(path: "\(directory)/work/\(number)")
      while let name = next(isStopped) {
        try grade(name, in: workshop, jobs: jobs) { label in
          progress(standing(jobs, label))
          return state.withLock { $0.isStopped } || isStopped()
        }
      }
    } catch is Stopped, is PackageBuilder.Interrupted {
      state.withLock { $0.isStopped = true }
    } catch {
      state.withLock { state in
        state.failure = state.failure ?? error
        state.isStopped = true
      }
    }
  }

  private struct Stopped: Error {}

  private func next(_ isStopped: () -> Bool) -> String? {
    if isStopped() { return nil }
    return state.withLock { state in
      state.isStopped || state.waiting.isEmpty ? nil : state.waiting.removeFirst()
    }
  }

  private func grade(
    _ name: String, in workshop: Workshop, jobs: Int, isStopped: (String) -> Bool
  ) throws {
    if isStopped(name) { throw Stopped() }
    var builder = PackageBuilder()
    builder.jobs = max(1, Processor.allowed().count / jobs)
    let found = look(at: name)
    if case .found(let submission) = found, workshop.compiles(submission, of: folder) {
      try workshop.prepare(for: folder, with: builder) { isStopped("building the library") }
    }
    let began = MonotonicClock.now()
    var record = state.withLock { $0.results[name] } ?? GradedSubmission(name: name)
    let spent = record.seconds
    func keep() throws {
      record.seconds = spent + Double(MonotonicClock.now() - began) / 1e9
      let place = "\(directory)/submissions/\(name)"
      try StudentFolder.createDirectory(place)
      try JSONFile.write(record, to: "\(place)/record.json")
      let kept = record
      state.withLock { $0.results[name] = kept }
    }
    var checker = LabChecker(folder, runner: runner)
    checker.seconds = plan.seconds
    checker.hidden = hidden
    checker.submission = workshop.files
    let built: Workshop.Result
    do {
      built =
        switch found {
        case .mistake(let text): .mistake(text)
        case .found(let submission):
          try workshop.build(submission, of: folder, with: builder, isStopped: { isStopped(name) })
        }
    } catch let error as Workshop.ToolchainKilled {
      built = .programs([:])
      let known = record.reports
      record.reports = checker.unbuilt(seed: plan.seed).map { report in
        if let old = known.first(where: { $0.id == report.id }) { return old }
        var report = report
        report.outcome = .graderError(error.description)
        return report
      }
    }
    switch built {
    case .mistake(let text):
      record.mistake = text
      record.reports = checker.unbuilt(seed: plan.seed)
    case .programs(let programs):
      let done = record.reports
      _ = try checker.run(programs, seed: plan.seed, done: done) { report in
        record.reports.append(report)
        try keep()
        if isStopped("\(name) \(report.id)") && record.reports.count < folder.lab.checks.count {
          throw Stopped()
        }
      }
    }
    record.isComplete = true
    record.ownCommands = plan.ownCommands(of: name)
    try keep()
    _ = isStopped(name)
  }

  /// What no submission may see: results, other submissions, also those that are being graded, and
  /// the lab's reference.
  private var hidden: [String] { [directory, plan.source] + folder.secrets }

  /// What there is to build.
  private enum Found {
    case found(Submission)
    case mistake(String)
  }

  private func look(at name: String) -> Found {
    let path = plan.isSingle ? plan.source : "\(plan.source)/\(name)"
    let submission: Submission
    do {
      submission = try Submission(path: path, commands: plan.commands)
      try submission.lookForPrograms()
    } catch {
      // The fault of the submission, not of this machine.
      return .mistake("\(error)")
    }
    // What a command names is visible to it; the files of others must not become so.
    for (program, words) in submission.commands where plan.commands[program] == nil {
      for word in words where word.hasPrefix("/") && !Submission.isInside(word, submission.path) {
        if Submission.isInside(word, plan.source) || Submission.isInside(word, directory) {
          return .mistake("The command for \(program) names a file of somebody else: \(word).")
        }
      }
    }
    return .found(submission)
  }

  private func standing(_ jobs: Int, _ label: String) -> Standing {
    state.withLock { state in
      let total = plan.submissions.count
      let times = state.results.values.filter(\.isComplete).map(\.seconds)
      let rest = Double(total - times.count) / Double(jobs)
      let seconds = times.reduce(0, +) / Double(times.count) * rest
      return Standing(
        done: times.count, total: total, remaining: times.isEmpty ? nil : UInt64(seconds * 1e9),
        label: label)
    }
  }

  // MARK: - Results

  /// What is known now. Submissions that nothing is known about are in it without reports.
  public func result(similar: [SimilarPair] = []) -> ClassResult {
    state.withLock { state in
      ClassResult(
        lab: folder.lab, plan: plan,
        submissions: plan.submissions.map {
          state.results[$0] ?? GradedSubmission(name: $0)
        }, similar: similar)
    }
  }

  /// Compares the sources of all submissions with each other; `nil` when it was stopped.
  ///
  /// - Parameter isStopped: Asked before each submission is read.
  public func similarities(isStopped: () -> Bool = { false }) -> [SimilarPair]? {
    var sources: [(String, SourceText)] = []
    for name in plan.submissions {
      if isStopped() { return nil }
      let path = plan.isSingle ? plan.source : "\(plan.source)/\(name)"
      guard let submission = try? Submission(path: path) else { continue }
      sources.append((name, SourceText.all(in: submission.path)))
    }
    return Similarity.pairs(sources, given: [SourceText.all(in: folder.starter)])
  }
}
