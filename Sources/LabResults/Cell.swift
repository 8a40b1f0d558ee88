/// One mechanism in one scenario at one placement, message size and number of clients.
public struct Cell: Codable, Sendable, Equatable {
  /// What stands in the cell.
  public enum Status: String, Codable, Sendable {
    /// At least one trial gave figures.
    case measured
    /// The mechanism lacks a capability that the scenario states; `reason` says which.
    case notApplicable
    /// Every trial failed; `reason` has the first failure.
    case failed
    /// The run ended before this cell had a trial.
    case notReached
  }

  /// Id of the mechanism.
  public var mechanism: String
  /// Id of the scenario.
  public var scenario: String
  /// `same`, `cross` or `none`.
  public var placement: String
  /// Message size in bytes.
  public var size: Int
  /// Number of client processes.
  public var clients: Int
  /// What stands in the cell.
  public var status: Status
  /// Why there are no figures, when there are none.
  public var reason: String?
  /// Every trial, in the order they ran.
  public var trials: [Trial]
  /// Statistics over the trials; `nil` without a successful trial.
  public var summary: Summary?

  /// Creates a cell.
  public init(
    mechanism: String, scenario: String, placement: String, size: Int, clients: Int,
    status: Status, reason: String? = nil, trials: [Trial] = [], summary: Summary? = nil
  ) {
    self.mechanism = mechanism
    self.scenario = scenario
    self.placement = placement
    self.size = size
    self.clients = clients
    self.status = status
    self.reason = reason
    self.trials = trials
    self.summary = summary
  }
}

/// One execution of a scenario in fresh processes: the unit of statistics.
public struct Trial: Codable, Sendable, Equatable {
  /// Position of the trial in the whole run's random order, from 0.
  public var order: Int
  /// Seed of this trial's payload.
  public var seed: UInt64
  /// Operations inside the timed section (messages, round trips or connections).
  public var count: Int
  /// Untimed operations before it.
  public var warmup: Int
  /// Length of the timed section in nanoseconds.
  public var elapsedNanoseconds: UInt64
  /// Distribution of the individually timed operations; `nil` in throughput scenarios.
  public var latency: LatencyDistribution?
  /// Messages per second over the timed section.
  public var messagesPerSecond: Double
  /// Payload bytes per second over the timed section.
  public var bytesPerSecond: Double
  /// Messages that were sent and never arrived. Not 0 on mechanisms that may lose messages only.
  public var lost: Int
  /// How many of the operations changed what the processes share; `nil` where they send messages.
  public var writes: Int?
  /// Received messages whose length and sequence number were checked.
  public var sequenceChecked: Int
  /// Received messages whose every byte was checked by checksum.
  public var checksumChecked: Int
  /// What the server process used during the timed section.
  public var serverUsage: Usage
  /// What the client processes used during the timed section, added up.
  public var clientUsage: Usage
  /// What went wrong; `nil` when nothing did. A failed trial has no figures.
  public var failure: String?
  /// How long the machine stood still, in nanoseconds, during attempts at this trial that were thrown
  /// away for it; `nil` when there were none.
  public var standstills: [UInt64]?

  /// Creates a trial.
  public init(
    order: Int, seed: UInt64, count: Int, warmup: Int, elapsedNanoseconds: UInt64 = 0,
    latency: LatencyDistribution? = nil, messagesPerSecond: Double = 0,
    bytesPerSecond: Double = 0, lost: Int = 0, writes: Int? = nil, sequenceChecked: Int = 0,
    checksumChecked: Int = 0,
    serverUsage: Usage = Usage(), clientUsage: Usage = Usage(), failure: String? = nil
  ) {
    self.order = order
    self.seed = seed
    self.count = count
    self.warmup = warmup
    self.elapsedNanoseconds = elapsedNanoseconds
    self.latency = latency
    self.messagesPerSecond = messagesPerSecond
    self.bytesPerSecond = bytesPerSecond
    self.lost = lost
    self.writes = writes
    self.sequenceChecked = sequenceChecked
    self.checksumChecked = checksumChecked
    self.serverUsage = serverUsage
    self.clientUsage = clientUsage
    self.failure = failure
  }
}

/// Percentiles of one trial's operations, in nanoseconds.
///
/// A percentile is `nil` when fewer than ten samples lie beyond it: the figure would be one
/// outlier, not a percentile.
public struct LatencyDistribution: Codable, Sendable, Equatable {
  /// Number of samples.
  public var samples: Int
  /// Smallest sample.
  public var min: UInt64
  /// Median.
  public var p50: UInt64
  /// 90th percentile.
  public var p90: UInt64?
  /// 99th percentile.
  public var p99: UInt64?
  /// 99.9th percentile.
  public var p999: UInt64?
  /// Largest sample.
  public var max: UInt64
  /// Arithmetic mean.
  public var mean: Double
  /// Points of the percentile curve, quantile 0 to 1 ascending, supported ones only.
  public var curve: [Point]

  /// A point of the percentile curve.
  public struct Point: Codable, Sendable, Equatable {
    /// Quantile, 0 to 1.
    public var quantile: Double
    /// Nanoseconds at that quantile.
    public var nanoseconds: UInt64
    /// Creates a point.
    public init(quantile: Double, nanoseconds: UInt64) {
      self.quantile = quantile
      self.nanoseconds = nanoseconds
    }
  }

  /// Creates a distribution.
  public init(
    samples: Int, min: UInt64, p50: UInt64, p90: UInt64?, p99: UInt64?, p999: UInt64?, max: UInt64,
    mean: Double, curve: [Point]
  ) {
    self.samples = samples
    self.min = min
    self.p50 = p50
    self.p90 = p90
    self.p99 = p99
    self.p999 = p999
    self.max = max
    self.mean = mean
    self.curve = curve
  }
}

