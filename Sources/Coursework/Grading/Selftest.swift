internal import Dispatch
internal import IPCSystem

/// Lets the grader prove itself on what comes with the labs: references must have full marks,
/// starters few, and every mutant must be caught by the check that it names.
public final class Selftest: Sendable {
  /// What is tested.
  public enum Part: String, CaseIterable, Sendable {
    case solutions, starters, mutants, hostile
  }

  /// A statement about the grader.
  public struct Finding: Sendable {
    /// The lab's id.
    public var lab: String
    /// What was graded: `solution`, `starter`, `mutant NAME`, `checks`.
    public var subject: String
    /// What came of it.
    public var text: String
    /// Whether it is as it must be.
    public var isGood: Bool
    /// How long it took, in seconds.
    public var seconds: Double
  }

  private let labs: [LabFolder]
  private let parts: Set<Part>
  private let rounds: Int
  private let seed: UInt64
  private let runner: CheckRunner
  private let place: String
  private let hostile: String
  private let waiting: Locked<[LabFolder]>
  private let failure = Locked<(any Error)?>(nil)

  /// The most that a starter may score, of 100.
  private static let mostOfStarter = 20.0
  private static let fewestMutants = 3

  /// Prepares a test.
  ///
  /// - Parameters:
  ///   - labs: Which labs.
  ///   - parts: What of them.
  ///   - rounds: How often every solution is checked, each time with another seed.
  ///   - place: A folder for what is built.
  ///   - hostile: The path of the program `HostilePrograms`.
  public init(
    _ labs: [LabFolder], parts: Set<Part>, rounds: Int, seed: UInt64, runner: CheckRunner,
    place: String, hostile: String
  ) {
    self.hostile = hostile
    self.labs = labs
    self.parts = parts
    self.rounds = rounds
    self.seed = seed
    self.runner = runner
    self.place = LabCatalogue.absolute(place)
    waiting = Locked(labs)
  }

