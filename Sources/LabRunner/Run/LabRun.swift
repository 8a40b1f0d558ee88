internal import FoundationEssentials
internal import IPCSystem
public import IPCTransport
public import LabResults
internal import TransportCatalog

/// A run of the lab: every trial of a plan in seeded random order, probes, and the result document.
///
/// The document is complete at every moment: ``document(ending:)`` can be written at any time, and
/// a run can go on from one.
public final class LabRun {
  /// The plan that is carried out.
  public let plan: RunPlan
  private let runner: TrialRunner
  private let items: [Item]
  private var cells: [Cell]
  private let objections: [String?]
  private var controls: [Int: [Trial]] = [:]
  // Orders of the trials of this sitting: an A/A control compares what was measured together.
  private var measuredNow: Set<Int> = []
  private let start = MonotonicClock.now()
  private var features: [FeatureResult] = []
  private let environment: LabResults.Environment
  private let startedAt: String
  private let toolVersion: String

  /// One trial of the order: a cell's, or one of its A/A control.
  struct Item {
    var cell: Int
    var isControl: Bool
    var order: Int
    var seed: UInt64
  }

  /// Prepares a run.
  ///
  /// - Parameter previous: The document of an interrupted run of the same plan, whose trials are
  ///   kept.
  public init(
    plan: RunPlan, runner: TrialRunner, environment: LabResults.Environment, toolVersion: String,
    continuing previous: ResultDocument? = nil
  ) {
    self.plan = plan
    self.runner = runner
    self.environment = environment
    self.toolVersion = toolVersion
    startedAt = previous?.run.startedAt ?? Date.now.formatted(.iso8601)
    let laid = Self.cells(of: plan, processors: runner.processors)
    cells = laid.cells
    objections = laid.objections
    items = Self.order(plan, cells: laid.cells, objections: laid.objections)
    if let previous {
      features = previous.features
      for item in items where !item.isControl {
        let cell = cells[item.cell]
        let old = previous.cells.first { $0.isSame(as: cell) }
        if let trial = old?.trials.first(where: { $0.order == item.order }) {
          cells[item.cell].trials.append(trial)
        }
      }
    }
  }

  /// Number of trials in the plan.
  public var totalTrials: Int { items.count }

  /// Number of trials that have not been measured.
  public var dueTrials: Int { items.count - cells.reduce(0) { $0 + $1.trials.count } }

  /// What the plan should take, in nanoseconds; known only roughly before it has run.
  public var estimatedNanoseconds: UInt64 {
    UInt64(dueTrials) * (plan.trialNanoseconds + RunPlan.overheadNanoseconds)
  }

  /// How a run stands.
  public struct Progress: Sendable {
    /// Trials done.
    public var done: Int
    /// Trials in all.
    public var total: Int
    /// Nanoseconds since the start.
    public var elapsed: UInt64
    /// Nanoseconds left, as far as can be told.
    public var remaining: UInt64
    /// What is next.
    public var label: String
  }

  /// How a run ended.
  public enum Ending: Sendable, Equatable {
    /// Everything was measured.
    case complete
    /// The user interrupted it.
    case interrupted
    /// The time budget was used up.
    case budgetSpent
  }

  /// Measures what has not been measured.
  ///
  /// - Parameters:
  ///   - report: Called between trials, never during one.
  ///   - checkpoint: Called every few seconds with the document so far.
  public func run(
    report: (Progress) -> Void, checkpoint: (ResultDocument) throws -> Void
  ) throws -> Ending {
    let firstTrial = MonotonicClock.now()
    let finished = Set(cells.flatMap(\.trials).map(\.order))
    let due = items.filter { !finished.contains($0.order) }
    var lastCheckpoint = firstTrial
    for (index, item) in due.enumerated() {
      let now = MonotonicClock.now()
      let elapsed = now - firstTrial
      let each =
        index < 10
        ? plan.trialNanoseconds + RunPlan.overheadNanoseconds : elapsed / UInt64(index)
      report(
        Progress(
          done: items.count - due.count + index, total: items.count, elapsed: elapsed,
          remaining: each * UInt64(due.count - index), label: label(item)))
      if plan.budgetNanoseconds > 0 && now - start > plan.budgetNanoseconds { return .budgetSpent }
      if now - lastCheckpoint > 3_000_000_000 {
        try checkpoint(document(ending: .interrupted))
        lastCheckpoint = MonotonicClock.now()
      }
      do throws(TrialRunner.Interrupted) {
        let trial = try runner.run(spec(item), order: item.order)
        if item.isControl {
          controls[item.cell, default: []].append(trial)
        } else {
          cells[item.cell].trials.append(trial)
          measuredNow.insert(trial.order)
        }
      } catch { return .interrupted }
    }
    return .complete
  }

