internal import LabResults

/// Statistics over trials. The trial is the unit: messages inside one trial are not independent.
enum Statistics {
  /// The median of at least one value; of an even number, the mean of the middle two.
  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// Median and range; `nil` of nothing.
  static func spread(_ values: [Double]) -> Spread? {
    guard let low = values.min(), let high = values.max() else { return nil }
    return Spread(median: median(values), low: low, high: high)
  }

  /// The summary of the trials that succeeded; `nil` when none did.
  static func summary(of trials: [Trial]) -> Summary? {
    let good = trials.filter { $0.failure == nil }
    func spread(_ value: (Trial) -> Double) -> Spread? { self.spread(good.map(value)) }
    // A percentile stands only if every trial has samples enough for it.
    func latency(_ value: (LatencyDistribution) -> UInt64?) -> Spread? {
      let values = good.compactMap { $0.latency.flatMap(value) }
      return values.count == good.count ? self.spread(values.map { Double($0) }) : nil
    }
    guard
      let rate = spread({ $0.messagesPerSecond }), let bytes = spread({ $0.bytesPerSecond }),
      let processor = spread(processorTime),
      let switches = spread({
        perMessage($0, Double($0.usage.voluntarySwitches + $0.usage.involuntarySwitches))
      })
    else { return nil }
    let writes = good.compactMap { trial in
      trial.writes.map { Double($0) * 1e9 / Double(max(trial.elapsedNanoseconds, 1)) }
    }
    return Summary(
      trials: good.count, p50: latency(\.p50), p90: latency(\.p90), p99: latency(\.p99),
      p999: latency(\.p999), max: latency(\.max), messagesPerSecond: rate,
      writesPerSecond: self.spread(writes), bytesPerSecond: bytes,
      cpuNanosecondsPerMessage: processor, switchesPerMessage: switches,
      lost: good.reduce(0) { $0 + $1.lost })
  }

  /// Processor time of all processes per message, in nanoseconds.
  static func processorTime(_ trial: Trial) -> Double {
    perMessage(trial, Double(trial.usage.totalNanoseconds))
  }

  private static func perMessage(_ trial: Trial, _ amount: Double) -> Double {
    amount / Double(max(trial.count, 1))
  }

  /// Grades the noise of a run by what comparisons of a mechanism with itself gave.
  static func noise(_ comparisons: [NoiseGrade.Comparison]) -> NoiseGrade? {
    guard let worst = comparisons.map(\.relativeDifference).max() else { return nil }
    let percent = Int((worst * 100).rounded())
    let grade: String
    let meaning: String
    switch worst {
    case ..<0.05:
      grade = "quiet"
      meaning = "differences above \(max(percent, 1)) % can be read as differences"
    case ..<0.2:
      grade = "usable"
      meaning = "read nothing into differences below \(percent) %"
    default:
      grade = "noisy"
      meaning = "this machine was busy or unsteady: repeat the run before you rely on it"
    }
    return NoiseGrade(
      grade: grade,
      explanation: "One mechanism entered twice differed from itself by up to \(percent) %: "
        + meaning + ".",
      comparisons: comparisons)
  }
}

extension Trial {
  /// What all processes used.
  var usage: Usage { serverUsage + clientUsage }
}
