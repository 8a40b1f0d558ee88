public import IPCTransport

/// The one list of transports. Whatever is in it takes part in every scenario, probe, test and
/// report; to add a mechanism, add its line here.
public enum TransportCatalog {
  /// Every transport, in the order of reports.
  public static let all: [any Transport] = []

  /// The transport with this id.
  public static func transport(_ id: String) -> (any Transport)? {
    all.first { $0.mechanism.id == id }
  }
}
