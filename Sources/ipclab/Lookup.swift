internal import IPCTransport
internal import LabResults
internal import LabRunner
internal import TransportCatalog

/// Names from the command line to the things they stand for.
enum Lookup {
  static var transports: [String] { TransportCatalog.all.map(\.mechanism.id) }
  static var scenarios: [String] { ScenarioCatalog.all.map(\.info.id) }

  static func transport(_ name: String) throws -> any Transport {
    guard let transport = TransportCatalog.transport(name) else {
      _ = try Arguments.known(name, among: transports, kind: "transport")
      throw UsageError("no transport is called “\(name)”")
    }
    return transport
  }

  static func scenario(_ name: String) throws -> any Scenario {
    guard let scenario = ScenarioCatalog.scenario(name) else {
      _ = try Arguments.known(name, among: scenarios, kind: "scenario")
      throw UsageError("no scenario is called “\(name)”")
    }
    return scenario
  }

  static func placement(_ name: String) throws -> Placement {
    guard let placement = Placement(rawValue: name) else {
      _ = try Arguments.known(name, among: Placement.allCases.map(\.rawValue), kind: "placement")
      throw UsageError("no placement is called “\(name)”")
    }
    return placement
  }
}
