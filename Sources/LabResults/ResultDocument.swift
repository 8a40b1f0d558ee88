/// Everything one run of the lab found out: the single source of every report.
///
/// The JSON form of this value is `results.json`; CSV, Markdown and HTML are renderings of it.
/// Times are integral nanoseconds unless a name says otherwise; sizes are bytes.
public struct ResultDocument: Codable, Sendable, Equatable {
  /// The version of this layout. Readers refuse documents with a version they do not know.
  public static let currentSchemaVersion = 1

  /// The layout version the document was written with.
  public var schemaVersion: Int
  /// What was run, when, with which seed, and whether it came to its end.
  public var run: RunInfo
  /// The machine the figures were taken on.
  public var environment: Environment
  /// The mechanisms that took part, in catalogue order.
  public var mechanisms: [MechanismInfo]
  /// The scenarios that were asked for, in catalogue order.
  public var scenarios: [ScenarioInfo]
  /// One entry per mechanism, scenario, placement, size and number of clients, measured or not.
  public var cells: [Cell]
  /// The probes that were executed, in catalogue order.
  public var probes: [ProbeInfo]
  /// One entry per probe and mechanism.
  public var features: [FeatureResult]
  /// What the A/A control says about this run's noise; absent when it had no two trials.
  public var noise: NoiseGrade?

  /// Creates a document.
  public init(
    run: RunInfo, environment: Environment, mechanisms: [MechanismInfo] = [],
    scenarios: [ScenarioInfo] = [], cells: [Cell] = [], probes: [ProbeInfo] = [],
    features: [FeatureResult] = [], noise: NoiseGrade? = nil
  ) {
    self.schemaVersion = Self.currentSchemaVersion
    self.run = run
    self.environment = environment
    self.mechanisms = mechanisms
    self.scenarios = scenarios
    self.cells = cells
    self.probes = probes
    self.features = features
    self.noise = noise
  }
}

/// The identity and the plan of a run.
public struct RunInfo: Codable, Sendable, Equatable {
  /// The version of ipclab that ran.
  public var toolVersion: String
  /// `release` or `debug`. Figures of a debug build mean nothing, and every report says so.
  public var build: String
  /// Start time, ISO 8601, UTC.
  public var startedAt: String
  /// End time, ISO 8601, UTC.
  public var finishedAt: String
  /// The seed of the trial order and of the payloads.
  public var seed: UInt64
  /// The command line, as typed.
  public var commandLine: [String]
  /// How many trials each cell was planned to have.
  public var plannedTrials: Int
  /// Whether the run ended before its plan did.
  public var isPartial: Bool
  /// Why the run is partial, in a sentence; `nil` when it is not.
  public var partialReason: String?

  /// Creates a run description.
  public init(
    toolVersion: String, build: String, startedAt: String, finishedAt: String, seed: UInt64,
    commandLine: [String], plannedTrials: Int, isPartial: Bool = false,
    partialReason: String? = nil
  ) {
    self.toolVersion = toolVersion
    self.build = build
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.seed = seed
    self.commandLine = commandLine
    self.plannedTrials = plannedTrials
    self.isPartial = isPartial
    self.partialReason = partialReason
  }
}

/// The machine and what about it limits or disturbs a run.
public struct Environment: Codable, Sendable, Equatable {
  /// Kernel name and release, as `uname(2)` gives them.
  public var kernel: String
  /// The distribution's own name for itself, from `os-release`.
  public var operatingSystem: String
  /// Machine architecture, such as `x86_64`.
  public var architecture: String
  /// The processor's model name.
  public var processor: String
  /// Number of processors this run was allowed to use.
  public var processorCount: Int
  /// Hypervisor the machine runs under, when the processor says that there is one.
  public var hypervisor: String?
  /// Physical memory in bytes.
  public var memoryBytes: UInt64
  /// Cost of one clock reading, in nanoseconds (median).
  public var timerOverheadNanoseconds: Double
  /// Named limits and settings that bear on IPC (`fs.pipe-max-size`, …).
  public var settings: [Setting]
  /// What may disturb the figures, one sentence each.
  public var warnings: [String]

  /// A named kernel limit or setting, and its value on this machine.
  public struct Setting: Codable, Sendable, Equatable {
    /// Name, as the system documents it.
    public var name: String
    /// Value, as the system gives it.
    public var value: String
    /// Creates a setting.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Creates an environment description.
  public init(
    kernel: String, operatingSystem: String, architecture: String, processor: String,
    processorCount: Int, hypervisor: String?, memoryBytes: UInt64,
    timerOverheadNanoseconds: Double, settings: [Setting], warnings: [String]
  ) {
    self.kernel = kernel
    self.operatingSystem = operatingSystem
    self.architecture = architecture
    self.processor = processor
    self.processorCount = processorCount
    self.hypervisor = hypervisor
    self.memoryBytes = memoryBytes
    self.timerOverheadNanoseconds = timerOverheadNanoseconds
    self.settings = settings
    self.warnings = warnings
  }
}

/// A mechanism as a report names it.
public struct MechanismInfo: Codable, Sendable, Equatable {
  /// Stable id, such as `named-pipe-message`.
  public var id: String
  /// Title for people, such as “Named pipe, message mode”.
  public var title: String
  /// Family that shares a colour: `pipe`, `named-pipe`, `mailslot`, `shared-memory`, `socket`, `queue`.
  public var family: String
  /// One line on what it is.
  public var summary: String
  /// `blocking`, `polling` or `hybrid`: how a receiver waits. Polling is never ranked with blocking.
  public var waiting: String
  /// Where its behaviour is documented.
  public var sources: [String]

  /// Creates a mechanism description.
  public init(
    id: String, title: String, family: String, summary: String, waiting: String, sources: [String]
  ) {
    self.id = id
    self.title = title
    self.family = family
    self.summary = summary
    self.waiting = waiting
    self.sources = sources
  }
}

/// A scenario as a report names it.
public struct ScenarioInfo: Codable, Sendable, Equatable {
  /// Stable id, such as `echo`.
  public var id: String
  /// Title for people, such as “Round trip”.
  public var title: String
  /// What the processes do and what is timed, in one or two sentences.
  public var summary: String
  /// `latency` when each operation is timed, `throughput` when only the whole is.
  public var measures: String

  /// Creates a scenario description.
  public init(id: String, title: String, summary: String, measures: String) {
    self.id = id
    self.title = title
    self.summary = summary
    self.measures = measures
  }
}
