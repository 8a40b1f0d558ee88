internal import FoundationEssentials
internal import IPCTransport
internal import LabResults
internal import LabRunner
internal import TransportCatalog

/// `ipclab measure`: one trial of one mechanism, for scripts.
enum MeasureCommand {
  static let command = Command(
    name: "measure", summary: "Measure one mechanism once; made for scripts",
    help: """
      Usage: ipclab measure TRANSPORT [OPTIONS]

      Runs one trial in fresh processes and prints its figures on standard output.

        --scenario NAME       echo (default), stream, fan-in, notify, connect, readers-writers
        --size BYTES          message size, such as 64 (default), 4K, 1M
        --count N             timed operations per client, at most 10000000 (default 10000)
        --placement WHERE     same: all processes on one processor; cross (default): server and
                              clients on different ones; none: where the scheduler puts them
        --clients N           client processes (default: what the scenario says)
        --seed N              seed of the payload
        --timeout TIME        kill the trial after this time (default 60s)
        --format FORMAT       line (default): key=value fields; json: the whole trial

      Times are nanoseconds. A percentile with fewer than ten samples beyond it is “na”.

      Examples:
        ipclab measure unix-stream --size 64 --count 20000 --placement same
        ipclab measure shared-memory-spin --scenario stream --size 4K --format json

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(
      words,
      options: [
        "--scenario", "--size", "--count", "--placement", "--clients", "--seed", "--timeout",
        "--format",
      ])
    guard arguments.operands.count == 1 else {
      throw UsageError(
        arguments.operands.isEmpty
          ? "which transport? Such as: ipclab measure unix-stream"
          : "one transport at a time, not \(arguments.operands.joined(separator: " "))")
    }
    let transport = try Lookup.transport(arguments.operands[0])
    let scenario = try Lookup.scenario(arguments.text("--scenario") ?? "echo")
    let placement = try Lookup.placement(arguments.text("--placement") ?? "cross")
    let format = try arguments.name("--format", among: ["line", "json"], kind: "format") ?? "line"
    let clients = try arguments.number("--clients", in: 1...64) ?? scenario.defaultClients
    if clients > 1 && scenario.defaultClients == 1 {
      throw UsageError("the scenario \(scenario.info.id) has one client")
    }
    let spec = TrialSpec(
      transport: transport, scenario: scenario, placement: placement,
      parameters: TrialParameters(
        size: try arguments.size("--size") ?? 64,
        count: try arguments.number("--count", in: 1...10_000_000) ?? 10_000,
        seed: try arguments.seed("--seed") ?? Workplace.freshSeed(), clients: clients),
      patience: .nanoseconds(Int64(try arguments.duration("--timeout") ?? 60_000_000_000)))

    let interruption = try Interruption()
    let runner = try Workplace.runner(interruption: interruption)
    if let objection = spec.objection(processors: runner.processors) {
      throw LabError("\(transport.mechanism.id) cannot do this: \(objection)")
    }
    Workplace.warnAboutDebugBuild()
    let trial: Trial
    do { trial = try runner.run(spec) } catch { return Exit.interrupted }
    for standstill in trial.standstills ?? [] {
      Output.message(
        "The machine stood still for \(standstill / 1_000_000) ms: the trial was run again.")
    }
    if let failure = trial.failure {
      let isLate = failure.contains("deadline")
      throw LabError(
        failure + (isLate ? " (--timeout gives it longer, --count makes it shorter)" : ""))
    }
    Output.data(format == "json" ? try json(trial) : line(trial, spec) + "\n")
    return Exit.done
  }

  private static func json(_ trial: Trial) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(trial), as: UTF8.self) + "\n"
  }

  private static func line(_ trial: Trial, _ spec: TrialSpec) -> String {
    let latency = trial.latency
    func text(_ value: UInt64?) -> String { value.map(String.init) ?? "na" }
    let mean = latency?.mean ?? Double(trial.elapsedNanoseconds) / Double(trial.count)
    let gibibytes = trial.bytesPerSecond / 1_073_741_824
    let usage = trial.serverUsage + trial.clientUsage
    let perMessage = 1 / Double(trial.count)
    let switches = Double(usage.voluntarySwitches + usage.involuntarySwitches) * perMessage
    let writes = trial.writes.map { count in
      ["writes_s=\(fixed(Double(count) * 1e9 / Double(max(trial.elapsedNanoseconds, 1)), 0))"]
    }
    return
      ([
        "transport=\(spec.transport.mechanism.id)", "scenario=\(spec.scenario.info.id)",
        "placement=\(spec.placement.rawValue)", "size=\(spec.parameters.size)",
        "count=\(trial.count)", "min_ns=\(text(latency?.min))", "p50_ns=\(text(latency?.p50))",
        "p90_ns=\(text(latency?.p90))", "p99_ns=\(text(latency?.p99))",
        "p999_ns=\(text(latency?.p999))", "max_ns=\(text(latency?.max))",
        "mean_ns=\(fixed(mean, 1))", "msgs_s=\(fixed(trial.messagesPerSecond, 0))",
        "gib_s=\(fixed(gibibytes, 4))", "lost=\(trial.lost)",
        "cpu_ns=\(fixed(Double(usage.totalNanoseconds) * perMessage, 0))",
        "switches=\(fixed(switches, 2))", "build=\(BuildMode.current)",
      ] + (writes ?? [])).joined(separator: " ")
  }

  private static func fixed(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value * scale).rounded()
    if digits == 0 { return String(Int(scaled)) }
    let whole = Int(scaled / scale)
    let part = String(Int(scaled) - whole * Int(scale))
    return "\(whole)." + String(repeating: "0", count: digits - part.count) + part
  }
}
