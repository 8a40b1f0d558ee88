public import IPCTransport
public import LabResults

/// One question about a mechanism, and the experiment that answers it.
///
/// To add a probe, conform to this protocol in a file of its own and add it to ``ProbeCatalog``.
/// The experiment starts real processes through its ``ProbeLab`` and concludes from what they
/// report; what it concludes is compared with what the mechanism's ``Capabilities`` claim.
///
/// Every probe needs a control: the same experiment must come out differently on some transport,
/// or on input that was spoiled on purpose, or it could not have come out differently here.
public protocol Probe: Sendable {
  /// Id, question and method.
  var info: ProbeInfo { get }
  /// What a mechanism claims, in this probe's vocabulary.
  func claim(of capabilities: Capabilities) -> String
  /// Does the experiment. Its steps and their results are in the lab's evidence afterwards.
  func run(in lab: ProbeLab) throws -> Observation
}

/// What an experiment came to.
public enum Observation: Sendable, Equatable {
  /// It saw this, in the vocabulary of the probe's claims; the detail is told with it and is no part
  /// of any claim.
  case saw(String, detail: String? = nil)
  /// The question does not arise, for this reason.
  case notApplicable(String)
  /// It needs something that this environment lacks.
  case notPossibleHere(String)
}
