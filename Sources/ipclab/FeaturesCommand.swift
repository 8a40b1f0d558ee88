internal import FoundationEssentials
internal import IPCSystem
internal import LabReport
internal import LabResults
internal import LabRunner
internal import TransportCatalog

/// `ipclab features`: the probes, claim against observation.
enum FeaturesCommand {
  static let command = Command(
    name: "features", summary: "Check what each mechanism can do, by experiment",
    help: """
      Usage: ipclab features [--transports A,B] [--probes A,B] [--evidence] [--format text|json]

      Executes every probe on every transport and prints what was claimed and what was observed;
      disagreements first. Exit code 1 when there is one.

        --transports A,B   only these (see: ipclab list transports)
        --probes A,B       only these (see: ipclab list probes)
        --evidence         also print what was done and what came back
        --format json      the results with their evidence as JSON

      Examples:
        ipclab features --transports fifo,mailslot
        ipclab features --probes writer-death --evidence

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(
      words, options: ["--transports", "--probes", "--format"], flags: ["--evidence"])
    if let word = arguments.operands.first { throw UsageError("what is “\(word)”?") }
    let transports =
      try arguments.names("--transports", among: Lookup.transports, kind: "transport")
      ?? Lookup.transports
    let probes = try arguments.names(
      "--probes", among: ProbeCatalog.all.map(\.info.id), kind: "probe")
    let format = try arguments.name("--format", among: ["text", "json"], kind: "format") ?? "text"
    _ = try Workplace.runtime()
    let interruption = try Interruption()
    let results = try probe(transports, interruption, probes: probes)
    if format == "json" {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      Output.data(String(decoding: try encoder.encode(results), as: UTF8.self) + "\n")
    } else {
      Output.data(text(results, evidence: arguments.has("--evidence")))
    }
    if interruption.check() {
      let planned = transports.count * (probes?.count ?? ProbeCatalog.all.count)
      Output.message("Interrupted: \(results.count) of \(planned) experiments were made.")
      return Exit.interrupted
    }
    return results.contains { $0.isWrong } ? Exit.failed : Exit.done
  }

  /// Runs probes with a progress line.
  static func probe(
    _ transports: [String], _ interruption: Interruption, probes: [String]? = nil
  ) throws -> [FeatureResult] {
    let chosen = ProbeCatalog.all.filter { probes?.contains($0.info.id) ?? true }
    let line = Locked(ProgressLine())
    let start = MonotonicClock.now()
    let results = try ProbeRunner.run(
      transports: transports.compactMap { TransportCatalog.transport($0) }, probes: chosen,
      executable: try Workplace.executable(),
      progress: { done, total, result in
        let each = (MonotonicClock.now() - start) / UInt64(max(done, 1))
        line.withLock {
          $0.show(
            done: done, total: total, remaining: each * UInt64(total - done),
            label: "probe \(result.probe) \(result.mechanism)", unit: "probes")
        }
      }, isInterrupted: { interruption.check() })
    line.withLock { $0.finish() }
    return results
  }

  private static func text(_ results: [FeatureResult], evidence: Bool) -> String {
    let kinds: [(FeatureResult.Verdict, String)] = [
      (.agrees, "as claimed"), (.disagrees, "not as claimed"), (.failed, "failed"),
      (.notApplicable, "not applicable"), (.notPossibleHere, "not possible here"),
    ]
    let counts = kinds.map { kind in (results.count { $0.verdict == kind.0 }, kind.1) }
      .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    var text = "\(PlainText.count(results.count, "experiment"))"
    text += (counts.isEmpty ? "" : ": " + counts.joined(separator: ", ")) + "\n\n"
    let wrong = results.filter(\.isWrong)
    if !wrong.isEmpty {
      text += "Not as claimed, or failed:\n"
      text += wrong.map { describe($0, evidence: true) }.joined() + "\n"
    }
    var mechanism = ""
    for result in results {
      if result.mechanism != mechanism {
        mechanism = result.mechanism
        text += "\(mechanism)\n"
      }
      text += describe(result, evidence: evidence)
    }
    return text
  }

  private static func describe(_ result: FeatureResult, evidence: Bool) -> String {
    let mark: String
    switch result.verdict {
    case .agrees: mark = "ok "
    case .disagrees: mark = "NO "
    case .failed: mark = "ERR"
    case .notApplicable, .notPossibleHere: mark = " - "
    }
    let name = result.probe + String(repeating: " ", count: max(1, 17 - result.probe.count))
    var text = "  \(mark) \(name)\(result.observed)"
    if result.verdict == .disagrees { text += "   (claimed: \(result.claim), \(result.mechanism))" }
    text += "\n"
    if evidence { text += result.evidence.map { "        \($0)\n" }.joined() }
    return text
  }
}

extension FeatureResult {
  /// Whether the claim does not hold, or could not be checked because the experiment broke.
  var isWrong: Bool { verdict == .disagrees || verdict == .failed }
}
