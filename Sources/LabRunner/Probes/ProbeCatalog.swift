internal import LabResults

/// The one list of probes.
public enum ProbeCatalog {
  /// Every probe, in the order of reports.
  public static let all: [any Probe] = [
    DirectionProbe(), BoundariesProbe(), ShortReadProbe(), ZeroLengthProbe(),
    LargestMessageProbe(), CapacityProbe(), ReachProbe(), SeveralClientsProbe(), ReadersProbe(),
    OrderProbe(), WriterDeathProbe(), ReaderDeathProbe(), NameAfterKillProbe(), IdentityProbe(),
    AccessProbe(),
  ]

  /// The probe with this id.
  public static func probe(_ id: String) -> (any Probe)? {
    all.first { $0.info.id == id }
  }
}
