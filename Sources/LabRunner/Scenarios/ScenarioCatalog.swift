internal import LabResults

/// The one list of scenarios.
public enum ScenarioCatalog {
  /// Every scenario, in the order of reports.
  public static let all: [any Scenario] = [
    EchoScenario(), StreamScenario(), FanInScenario(), NotifyScenario(), ConnectScenario(),
    ReadersWritersScenario(),
  ]

  /// The scenario with this id.
  public static func scenario(_ id: String) -> (any Scenario)? {
    all.first { $0.info.id == id }
  }
}
