internal import LabResults

/// A figure of a cell that can be compared, charted and ranked.
enum Metric: Sendable {
  case p50
  case p99
  case rate
  case throughput
  case cpu
  case switches

  var quantity: Quantity {
    switch self {
    case .p50, .p99, .cpu: .duration
    case .rate: .rate
    case .throughput: .throughput
    case .switches: .count
    }
  }

  var lowerIsBetter: Bool {
    switch self {
    case .p50, .p99, .cpu, .switches: true
    case .rate, .throughput: false
    }
  }

  /// By how much equal things differed in this figure when the A/A control compared them; by how much
  /// they did at all where this figure was not compared.
  func difference(in comparison: NoiseGrade.Comparison) -> Double {
    switch self {
    case .p50, .rate, .throughput, .switches: comparison.relativeDifference
    case .p99: comparison.p99Difference ?? comparison.relativeDifference
    case .cpu: comparison.cpuDifference ?? comparison.relativeDifference
    }
  }

  var title: String {
    switch self {
    case .p50: "median latency (p50)"
    case .p99: "99th percentile of latency (p99)"
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
    case .p99: summary.p99
    case .rate: summary.messagesPerSecond
    case .throughput: summary.bytesPerSecond
    case .cpu: summary.cpuNanosecondsPerMessage
    case .switches: summary.switchesPerMessage
    }
  }

  func format(_ spread: Spread) -> String { quantity.format(spread.median) }

  func range(_ spread: Spread) -> String { quantity.format(low: spread.low, high: spread.high) }
}
