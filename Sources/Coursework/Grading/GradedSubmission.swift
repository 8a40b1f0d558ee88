/// A submission of a batch and what became of it. Kept in a file, so that an interrupted batch can go
/// on.
public struct GradedSubmission: Codable, Sendable, Equatable {
  /// The name of its folder.
  public var name: String
  /// What its checks said, in the order of the lab; fewer than there are while it is being graded.
  public var reports: [CheckReport] = []
  /// Why there were no programs to check.
  public var mistake: String?
  /// The commands of programs that its own `ipclab.json` names, by the programs' names: they may be
  /// anybody's programs.
  public var ownCommands: [String: String]?
  /// How long building and checking took, in seconds.
  public var seconds = 0.0
  /// Whether everything is done.
  public var isComplete = false

  /// A submission that nothing is known about.
  public init(name: String) { self.name = name }

  /// The points it is worth.
  public var points: Double { Points.earned(reports) }

  /// Whether a person must look: the grader itself failed somewhere.
  public var needsPerson: Bool { reports.contains { $0.outcome.isGraderError } }
}

/// What a batch is: kept beside its results, so that going on with it means the same.
public struct BatchPlan: Codable, Sendable, Equatable {
  /// The version of the format.
  public var schema = 1
  /// The lab's id.
  public var lab: String
  /// A fingerprint of what the lab's points depend on.
  public var labFingerprint: UInt64
  /// A fingerprint of the program ipclab, in which the checks are.
  public var graderFingerprint: UInt64
  /// What the payloads of every submission come from.
  public var seed: UInt64
  /// What a check may take in seconds, instead of what the lab says.
  public var seconds: Double?
  /// Commands of programs that are not Swift.
  public var commands: [String: String]
  /// Where the submissions are.
  public var source: String
  /// The names of the submissions' folders, sorted.
  public var submissions: [String]
  /// Whether ``source`` is itself the only submission.
  public var isSingle: Bool
  /// When it began, in UTC.
  public var started: String
}

/// What all formats are made from.
public struct ClassResult: Sendable {
  /// The lab.
  public var lab: Lab
  /// What was graded.
  public var plan: BatchPlan
  /// Results, in the order of the plan.
  public var submissions: [GradedSubmission]
  /// Pairs of submissions that have much in common.
  public var similar: [SimilarPair]

  /// Submissions that are graded completely.
  public var complete: [GradedSubmission] { submissions.filter(\.isComplete) }
}
