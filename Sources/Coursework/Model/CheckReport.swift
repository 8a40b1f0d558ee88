/// What became of one check.
public struct CheckReport: Codable, Sendable, Hashable {
  /// The check's id.
  public var id: String
  /// How it ended.
  public var outcome: Outcome
  /// Points earned by passing.
  public var points: Double
  /// Points there were to earn.
  public var maxPoints: Double
  /// What the payloads and names came from: the same seed repeats them.
  public var seed: UInt64
  /// How long it took.
  public var seconds: Double
  /// What was done, in order.
  public var did: [String]
  /// What should have happened; `nil` when it did.
  public var expected: String?
  /// What happened instead.
  public var seen: String?
  /// The end of the conversation, bytes escaped.
  public var wire: [String]
  /// The likely cause, where one is known.
  public var cause: String?
  /// How each program ended, and the last of what it wrote on its standard error.
  public var said: [String]
  /// What was left behind, by name.
  public var leftovers: [String]
  /// How the programs were kept apart from everything else.
  public var containment: String

  /// The points that count. A check at which the grader failed costs nothing.
  public var earned: Double { outcome.isGraderError ? maxPoints : points }

  /// Whether the programs were in namespaces of their own.
  public var isInNamespaces: Bool { containment == Containment.namespaces.text }

  /// Creates a report of a check about which nothing else is known.
  public init(
    id: String, outcome: Outcome, maxPoints: Double = 0, seed: UInt64 = 0,
    expected: String? = nil, seen: String? = nil
  ) {
    self.id = id
    self.outcome = outcome
    points = outcome.isPass ? maxPoints : 0
    self.maxPoints = maxPoints
    self.seed = seed
    seconds = 0
    did = []
    self.expected = expected
    self.seen = seen
    wire = []
    said = []
    leftovers = []
    containment = ""
  }
}
