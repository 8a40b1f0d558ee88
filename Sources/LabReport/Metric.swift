internal import LabResults

/// A figure of a cell that can be compared, charted and ranked.
enum Metric: Sendable {
  case p50
  case rate
  case throughput
  case cpu
  case switches

  var quantity: Quantity {
    switch self {
    case .p50, .cpu: .duration
    case .rate: .rate
    case .throughput: .throughput
    case .switches: .count
    }
  }

  var lowerIsBetter: Bool {
    switch self {
    case .p50, .cpu, .switches: true
    case .rate, .throughput: false
    }
  }

  /// Whether the A/A control compared mechanisms by this figure.
  var hasNoiseControl: Bool {
    switch self {
    case .p50, .rate, .throughput: true
    case .cpu, .switches: false
    }
  }

  var title: String {
    switch self {
    case .p50: "median latency (p50)"
    case .rate: "messages per second"
    case .throughput: "payload bytes per second"
    case .cpu: "processor time per message"
    case .switches: "context switches per message"
    }
  }

  /// The figure by which a scenario is judged.
  static func primary(of scenario: ScenarioInfo) -> Metric {
    scenario.measures == "latency" ? .p50 : .rate
  }

  /// The figure over the trials, `nil` where the cell has none.
  func spread(_ cell: Cell?) -> Spread? {
    guard let cell, cell.status == .measured, let summary = cell.summary else { return nil }
    return switch self {
    case .p50: summary.p50
    case .rate: summary.messagesPerSecond
    case .throughput: summary.bytesPerSecond
    case .cpu: summary.cpuNanosecondsPerMessage
    case .switches: summary.switchesPerMessage
    }
  }

  func format(_ spread: Spread) -> String { quantity.format(spread.median) }

  func range(_ spread: Spread) -> String { quantity.format(low: spread.low, high: spread.high) }
}