  /// Runs everything.
  ///
  /// - Parameters:
  ///   - jobs: Labs at the same time.
  ///   - isStopped: Asked between programs; `true` ends the test.
  ///   - report: Gets every finding as soon as it is there.
  /// - Throws: ``CourseworkError`` when this machine cannot build, or a lab is incomplete.
  public func run(
    jobs: Int, isStopped: @escaping @Sendable () -> Bool,
    report: @escaping @Sendable (Finding) -> Void
  ) throws {
    if parts.contains(.hostile) { try testHostilePack(isStopped: isStopped, report: report) }
    if parts == [.hostile] { return }
    let group = DispatchGroup()
    for number in 1...max(1, min(jobs, labs.count)) {
      group.enter()
      do {
        try SystemThread.start { [self] in
          do {
            let workshop = try Workshop(path: "\(place)/\(number)")
            while !isStopped(), let lab = next() {
              try test(lab, workshop, jobs: jobs, isStopped: isStopped, report: report)
            }
          } catch { failure.withLock { $0 = $0 ?? error } }
          group.leave()
        }
      } catch {
        group.leave()
        throw CourseworkError.environment("a thread cannot be started: \(error)")
      }
    }
    group.wait()
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  private func next() -> LabFolder? {
    if failure.withLock({ $0 != nil }) { return nil }
    return waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
  }

  // MARK: - The hostile pack

  /// Each must get its exact outcome; the well-behaved ones among them pass.
  private func testHostilePack(isStopped: () -> Bool, report: (Finding) -> Void) throws {
    let results = "\(place)/results"
    try StudentFolder.createDirectory(results)
    defer { FolderCopy.remove(results) }
    for one in HostilePack.cases where !isStopped() {
      let plan = HostilePack.plan(for: one, program: hostile, results: results, seed: seed)
      let start = MonotonicClock.now()
      let found = runner.run(plan)
      let strangers = DirectoryListing.names(in: results)
      var text = "\(one.about): \(found.outcome.phrase)"
      let isHeld = found.isInNamespaces || !one.needsNamespaces
      let agrees =
        isHeld
        ? one.agrees(with: found)
        : found.outcome.word != "limit" && found.containment.contains("no namespaces")
      let isGood = agrees && strangers.isEmpty
      if !isHeld { text += ", which only namespaces hold, and there are none" }
      if !agrees { text += ", must be \(one.outcome.phrase)" }
      if !strangers.isEmpty { text += ", and wrote into the results" }
      report(
        Finding(
          lab: "hostile", subject: one.name, text: text, isGood: isGood,
          seconds: Double(MonotonicClock.now() - start) / 1e9))
    }
  }

  // MARK: - One lab

  private func test(
    _ folder: LabFolder, _ workshop: Workshop, jobs: Int, isStopped: () -> Bool,
    report: (Finding) -> Void
  ) throws {
    let trial = Trial(
      folder: folder, workshop: workshop, runner: runner,
      compilers: max(1, Processor.allowed().count / jobs))
    var caught: Set<String> = []
    func note(_ subject: String, _ body: () throws -> (Bool, String)) throws {
      let start = MonotonicClock.now()
      let (isGood, text) = try body()
      report(
        Finding(
          lab: folder.lab.id, subject: subject, text: text, isGood: isGood,
          seconds: Double(MonotonicClock.now() - start) / 1e9))
    }
    if parts.contains(.solutions) {
      for round in 0..<UInt64(rounds) where !isStopped() {
        try note(rounds == 1 ? "solution" : "solution, round \(round + 1)") {
          Self.judgeSolution(try trial.run(folder.solution, seed: seed &+ round))
        }
      }
    }
    if parts.contains(.starters) && !isStopped() {
      try note("starter") {
        let result = try trial.run(folder.starter, seed: seed)
        if case .checked(let reports) = result { caught.formUnion(Self.failed(reports)) }
        return Self.judgeStarter(result)
      }
    }
    guard parts.contains(.mutants) else { return }
    let mutants = try Mutant.all(of: folder)
    for mutant in mutants {
      if isStopped() { return }
      try note("mutant \(mutant.name)") {
        let result: Trial.Result
        do {
          result = try trial.run(mutant: mutant, seed: seed)
        } catch let error as MutantMisfit { return (false, "does not apply: \(error)") }
        if case .checked(let reports) = result { caught.formUnion(Self.failed(reports)) }
        return Self.judge(mutant, result)
      }
    }
    if mutants.count < Self.fewestMutants {
      try note("mutants") {
        (false, "there are \(mutants.count); every lab needs \(Self.fewestMutants)")
      }
    }
    if parts.contains(.starters) {
      try note("checks") {
        let idle = folder.lab.checks.map(\.id).filter { !caught.contains($0) }
        return idle.isEmpty
          ? (true, "each fails for the starter or for a mutant")
          : (false, "nothing ever fails \(idle.joined(separator: ", ")): write a mutant for it")
      }
    }
  }

  // MARK: - Judging

  private static func failed(_ reports: [CheckReport]) -> [String] {
    reports.filter { $0.outcome.isFailureOfPrograms }.map(\.id)
  }

  private static func judgeSolution(_ result: Trial.Result) -> (Bool, String) {
    guard case .checked(let reports) = result else { return (false, result.mistake) }
    let open = reports.filter { !$0.outcome.isPass }
    let seconds = reports.reduce(0) { $0 + $1.seconds }
    let time = "\((seconds * 10).rounded() / 10) s"
    if open.isEmpty { return (true, "full marks, checks took \(time)") }
    return (
      false,
      "does not have full marks (seed \(reports.first?.seed ?? 0)):"
        + open.map { "\n" + story($0) }.joined()
    )
  }

  private static func judgeStarter(_ result: Trial.Result) -> (Bool, String) {
    guard case .checked(let reports) = result else { return (false, result.mistake) }
    if let odd = reports.first(where: { $0.outcome.isGraderError }) {
      return (false, "the grader failed at \(odd.id): \(odd.outcome.phrase)")
    }
    let points = reports.reduce(0) { $0 + $1.points }
    let text = "\(Points.text(points)) of 100 points"
    return points < mostOfStarter ? (true, text) : (false, text + ", which is too many")
  }

  private static func judge(_ mutant: Mutant, _ result: Trial.Result) -> (Bool, String) {
    guard case .checked(let reports) = result else { return (false, result.mistake) }
    guard let report = reports.first(where: { $0.id == mutant.caughtBy }) else {
      return (false, "\(mutant.caughtBy) did not run")
    }
    let others = failed(reports).filter { $0 != mutant.caughtBy }
    let also = others.isEmpty ? "" : ", and by \(others.joined(separator: ", "))"
    guard report.outcome.isFailureOfPrograms else {
      return (
        false,
        "\(mutant.title): \(mutant.caughtBy) must catch it and says \(report.outcome.phrase)"
          + (others.isEmpty ? "" : "; caught by \(others.joined(separator: ", "))")
      )
    }
    if reports.count > 1 && !reports.contains(where: \.outcome.isPass) {
      return (false, "\(mutant.title): nothing passes, so it says nothing about \(mutant.caughtBy)")
    }
    return (true, "caught by \(mutant.caughtBy) (\(report.outcome.word))\(also)")
  }

  private static func story(_ report: CheckReport) -> String {
    ([report.id + ": " + report.outcome.phrase] + CheckText(report).lines)
      .map { "      \($0)" }.joined(separator: "\n")
  }
}

extension Outcome {
  /// Whether the check ran and the programs are to blame.
  fileprivate var isFailureOfPrograms: Bool {
    switch self {
    case .fail, .timeout, .crash, .limit, .leak: true
    case .pass, .buildError, .skipped, .graderError: false
    }
  }
}

/// Builds and checks one version of a lab's programs after the other.
private struct Trial {
  enum Result {
    case checked([CheckReport])
    case unbuilt(String)

