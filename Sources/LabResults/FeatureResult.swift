/// A probe as a report names it.
public struct ProbeInfo: Codable, Sendable, Equatable {
  /// Stable id, such as `boundaries`.
  public var id: String
  /// Column title, such as “Message boundaries”.
  public var title: String
  /// The question that the experiment answers.
  public var question: String
  /// How the experiment is done, in a sentence or two.
  public var method: String

  /// Creates a probe description.
  public init(id: String, title: String, question: String, method: String) {
    self.id = id
    self.title = title
    self.question = question
    self.method = method
  }
}

/// What one probe observed on one mechanism, beside what the mechanism claims.
public struct FeatureResult: Codable, Sendable, Equatable {
  /// How claim and observation compare.
  public enum Verdict: String, Codable, Sendable {
    /// The observation is what the mechanism claims.
    case agrees
    /// It is not: a defect in the claim or in the mechanism, listed first in every report.
    case disagrees
    /// The question does not arise for this mechanism; `observed` says why.
    case notApplicable
    /// The experiment needs something this environment lacks; `observed` says what.
    case notPossibleHere
    /// The experiment itself failed; `evidence` says how.
    case failed
  }

  /// Id of the probe.
  public var probe: String
  /// Id of the mechanism.
  public var mechanism: String
  /// What the mechanism's capabilities claim, in the probe's vocabulary.
  public var claim: String
  /// What the experiment saw, in the same vocabulary.
  public var observed: String
  /// How the two compare.
  public var verdict: Verdict
  /// What was done and what came back, step by step.
  public var evidence: [String]

  /// Creates a result.
  public init(
    probe: String, mechanism: String, claim: String, observed: String, verdict: Verdict,
    evidence: [String]
  ) {
    self.probe = probe
    self.mechanism = mechanism
    self.claim = claim
    self.observed = observed
    self.verdict = verdict
    self.evidence = evidence
  }
}
