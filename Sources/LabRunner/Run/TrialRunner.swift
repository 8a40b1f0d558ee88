internal import Glibc
public import IPCSystem
public import IPCTransport
public import LabResults

/// What one trial is to do.
public struct TrialSpec: Sendable {
  /// The mechanism.
  public var transport: any Transport
  /// The scenario.
  public var scenario: any Scenario
  /// Where the processes run.
  public var placement: Placement
  /// Size, length and seed.
  public var parameters: TrialParameters
  /// How long it may take in all before its processes are killed, without the time in which the
  /// machine stands still.
  public var patience: Duration

  /// Creates a specification.
  public init(
    transport: any Transport, scenario: any Scenario, placement: Placement,
    parameters: TrialParameters, patience: Duration
  ) {
    self.transport = transport
    self.scenario = scenario
    self.placement = placement
    self.parameters = parameters
    self.parameters.warmup = min(parameters.warmup, scenario.mostWarmup)
    self.patience = patience
  }

  /// Why this trial makes no sense, known without trying; `nil` when it does.
  public func objection(processors: [Int]) -> String? {
    let capabilities = transport.capabilities
    if let reason = scenario.objection(to: capabilities) { return reason }
    if let limit = capabilities.maximumMessage, parameters.size > limit {
      return "a message of \(parameters.size) bytes is too large: the limit is \(limit) bytes"
    }
    return placement.objection(processors: processors)
  }
}

/// Runs trials: fresh processes, a start barrier, a deadline, and nothing left behind.
public struct TrialRunner {
  private let executable: String
  private let runtime: RuntimeDirectory
  private let interruption: Interruption?
  /// The processors that the trials use.
  public let processors: [Int]

  /// The user asked to stop during a trial.
  public struct Interrupted: Error {}

  /// Creates a runner.
  ///
  /// - Parameters:
  ///   - executable: The ipclab program, which plays the actors.
  ///   - runtime: Where names are put.
  ///   - interruption: Ends a trial early.
  public init(executable: String, runtime: RuntimeDirectory, interruption: Interruption?) {
    self.executable = executable
    self.runtime = runtime
    self.interruption = interruption
    processors = Placement.apart(Processor.allowed())
  }

  /// How often a trial is begun again because the machine stood still.
  static let repeats = 2

  /// Runs one trial. What goes wrong in it is reported in the trial.
  ///
  /// A trial during which the machine stood still says nothing of the mechanism: it is thrown away and
  /// run again, at most twice, which the trial tells as well.
  ///
  /// - Throws: ``Interrupted`` when the user asked to stop.
  public func run(_ spec: TrialSpec, order: Int = 0) throws(Interrupted) -> Trial {
    var standstills: [UInt64] = []
    while true {
      var standstill: UInt64 = 0
      var trial = try attempt(spec, order: order, &standstill)
      if standstill == 0 || standstills.count == Self.repeats {
        trial.standstills = standstills.isEmpty ? nil : standstills
        return trial
      }
      standstills.append(standstill)
    }
  }

  private func attempt(
    _ spec: TrialSpec, order: Int, _ standstill: inout UInt64
  ) throws(Interrupted) -> Trial {
    var trial = Trial(
      order: order, seed: spec.parameters.seed, count: 0, warmup: spec.parameters.warmup)
    do {
      let (server, clients) = try play(spec, &standstill)
      try fill(&trial, spec, server, clients)
    } catch let error as Interrupted {
      throw error
    } catch {
      trial.failure = "\(error)"
    }
    return trial
  }

  // MARK: - Processes

  private func play(
    _ spec: TrialSpec, _ standstill: inout UInt64
  ) throws -> (server: Measurement, clients: [Measurement]) {
    let scratch = try ScratchDirectory(in: runtime)
    defer { scratch.remove() }
    let count = spec.parameters.clients
    let rendezvous = try spec.transport.rendezvous(clients: count, scratch: scratch)
    let cast = Cast(patience: Patience(spec.patience), interruption: interruption)
    defer {
      standstill = cast.standstill
      cast.dismiss()
    }

    var task = ActorTask(
      part: .server, transport: spec.transport.mechanism.id, endpoint: rendezvous.server,
      scenario: spec.scenario.info.id, scratch: scratch.path, parameters: spec.parameters,
      processor: spec.placement.server(processors))
    try cast.add(task, executable: executable, name: "server")
    for index in 0..<count {
      task.part = .client
      task.endpoint = rendezvous.clients[index]
      task.index = index
      task.processor = spec.placement.client(index, processors)
      try cast.add(task, executable: executable, name: count == 1 ? "client" : "client \(index)")
    }
    rendezvous.closeDescriptors()

    try cast.expect(.listening, from: [0])
    for index in 1...count { try cast.go(index) }
    try cast.expect(.ready, from: Array(0...count))
    for index in 0...count { try cast.go(index) }
    let results = try cast.results()
    return (results[0], Array(results[1...]))
  }

  // MARK: - Figures

  private func fill(
    _ trial: inout Trial, _ spec: TrialSpec, _ server: Measurement, _ clients: [Measurement]
  ) throws {
    let all = [server] + clients
    let timed = all.filter { $0.start > 0 }
    guard let start = timed.map(\.start).min(), let end = timed.map(\.end).max(), end > start else {
      throw LabError("nothing was timed")
    }
    let sent = all.reduce(0) { $0 + $1.sent }
    let received = all.reduce(0) { $0 + $1.received }
    guard received > 0 else { throw LabError("of \(sent) messages none arrived") }
    trial.count = sent
    trial.elapsedNanoseconds = end - start
    trial.latency = timed.compactMap(\.latency).first
    let seconds = Double(end - start) / 1e9
    trial.messagesPerSecond = Double(received) / seconds
    trial.bytesPerSecond = trial.messagesPerSecond * Double(spec.parameters.size)
    trial.lost = sent - received
    let writes = all.compactMap(\.writes)
    trial.writes = writes.isEmpty ? nil : writes.reduce(0, +)
    trial.sequenceChecked = all.reduce(0) { $0 + $1.sequenceChecked }
    trial.checksumChecked = all.reduce(0) { $0 + $1.checksumChecked }
    trial.serverUsage = Usage(server.usage)
    trial.clientUsage = clients.reduce(Usage()) { $0 + Usage($1.usage) }
    if trial.lost != 0 && spec.transport.capabilities.reliable {
      throw LabError(
        "\(trial.lost) of \(sent) messages are missing on a mechanism that claims to be reliable")
    }
  }
}

extension Usage {
  /// The runner's form of what the system layer counts.
  init(_ usage: ResourceUsage) {
    self.init(
      userNanoseconds: usage.userNanoseconds, systemNanoseconds: usage.systemNanoseconds,
      voluntarySwitches: usage.voluntarySwitches, involuntarySwitches: usage.involuntarySwitches)
  }
}