    var mistake: String {
      if case .unbuilt(let text) = self { "cannot be built:\n\(text)" } else { "" }
    }
  }

  let folder: LabFolder
  let workshop: Workshop
  let runner: CheckRunner
  let compilers: Int

  func run(_ package: String, seed: UInt64) throws -> Result {
    try run(package, edit: { _ in }) { programs in
      checker(skips: true).run(programs, seed: seed) { _ in }
    }
  }

  /// Checks a mutant. Nothing is skipped: what the check that it names says is wanted also when an
  /// earlier one fails. A mutant that depends on a race is given some more chances to lose it.
  func run(mutant: Mutant, seed: UInt64) throws -> Result {
    try run(folder.solution, edit: mutant.apply(to:)) { programs in
      let checker = checker(skips: false)
      var reports = checker.run(programs, seed: seed) { _ in }
      guard let place = reports.firstIndex(where: { $0.id == mutant.caughtBy }) else {
        return reports
      }
      let named = folder.lab.checks.filter { $0.id == mutant.caughtBy }
      for chance in 1...Self.chances where reports[place].outcome.isPass {
        for report in checker.run(
          programs, seed: seed &+ UInt64(chance), items: named, report: { _ in })
        {
          reports[place] = report
        }
      }
      return reports
    }
  }

  private static let chances = 4

  private func checker(skips: Bool) -> LabChecker {
    var checker = LabChecker(folder, runner: runner)
    checker.hidden = folder.secrets
    checker.skips = skips
    return checker
  }

  private func run(
    _ package: String, edit: (String) throws -> Void,
    check: ([String: [String]]) -> [CheckReport]
  ) throws -> Result {
    var builder = PackageBuilder()
    builder.jobs = compilers
    let submission = try Submission(path: package)
    switch try workshop.build(submission, of: folder, with: builder, edit: edit) {
    case .mistake(let text): return .unbuilt(text)
    case .programs(let programs): return .checked(check(programs))
    }
  }
}
