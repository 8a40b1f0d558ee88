internal import FoundationEssentials
internal import Glibc
internal import IPCSystem
internal import LabReport
internal import LabResults
internal import LabRunner
internal import TransportCatalog

/// `ipclab run`: the comparison.
enum RunCommand {
  static let command = Command(
    name: "run", summary: "Compare the mechanisms and write a report",
    help: """
      Usage: ipclab run [OPTIONS]

      Runs every scenario over every transport in fresh processes, in random order, executes the
      feature probes, and writes a report to Reports/<time>/.

        --quick               a first impression in under half a minute
        --transports A,B      only these (see: ipclab list transports)
        --scenarios A,B       only these (see: ipclab list scenarios)
        --sizes A,B           message sizes, such as 64,4K,1M
        --placement A,B       same, cross, none (default: same,cross)
        --trials N            trials per cell (default 5)
        --no-probes           leave the feature probes out
        --seed N              seed of the order and the payloads
        --budget TIME         fit the run into this time, such as 5m
        --out DIR             where to write (default Reports/<time>)
        --force               replace the report that is in --out DIR
        --format A,B          html, md, csv, json (default: all)
        --resume              go on with the run in --out DIR, or with the newest partial one

      Ctrl-C ends the run and keeps what was measured.

      Examples:
        ipclab run --quick
        ipclab run --transports fifo,unix-stream,tcp --sizes 64,64K --placement same
        ipclab run --budget 2m --seed 7 --out /tmp/comparison

      """,
    run: run)

  private static let planOptions = [
    "--transports", "--scenarios", "--sizes", "--placement", "--trials", "--seed", "--budget",
    "--quick", "--no-probes",
  ]

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(
      words,
      options: [
        "--transports", "--scenarios", "--sizes", "--placement", "--trials", "--seed", "--budget",
        "--out", "--format",
      ], flags: ["--quick", "--resume", "--no-probes", "--force"])
    if let word = arguments.operands.first { throw UsageError("what is “\(word)”?") }
    let formats =
      (try arguments.names("--format", among: ReportCommand.formats, kind: "format")
      ?? ReportCommand.formats).compactMap(ReportFormat.init(rawValue:))
    let interruption = try Interruption()
    let runner = try Workplace.runner(interruption: interruption)

    let directory: RunDirectory
    var plan: RunPlan
    var previous: ResultDocument?
    if arguments.has("--resume") {
      for option in ["--force"] + planOptions
      where arguments.text(option) != nil || arguments.has(option) {
        throw UsageError("\(option) cannot stand beside --resume: the plan of the run is kept")
      }
      (directory, plan, previous) = try interrupted(arguments)
    } else {
      plan = try self.plan(arguments, words)
      let asked = plan.trials
      plan.fitToBudget(runnable: runnableCells(plan, runner))
      if plan.trials < asked {
        Output.message(
          "To fit the budget, each cell has \(plan.trials) trials instead of \(asked).")
      }
      directory = try .begin(arguments.text("--out"), plan, replacing: arguments.has("--force"))
    }
    let environment = MachineSurvey.environment()
    for warning in environment.warnings { Output.message("Note: \(warning)") }
    let run = LabRun(
      plan: plan, runner: runner, environment: environment, toolVersion: Version.current,
      continuing: previous)
    let probing: UInt64 = plan.probes && !run.hasAllFeatures ? plan.probeNanoseconds : 0
    Output.message(
      PlainText.count(run.dueTrials, "trial") + " of "
        + PlainText.count(plan.transports.count, "transport") + ", about "
        + ProgressLine.duration(run.estimatedNanoseconds + probing)
        + ". Ctrl-C keeps what was measured.")

    // From now on there is something to resume, however the run ends.
    try directory.write(run.document(ending: .interrupted))

