import LabResults

/// Small documents for tests, in which every figure can be seen at a glance.
enum Fixture {
  static func mechanism(_ id: String, family: String = "pipe", waiting: String = "blocking")
    -> MechanismInfo
  {
    MechanismInfo(
      id: id, title: "The \(id)", family: family, summary: "What \(id) is.", waiting: waiting,
      sources: ["\(id)(7)"])
  }

  static let echo = ScenarioInfo(
    id: "echo", title: "Round trip", summary: "There and back.", measures: "latency")
  static let stream = ScenarioInfo(
    id: "stream", title: "Stream", summary: "One way.", measures: "throughput")

  /// A document without anything in it.
  static var empty: ResultDocument {
    ResultDocument(
      run: RunInfo(
        toolVersion: "1.2.3", build: "release", startedAt: "2025-01-02T03:04:05Z",
        finishedAt: "2025-01-02T03:05:05Z", seed: 42, commandLine: ["ipclab", "run"],
        plannedTrials: 3),
      environment: Environment(
        kernel: "Linux 6.1", operatingSystem: "Testix 1", architecture: "x86_64",
        processor: "Test CPU", processorCount: 2, hypervisor: nil, memoryBytes: 1 << 30,
        timerOverheadNanoseconds: 20, settings: [], warnings: []))
  }

  /// A document of echo cells.
  ///
  /// - Parameter trips: For each mechanism, the median round trips of its trials in nanoseconds.
  static func echoes(
    _ trips: [(MechanismInfo, [UInt64])], placement: String = "same", size: Int = 64
  ) -> ResultDocument {
    var document = empty
    document.scenarios = [echo]
    document.mechanisms = trips.map(\.0)
    document.cells = trips.map { mechanism, trips in
      cell(mechanism.id, "echo", placement, size, trips.map(trip))
    }
    return document
  }

  /// A measured cell with the summary that follows from its trials.
  static func cell(
    _ mechanism: String, _ scenario: String, _ placement: String, _ size: Int, _ trials: [Trial]
  ) -> Cell {
    Cell(
      mechanism: mechanism, scenario: scenario, placement: placement, size: size, clients: 1,
      status: .measured, trials: trials, summary: summary(of: trials))
  }

  /// A trial of 100 round trips with the given median.
  static func trip(_ nanoseconds: UInt64) -> Trial {
    let usage = Usage(
      userNanoseconds: nanoseconds * 20, systemNanoseconds: nanoseconds * 30,
      voluntarySwitches: 100, involuntarySwitches: 1)
    return Trial(
      order: 3, seed: .max, count: 100, warmup: 10, elapsedNanoseconds: nanoseconds * 100,
      latency: LatencyDistribution(
        samples: 100, min: nanoseconds / 2, p50: nanoseconds, p90: nanoseconds * 2, p99: nil,
        p999: nil, max: nanoseconds * 9, mean: Double(nanoseconds) * 1.25,
        curve: [
          .init(quantile: 0, nanoseconds: nanoseconds / 2),
          .init(quantile: 0.5, nanoseconds: nanoseconds),
          .init(quantile: 0.9, nanoseconds: nanoseconds * 2),
        ]),
      messagesPerSecond: 1e9 / Double(nanoseconds), bytesPerSecond: 64e9 / Double(nanoseconds),
      sequenceChecked: 100, checksumChecked: 10, serverUsage: usage, clientUsage: usage)
  }

  /// A trial of a stream with the given rate of messages of `size` bytes.
  static func flow(_ rate: Double, size: Int, lost: Int = 0) -> Trial {
    Trial(
      order: 4, seed: 5, count: 1000, warmup: 10, elapsedNanoseconds: 1_000_000,
      messagesPerSecond: rate, bytesPerSecond: rate * Double(size), lost: lost,
      sequenceChecked: 1000, checksumChecked: 10,
      serverUsage: Usage(
        userNanoseconds: 400_000, systemNanoseconds: 600_000, voluntarySwitches: 50,
        involuntarySwitches: 0))
  }

  static func summary(of trials: [Trial]) -> Summary? {
    let good = trials.filter { $0.failure == nil }
    func spread(_ figures: [Double]) -> Spread? {
      let sorted = figures.sorted()
      guard let low = sorted.first, let high = sorted.last else { return nil }
      return Spread(median: sorted[sorted.count / 2], low: low, high: high)
    }
    func latency(_ field: (LatencyDistribution) -> UInt64?) -> Spread? {
      let figures = good.compactMap(\.latency).compactMap(field)
      return figures.count == good.count ? spread(figures.map { Double($0) }) : nil
    }
    func perMessage(_ field: (Usage) -> Double) -> Spread? {
      spread(good.map { (field($0.serverUsage) + field($0.clientUsage)) / Double($0.count) })
    }
    guard let messages = spread(good.map(\.messagesPerSecond)),
      let bytes = spread(good.map(\.bytesPerSecond)),
      let cpu = perMessage({ Double($0.totalNanoseconds) }),
      let switches = perMessage({ Double($0.voluntarySwitches + $0.involuntarySwitches) })
    else { return nil }
    return Summary(
      trials: good.count, p50: latency(\.p50), p90: latency(\.p90), p99: latency(\.p99),
      p999: latency(\.p999), max: latency(\.max), messagesPerSecond: messages,
      bytesPerSecond: bytes, cpuNanosecondsPerMessage: cpu, switchesPerMessage: switches,
      lost: good.reduce(0) { $0 + $1.lost })
  }
}
