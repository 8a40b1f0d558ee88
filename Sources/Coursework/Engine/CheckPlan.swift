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
  /// The submission's programs: the words of each command. Paths are absolute.
  public var programs: [String: [String]]
  /// The words of the command that is the check, when it is not built in.
  public var run: [String]?
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
