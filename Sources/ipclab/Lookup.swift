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
      throw Arguments.unknown(name, among: transports, kind: "transport")
    }
    return transport
  }

  static func scenario(_ name: String) throws -> any Scenario {
    guard let scenario = ScenarioCatalog.scenario(name) else {
      throw Arguments.unknown(name, among: scenarios, kind: "scenario")
    }
    return scenario
  }

  static func placement(_ name: String) throws -> Placement {
    guard let placement = Placement(rawValue: name) else {
      throw Arguments.unknown(name, among: Placement.allCases.map(\.rawValue), kind: "placement")
    }
    return placement
  }
}
