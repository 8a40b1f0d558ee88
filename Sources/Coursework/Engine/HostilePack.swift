/// Programs that try to get the better of the grader, and what must become of each.
public enum HostilePack {
  /// One of them.
  public struct Case: Sendable, CustomStringConvertible {
    /// What `HostilePrograms` calls it.
    public let name: String
    /// What it does.
    public let about: String
    /// What must become of it. The names in a leak are examples.
    public let outcome: Outcome
    /// Words that must be among the names of a leak, or in what was seen.
    public let mentions: [String]
    /// Whether only namespaces hold it: where there are none, it goes unseen or ends the check process.
    public var needsNamespaces = false
    var seconds = 30.0
    var processorSeconds: Int?

    /// Its name.
    public var description: String { name }

    /// Whether the report says what it must.
    public func agrees(with report: CheckReport) -> Bool {
      let said = report.leftovers.joined(separator: " ") + (report.seen ?? "")
      return report.outcome.word == outcome.word && mentions.allSatisfy(said.contains)
        && (isLeak || report.outcome == outcome)
    }

    private var isLeak: Bool { outcome.word == Outcome.leak([]).word }
  }

  /// The pack. The first and the last are well behaved.
  public static let cases: [Case] = [
    Case(name: "healthy", about: "does what it should", outcome: .pass, mentions: []),
    Case(
      name: "endless", about: "never ends and ignores signals", outcome: .timeout, mentions: [],
      seconds: 2),
    Case(
      name: "burner", about: "computes on all processors", outcome: .limit(.processorTime),
      mentions: [], processorSeconds: 1),
    Case(name: "flood", about: "writes without end", outcome: .limit(.output), mentions: []),
    Case(
      name: "fork-bomb", about: "makes processes without end", outcome: .limit(.processes),
      mentions: []),
    Case(name: "hog", about: "takes memory without end", outcome: .limit(.memory), mentions: []),
    Case(
      name: "hoarder", about: "takes memory in files without names", outcome: .limit(.memory),
      mentions: []),
    Case(
      name: "daemon", about: "leaves a process that holds its standard output",
      outcome: .leak(["process"]), mentions: ["HostilePrograms daemon"]),
    Case(name: "stopped", about: "stops itself", outcome: .timeout, mentions: [], seconds: 2),
    Case(
      name: "deaf", about: "closes every descriptor", outcome: .fail,
      mentions: ["closed its standard output"]),
    Case(
      name: "huge-file", about: "writes a huge file", outcome: .limit(.fileSize), mentions: []),
    Case(
      name: "huge-file-quiet", about: "writes a huge file and ignores the signal",
      outcome: .limit(.fileSize), mentions: []),
    Case(
      name: "tamper", about: "writes into the results and the grader", outcome: .fail,
      mentions: ["nothing"], needsNamespaces: true),
    Case(name: "crash", about: "crashes", outcome: .crash(signal: 11), mentions: []),
    Case(
      name: "litter", about: "leaves shared memory and a file", outcome: .leak(["memory", "file"]),
      mentions: ["/dev/shm/litter", "/tmp/litter"], needsNamespaces: true),
    Case(
      name: "killer", about: "kills everything it can", outcome: .crash(signal: 9), mentions: [],
      needsNamespaces: true),
    Case(name: "healthy", about: "does what it should", outcome: .pass, mentions: []),
  ]

  /// The check of one of them.
  ///
  /// - Parameters:
  ///   - program: The path of `HostilePrograms`.
  ///   - results: A directory that it must not get at.
  public static func plan(
    for hostile: Case, program: String, results: String, seed: UInt64
  ) -> CheckPlan {
    var plan = CheckPlan(
      check: "engine.answers", points: 1, seed: seed, seconds: hostile.seconds,
      programs: ["program": [program, hostile.name, results]])
    plan.hidden = [results]
    plan.limits.memory = 128 << 20
    if let seconds = hostile.processorSeconds { plan.limits.processorSeconds = seconds }
    return plan
  }
}