  /// Adds the results of the feature probes.
  public func add(features results: [FeatureResult]) { features = results }

  /// Whether every probe has run on every transport, in this run or in the one it continues.
  public var hasAllFeatures: Bool {
    features.count == plan.transports.count * ProbeCatalog.all.count
  }

  /// The document as things stand.
  public func document(ending: Ending) -> ResultDocument {
    let reason: String? =
      switch ending {
      case .complete: nil
      case .interrupted: "The run was interrupted before its plan was done."
      case .budgetSpent: "The time budget was spent before the plan was done."
      }
    let run = RunInfo(
      toolVersion: toolVersion, build: BuildMode.current, startedAt: startedAt,
      finishedAt: Date.now.formatted(.iso8601), seed: plan.seed, commandLine: plan.commandLine,
      plannedTrials: plan.trials, isPartial: ending != .complete, partialReason: reason)
    var environment = environment
    if let warning = standstillWarning { environment.warnings.append(warning) }
    return ResultDocument(
      run: run, environment: environment,
      mechanisms: plan.transports.compactMap { TransportCatalog.transport($0) }
        .map { MechanismInfo($0) },
      scenarios: plan.scenarios.compactMap { ScenarioCatalog.scenario($0)?.info },
      cells: zip(cells, objections).map { Self.finish($0, objection: $1) },
      probes: features.isEmpty ? [] : ProbeCatalog.all.map(\.info),
      features: features, noise: Statistics.noise(comparisons()))
  }

  /// What readers should know of trials that were thrown away.
  private var standstillWarning: String? {
    let standstills = (cells.flatMap(\.trials) + controls.values.joined())
      .compactMap(\.standstills).joined()
    guard let longest = standstills.max() else { return nil }
    return "The machine stood still during \(standstills.count) attempts at a trial, for up to "
      + "\(longest / 1_000_000) ms: those attempts were thrown away and the trials run again."
  }

  // MARK: - Laying out

  private static func cells(
    of plan: RunPlan, processors: [Int]
  ) -> (cells: [Cell], objections: [String?]) {
    var cells: [Cell] = []
    var objections: [String?] = []
    for scenario in plan.scenarios.compactMap({ ScenarioCatalog.scenario($0) }) {
      let sizes = scenario.variesSize ? plan.sizes : Array(plan.sizes.prefix(1))
      for transport in plan.transports.compactMap({ TransportCatalog.transport($0) }) {
        for placement in plan.placements {
          for size in sizes {
            let spec = TrialSpec(
              transport: transport, scenario: scenario, placement: placement,
              parameters: TrialParameters(
                size: size, count: 1, seed: 0, clients: scenario.defaultClients),
              patience: .zero)
            let objection =
              spec.objection(processors: processors)
              ?? spinningObjection(spec, processors: processors)
            cells.append(
              Cell(
                mechanism: transport.mechanism.id, scenario: scenario.info.id,
                placement: placement.rawValue, size: size, clients: scenario.defaultClients,
                status: .notReached))
            objections.append(objection)
          }
        }
      }
    }
    return (cells, objections)
  }

  /// A process that spins keeps its processor from the one it waits for.
  private static func spinningObjection(_ spec: TrialSpec, processors: [Int]) -> String? {
    guard spec.transport.capabilities.waiting == .polling else { return nil }
    let processes = spec.parameters.clients + 1
    let available = spec.placement.available(processors)
    return processes > available
      ? "spins while it waits: \(processes) processes need a processor each, and there "
        + (available == 1 ? "is one" : "are \(available)") : nil
  }

  private static func order(
    _ plan: RunPlan, cells: [Cell], objections: [String?]
  ) -> [Item] {
    var generator = SeededGenerator(seed: plan.seed)
    var items: [Item] = []
    let controlled = controlled(cells, objections)
    for index in cells.indices where objections[index] == nil {
      let copies = controlled.contains(index) ? 2 : 1
      for copy in 0..<copies {
        for _ in 0..<plan.trials {
          items.append(Item(cell: index, isControl: copy == 1, order: 0, seed: generator.next()))
        }
      }
    }
    items.shuffle(using: &generator)
    for index in items.indices { items[index].order = index }
    return items
  }