    var ending = LabRun.Ending.complete
    if plan.probes && !run.hasAllFeatures {
      ending = try probe(run, plan, interruption)
    }
    if ending == .complete {
      var line = ProgressLine()
      ending = try run.run { progress in
        line.show(
          done: progress.done, total: progress.total, remaining: progress.remaining,
          label: progress.label)
      } checkpoint: { document in
        try directory.write(document)
      }
      line.finish()
    }
    let document = run.document(ending: ending)
    let files = try directory.write(document, formats)
    Output.data(
      TerminalSummary.render(
        document, width: min(Output.width, 120), color: Output.color(on: 1)))
    for file in files { Output.message("wrote \(file)") }
    if ending != .complete {
      Output.message(
        (ending == .interrupted ? "Interrupted." : "The time budget is spent.")
          + " To go on: ipclab run --resume --out \(ShellWord.quoted(directory.path))")
    }
    if ending == .interrupted { return Exit.interrupted }
    return conclude(document)
  }

  // MARK: - The plan

  private static func plan(_ arguments: Arguments, _ words: [String]) throws -> RunPlan {
    var plan = RunPlan(
      seed: try arguments.seed("--seed") ?? Workplace.freshSeed(),
      commandLine: ["ipclab", "run"] + words)
    if arguments.has("--quick") { plan.makeQuick() }
    if let names = try arguments.names(
      "--transports", among: Lookup.transports, kind: "transport")
    {
      plan.transports = names
    }
    if let names = try arguments.names("--scenarios", among: Lookup.scenarios, kind: "scenario") {
      plan.scenarios = names
    }
    if let sizes = try arguments.sizes("--sizes") { plan.sizes = sizes }
    if let names = try arguments.names(
      "--placement", among: Placement.allCases.map(\.rawValue), kind: "placement")
    {
      plan.placements = names.compactMap(Placement.init(rawValue:))
    }
    if let trials = try arguments.number("--trials", in: 1...1000) { plan.trials = trials }
    if let budget = try arguments.duration("--budget") { plan.budgetNanoseconds = budget }
    plan.probes = !arguments.has("--no-probes")
    return plan
  }

  private static func runnableCells(_ plan: RunPlan, _ runner: TrialRunner) -> Int {
    var single = plan
    single.trials = 1
    return LabRun(
      plan: single, runner: runner, environment: MachineSurvey.environment(),
      toolVersion: Version.current
    ).totalTrials
  }

  private static func interrupted(
    _ arguments: Arguments
  ) throws -> (RunDirectory, RunPlan, ResultDocument) {
    let directory = try RunDirectory.interrupted(arguments.text("--out"))
    let path = directory.path
    let document: ResultDocument
    let plan: RunPlan
    do { (document, plan) = try directory.load() } catch {
      throw UsageError("cannot resume \(path): \(error)")
    }
    guard document.run.isPartial else {
      throw UsageError("the run in \(path) is complete: there is nothing to resume")
    }
    guard document.run.seed == plan.seed, document.run.commandLine == plan.commandLine else {
      throw UsageError("cannot resume \(path): its plan and its results are of two runs")
    }
    guard document.run.build == BuildMode.current else {
      throw UsageError(
        "the run in \(path) was made with a \(document.run.build) build, this is a "
          + "\(BuildMode.current) build")
    }
    for name in plan.transports { _ = try Lookup.transport(name) }
    for name in plan.scenarios { _ = try Lookup.scenario(name) }
    return (directory, plan, document)
  }

  // MARK: - Probes and the end

  private static func probe(
    _ run: LabRun, _ plan: RunPlan, _ interruption: Interruption
  ) throws -> LabRun.Ending {
    let results = try FeaturesCommand.probe(plan.transports, interruption)
    run.add(features: results)
    return interruption.check() ? .interrupted : .complete
  }

  private static func conclude(_ document: ResultDocument) -> Int32 {
    let failed = document.cells.filter { $0.status == .failed }
    let wrong = document.features.filter(\.isWrong)
    for cell in failed.prefix(5) {
      Output.message(
        "failed: \(cell.mechanism) \(cell.scenario) \(cell.placement) \(cell.size) B: "
          + (cell.reason ?? ""))
    }
    for feature in wrong.prefix(5) {
      Output.message(
        "\(feature.verdict == .failed ? "probe failed" : "disagreement"): \(feature.mechanism) "
          + "\(feature.probe): claimed \(feature.claim), observed \(feature.observed)")
    }
    let measuresNothing = !document.cells.contains { $0.status == .measured }
    if measuresNothing, let reason = document.cells.lazy.compactMap(\.reason).first {
      Output.message("nothing was measured: \(reason)")
    }
    return failed.isEmpty && wrong.isEmpty && !measuresNothing ? Exit.done : Exit.failed
  }
}
