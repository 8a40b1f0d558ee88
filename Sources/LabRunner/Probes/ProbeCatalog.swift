public import LabResults

/// An experiment.
public protocol Probe: Sendable {
  /// Id, title and question.
  var info: ProbeInfo { get }
}

/// The one list of probes.
public enum ProbeCatalog {
  /// Every probe.
  public static let all: [any Probe] = []
}
