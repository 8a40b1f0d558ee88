/// One check of one submission, as it is to be run.
public struct CheckPlan: Codable, Sendable {
  /// The check's id.
  public var check: String
  /// Points there are to earn.
  public var points: Double
  /// What payloads and names come from.
  public var seed: UInt64
  /// Wall limit.
  public var seconds: Double
  /// How many times as long as usual the waits within the check may take: what `seconds` is more than
  /// the lab gives.
  public var patience = 1.0
  /// The submission's programs: the words of each command. A word that is a file of `folder` is
  /// given to the program as an absolute path.
  public var programs: [String: [String]]
  /// The directory of the submission, or of the lab for a check of its own.
  public var folder: String?
  /// The words of the command that is the check, when it is not built in.
  public var run: [String]?
  /// Files and directories that programs need besides those in `folder`, the directories of the
  /// programs, and what is installed. Only those below `/tmp` and the like need to be named.
  public var visible: [String] = []
  /// Directories that look empty to the programs, but for what is visible below them: results, other
  /// submissions, solutions.
  public var hidden: [String] = []
  /// Variables that the programs get besides `PATH`, `HOME` and the like.
  public var environment: [String: String] = [:]
  /// What the programs get at most.
  public var limits = CheckLimits()

  /// Creates a plan with the usual limits.
  public init(
    check: String, points: Double = 0, seed: UInt64, seconds: Double = 10,
    programs: [String: [String]], run: [String]? = nil
  ) {
    self.check = check
    self.points = points
    self.seed = seed
    self.seconds = seconds
    self.programs = programs
    self.run = run
  }
}