  /// The cells that are entered twice: in every scenario and placement one that can be measured, at
  /// its smallest size; the Unix stream's where it takes part, so that runs can be compared.
  private static func controlled(_ cells: [Cell], _ objections: [String?]) -> Set<Int> {
    var chosen: [String: Int] = [:]
    for (index, cell) in cells.enumerated() where objections[index] == nil {
      let key = cell.scenario + " " + cell.placement
      if let other = chosen[key].map({ cells[$0] }),
        other.mechanism == cell.mechanism || cell.mechanism != "unix-stream"
      {
        continue
      }
      chosen[key] = index
    }
    return Set(chosen.values)
  }

  private func spec(_ item: Item) -> TrialSpec {
    let cell = cells[item.cell]
    // Both were looked up when the cells were laid out.
    guard let transport = TransportCatalog.transport(cell.mechanism),
      let scenario = ScenarioCatalog.scenario(cell.scenario),
      let placement = Placement(rawValue: cell.placement)
    else { preconditionFailure("a cell of an unknown mechanism, scenario or placement") }
    return TrialSpec(
      transport: transport, scenario: scenario, placement: placement,
      parameters: TrialParameters(
        size: cell.size, count: 2_000_000, nanoseconds: plan.trialNanoseconds, seed: item.seed,
        clients: cell.clients),
      patience: .nanoseconds(Int64(plan.trialNanoseconds)) + .seconds(15))
  }

  private func label(_ item: Item) -> String {
    let cell = cells[item.cell]
    return "\(cell.mechanism) \(cell.scenario) \(cell.placement) \(cell.size) B"
  }

  // MARK: - Finishing

  private static func finish(_ cell: Cell, objection: String?) -> Cell {
    var cell = cell
    if let objection {
      cell.status = .notApplicable
      cell.reason = objection
    } else if let summary = Statistics.summary(of: cell.trials) {
      cell.status = .measured
      cell.summary = summary
    } else if let failure = cell.trials.lazy.compactMap(\.failure).first {
      cell.status = .failed
      cell.reason = failure
    }
    return cell
  }

  private func comparisons() -> [NoiseGrade.Comparison] {
    controls.sorted { $0.key < $1.key }.compactMap { index, trials in
      let cell = cells[index]
      let isLatency = ScenarioCatalog.scenario(cell.scenario)?.info.measures == "latency"
      let once = cell.trials.filter { measuredNow.contains($0.order) }
      func medians(_ figure: (Trial) -> Double?) -> (first: Double, second: Double)? {
        func median(_ trials: [Trial]) -> Double? {
          let good = trials.filter { $0.failure == nil }
          let values = good.compactMap(figure)
          return values.count < 2 || values.count < good.count ? nil : Statistics.median(values)
        }
        guard let first = median(once), let second = median(trials), min(first, second) > 0 else {
          return nil
        }
        return (first, second)
      }
      func difference(_ pair: (first: Double, second: Double)) -> Double {
        max(pair.first, pair.second) / min(pair.first, pair.second) - 1
      }
      let figures = medians {
        isLatency ? $0.latency.map { Double($0.p50) } : $0.messagesPerSecond
      }
      guard let figures else { return nil }
      return NoiseGrade.Comparison(
        mechanism: cell.mechanism, scenario: cell.scenario, placement: cell.placement,
        size: cell.size, first: figures.first, second: figures.second,
        relativeDifference: difference(figures),
        p99Difference: medians { ($0.latency?.p99).map { Double($0) } }.map(difference),
        cpuDifference: medians(Statistics.processorTime).map(difference))
    }
  }
}

extension Cell {
  /// Whether both are the same place in the plan.
  fileprivate func isSame(as other: Cell) -> Bool {
    mechanism == other.mechanism && scenario == other.scenario && placement == other.placement
      && size == other.size && clients == other.clients
  }
}

extension MechanismInfo {
  /// A transport as reports name it.
  public init(_ transport: any Transport) {
    let mechanism = transport.mechanism
    self.init(
      id: mechanism.id, title: mechanism.title, family: mechanism.family.rawValue,
      summary: mechanism.summary, waiting: transport.capabilities.waiting.rawValue,
      sources: mechanism.sources)
  }
}

/// Whether the optimiser was at work.
public enum BuildMode {
  /// `debug` or `release`.
  public static var current: String {
    #if DEBUG
      "debug"
    #else
      "release"
    #endif
  }
}
