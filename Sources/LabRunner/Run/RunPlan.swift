internal import IPCSystem
internal import IPCTransport
internal import LabResults
internal import TransportCatalog

/// What a run is to measure. It can be stored, so that a run that was interrupted can go on.
public struct RunPlan: Codable, Sendable, Equatable {
  /// Ids of the transports, in report order.
  public var transports: [String]
  /// Ids of the scenarios, in report order.
  public var scenarios: [String]
  /// Message sizes in bytes, ascending.
  public var sizes: [Int]
  /// Placements.
  public var placements: [Placement]
  /// Trials per cell.
  public var trials: Int
  /// Seed of the order and the payloads.
  public var seed: UInt64
  /// Length of a trial's timed section in nanoseconds.
  public var trialNanoseconds: UInt64
  /// Time for the whole run in nanoseconds; 0 is no limit.
  public var budgetNanoseconds: UInt64
  /// Whether the feature probes run as well.
  public var probes: Bool
  /// The command line, as typed.
  public var commandLine: [String]

  /// The default plan.
  public init(seed: UInt64, commandLine: [String]) {
    transports = TransportCatalog.all.map(\.mechanism.id)
    scenarios = ScenarioCatalog.all.map(\.info.id)
    sizes = [64, 1024, 4096, 65_536, 1_048_576]
    placements = [.same, .cross]
    trials = 5
    self.seed = seed
    trialNanoseconds = 50_000_000
    budgetNanoseconds = 0
    probes = true
    self.commandLine = commandLine
  }

  /// Shrinks the plan to one that gives a first impression in well under half a minute.
  public mutating func makeQuick() {
    sizes = [64, 4096]
    trials = 3
    trialNanoseconds = 5_000_000
  }

  /// What the probes take, roughly, in nanoseconds.
  public var probeNanoseconds: UInt64 {
    UInt64(transports.count * ProbeCatalog.all.count) * 25_000_000
  }

  /// What starting and ending the processes of a trial costs, roughly; corrected as the run goes.
  static let overheadNanoseconds: UInt64 = 22_000_000

  /// Fits the length of the trials to the budget: longer ones when there is time, fewer when there
  /// is not, but never fewer than three.
  public mutating func fitToBudget(runnable cells: Int) {
    guard budgetNanoseconds > 0, cells > 0 else { return }
    let shortest: UInt64 = 10_000_000
    let longest: UInt64 = 500_000_000
    // A tenth is kept for what goes slower than expected.
    let planned = probes ? min(probeNanoseconds, budgetNanoseconds / 2) : 0
    let forTrials = (budgetNanoseconds - planned) / 10 * 9
    func length(_ trials: Int) -> UInt64 {
      let each = forTrials / UInt64(cells * trials)
      return each > Self.overheadNanoseconds ? each - Self.overheadNanoseconds : 0
    }
    while trials > 3 && length(trials) < shortest { trials -= 1 }
    trialNanoseconds = min(max(length(trials), shortest), longest)
  }
}