/// What the kernel accounted to a process, or to several added up.
public struct Usage: Codable, Sendable, Equatable {
  /// Nanoseconds in user mode.
  public var userNanoseconds: UInt64
  /// Nanoseconds in the kernel.
  public var systemNanoseconds: UInt64
  /// Times a process gave up the processor to wait.
  public var voluntarySwitches: Int
  /// Times the processor was taken from it.
  public var involuntarySwitches: Int

  /// Creates a usage record.
  public init(
    userNanoseconds: UInt64 = 0, systemNanoseconds: UInt64 = 0, voluntarySwitches: Int = 0,
    involuntarySwitches: Int = 0
  ) {
    self.userNanoseconds = userNanoseconds
    self.systemNanoseconds = systemNanoseconds
    self.voluntarySwitches = voluntarySwitches
    self.involuntarySwitches = involuntarySwitches
  }

  /// User and kernel time together, in nanoseconds.
  public var totalNanoseconds: UInt64 { userNanoseconds + systemNanoseconds }

  /// Adds two records field by field.
  public static func + (a: Usage, b: Usage) -> Usage {
    Usage(
      userNanoseconds: a.userNanoseconds + b.userNanoseconds,
      systemNanoseconds: a.systemNanoseconds + b.systemNanoseconds,
      voluntarySwitches: a.voluntarySwitches + b.voluntarySwitches,
      involuntarySwitches: a.involuntarySwitches + b.involuntarySwitches)
  }
}

/// Statistics over the successful trials of a cell.
public struct Summary: Codable, Sendable, Equatable {
  /// Number of successful trials.
  public var trials: Int
  /// Median latency of a trial, nanoseconds; `nil` in throughput scenarios.
  public var p50: Spread?
  /// 90th percentile of a trial, nanoseconds.
  public var p90: Spread?
  /// 99th percentile of a trial, nanoseconds.
  public var p99: Spread?
  /// 99.9th percentile of a trial, nanoseconds.
  public var p999: Spread?
  /// Largest latency of a trial, nanoseconds.
  public var max: Spread?
  /// Messages per second.
  public var messagesPerSecond: Spread
  /// Writes among them per second; `nil` where messages are sent.
  public var writesPerSecond: Spread?
  /// Payload bytes per second.
  public var bytesPerSecond: Spread
  /// Processor time of all processes per message, nanoseconds.
  public var cpuNanosecondsPerMessage: Spread
  /// Context switches of all processes per message.
  public var switchesPerMessage: Spread
  /// Messages lost, all trials together.
  public var lost: Int

  /// Creates a summary.
  public init(
    trials: Int, p50: Spread?, p90: Spread?, p99: Spread?, p999: Spread?, max: Spread?,
    messagesPerSecond: Spread, writesPerSecond: Spread? = nil, bytesPerSecond: Spread,
    cpuNanosecondsPerMessage: Spread,
    switchesPerMessage: Spread, lost: Int
  ) {
    self.trials = trials
    self.p50 = p50
    self.p90 = p90
    self.p99 = p99
    self.p999 = p999
    self.max = max
    self.messagesPerSecond = messagesPerSecond
    self.writesPerSecond = writesPerSecond
    self.bytesPerSecond = bytesPerSecond
    self.cpuNanosecondsPerMessage = cpuNanosecondsPerMessage
    self.switchesPerMessage = switchesPerMessage
    self.lost = lost
  }
}

/// The median of the trials and the range they span.
public struct Spread: Codable, Sendable, Equatable {
  /// Median over the trials.
  public var median: Double
  /// Smallest trial.
  public var low: Double
  /// Largest trial.
  public var high: Double

  /// Creates a spread.
  public init(median: Double, low: Double, high: Double) {
    self.median = median
    self.low = low
    self.high = high
  }
}

/// What the A/A control showed: one mechanism entered twice, as if it were two.
public struct NoiseGrade: Codable, Sendable, Equatable {
  /// `quiet`, `usable` or `noisy`.
  public var grade: String
  /// The grade explained in a sentence.
  public var explanation: String
  /// Each comparison of a mechanism with itself.
  public var comparisons: [Comparison]

  /// A mechanism compared with itself under the same conditions.
  public struct Comparison: Codable, Sendable, Equatable {
    /// Id of the mechanism that was entered twice.
    public var mechanism: String
    /// Scenario id.
    public var scenario: String
    /// Placement.
    public var placement: String
    /// Message size in bytes.
    public var size: Int
    /// Median of the first entry's trials (nanoseconds, or messages per second in throughput).
    public var first: Double
    /// Median of the second entry's trials.
    public var second: Double
    /// Larger over smaller, minus one: 0.05 means that equal things differed by 5 %.
    public var relativeDifference: Double
    /// The same for the 99th percentile; `nil` where there is none.
    public var p99Difference: Double?
    /// The same for the processor time per message; `nil` in documents of older versions.
    public var cpuDifference: Double?

    /// Creates a comparison.
    public init(
      mechanism: String, scenario: String, placement: String, size: Int, first: Double,
      second: Double, relativeDifference: Double, p99Difference: Double? = nil,
      cpuDifference: Double? = nil
    ) {
      self.mechanism = mechanism
      self.scenario = scenario
      self.placement = placement
      self.size = size
      self.first = first
      self.second = second
      self.relativeDifference = relativeDifference
      self.p99Difference = p99Difference
      self.cpuDifference = cpuDifference
    }
  }

  /// Creates a noise grade.
  public init(grade: String, explanation: String, comparisons: [Comparison]) {
    self.grade = grade
    self.explanation = explanation
    self.comparisons = comparisons
  }
}
