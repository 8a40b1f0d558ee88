internal import FoundationEssentials

/// Runs the checks of a lab in order, and skips those whose parents did not pass.
public struct LabChecker: Sendable {
  /// The lab.
  public let folder: LabFolder
  private let runner: CheckRunner
  /// The folder of the submission, which its programs can read.
  public var submission: String?
  /// Folders that programs must not see: results, other submissions, references.
  public var hidden: [String] = []
  /// Replaces the wall limit of every check, in seconds.
  public var seconds: Double?
  /// Whether checks are skipped whose parents did not pass.
  var skips = true

  /// Checks submissions of a lab with a runner.
  public init(_ folder: LabFolder, runner: CheckRunner) {
    self.folder = folder
    self.runner = runner
  }

  /// Runs checks.
  ///
  /// - Parameters:
  ///   - programs: The words of every program's command.
  ///   - seed: What payloads and names come from.
  ///   - items: The checks, in the lab's order; all when `nil`.
  ///   - done: Results of earlier checks of the same submission, which are not run again.
  ///   - willRun: Is told before each check that is run.
  ///   - report: Gets every new result as soon as it is there.
  /// - Returns: All results, the earlier ones included, in the order of the lab.
  public func run(
    _ programs: [String: [String]], seed: UInt64, items: [Lab.Item]? = nil,
    done: [CheckReport] = [], willRun: (Lab.Item) -> Void = { _ in },
    report: (CheckReport) throws -> Void
  ) rethrows -> [CheckReport] {
    var reports: [CheckReport] = []
    for item in items ?? folder.lab.checks {
      if let old = done.first(where: { $0.id == item.id }) {
        reports.append(old)
        continue
      }
      let new: CheckReport
      if skips, let parent = failedParent(of: item, in: reports) {
        new = CheckReport(
          id: item.id, outcome: .skipped(parent: parent), maxPoints: Double(item.points),
          seed: seed)
      } else {
        willRun(item)
        new = runner.run(plan(item, programs, seed))
      }
      reports.append(new)
      try report(new)
    }
    return reports
  }

  /// The results when there are no programs. Why there are none is said once, for the submission.
  public func unbuilt(seed: UInt64) -> [CheckReport] {
    folder.lab.checks.map { item in
      CheckReport(
        id: item.id, outcome: .buildError, maxPoints: Double(item.points), seed: seed)
    }
  }

  /// A parent that did not pass. One that the grader failed at holds nobody up, and so does one that
  /// is not part of this run.
  private func failedParent(of item: Lab.Item, in reports: [CheckReport]) -> String? {
    (item.after ?? []).first { parent in
      guard let outcome = reports.first(where: { $0.id == parent })?.outcome else { return false }
      if case .graderError = outcome { return false }
      return !outcome.isPass
    }
  }

  private func plan(
    _ item: Lab.Item, _ programs: [String: [String]], _ seed: UInt64
  ) -> CheckPlan {
    // The program of a check is a file of the lab, wherever it runs.
    let command = item.run.map { words in
      words.map { word in
        let file = "\(folder.path)/\(word)"
        return FileManager.default.fileExists(atPath: file) ? file : word
      }
    }
    var plan = CheckPlan(
      check: item.id, points: Double(item.points), seed: seed,
      seconds: seconds ?? Double(item.wallSeconds), programs: programs, run: command)
    plan.patience = max(1, plan.seconds / Double(item.wallSeconds))
    plan.folder = submission
    plan.hidden = hidden
    return plan
  }
}

/// Points of several checks.
public enum Points {
  /// The points that reports are worth. A check at which the grader failed counts as passed: that is
  /// no fault of the submission.
  public static func earned(_ reports: [CheckReport]) -> Double {
    reports.reduce(0) { sum, report in
      if case .graderError = report.outcome { return sum + report.maxPoints }
      return sum + report.points
    }
  }

  /// The points there were to earn.
  public static func possible(_ reports: [CheckReport]) -> Double {
    reports.reduce(0) { $0 + $1.maxPoints }
  }

  /// A number of points without digits that say nothing.
  public static func text(_ points: Double) -> String {
    let tenths = (points * 10).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)"
  }
}

extension Outcome {
  /// How it ended, in a few words, with the signal, the limit or the parent.
  public var phrase: String {
    switch self {
    case .crash(let signal): "crash (\(SignalName.text(signal)))"
    case .limit(let limit): "limit (\(limit.words))"
    case .leak(let names): "leak (\(names.joined(separator: ", ")))"
    case .skipped(let parent): "skipped (\(parent) did not pass)"
    case .graderError(let reason): "grader error (\(reason))"
    case .pass, .fail, .timeout, .buildError: word
    }
  }

  /// Whether the grader is to blame.
  public var isGraderError: Bool {
    if case .graderError = self { return true }
    return false
  }
}

extension Outcome.Limit {
  /// The limit in words.
  public var words: String {
    switch self {
    case .memory: "memory"
    case .processes: "processes"
    case .processorTime: "processor time"
    case .fileSize: "file size"
    case .output: "output"
    }
  }
}
