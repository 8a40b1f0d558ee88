internal import Conformance
internal import Dispatch
internal import IPCSystem
internal import LabReport

/// `ipclab conformance`: plays cases of what Win32 does against agents.
enum ConformanceCommand {
  static let command = Command(
    name: "conformance", summary: "Check Win32 conformance cases against an agent",
    help: """
      Usage: ipclab conformance FILE [--area AREA] [--case ID] [--agent PROGRAM] [--repeat N]
                                [--jobs N]

      Plays the cases of a file, each in fresh agent processes, and says which answers differ from
      what is expected. Cases of low confidence may differ.

        --area AREA       only this area, such as "named pipe"
        --case ID         only this case, or all whose id begins like this
        --agent PROGRAM   another agent than `ipclab console --protocol json`
        --repeat N        play each case this many times
        --jobs N          how many at the same time (4)

      Examples:
        ipclab conformance Tests/ConformanceTests/win32-cases.json --area "named pipe"
        ipclab conformance Tests/ConformanceTests/win32-cases.json --case np.ov --repeat 100

      Exit codes: 0 all as expected, 1 some differ, 2 usage, 3 environment.

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(
      words, options: ["--area", "--case", "--agent", "--repeat", "--jobs"])
    guard let path = arguments.operands.first, arguments.operands.count == 1 else {
      throw UsageError("which file of cases?")
    }
    let all: [ConformanceCase]
    do { all = try ConformanceCase.load(path: path) } catch {
      let why =
        error is DecodingError ? DecodingProblem.explain(error) : ReportWriter.reason(error)
      throw EnvironmentError("cannot read the cases in \(path): \(why)")
    }
    let areas = Array(Set(all.map(\.area))).sorted()
    let area = try arguments.name("--area", among: areas, kind: "area")
    let prefix = arguments.text("--case") ?? ""
    let cases = all.filter { (area == nil || $0.area == area) && $0.id.hasPrefix(prefix) }
    if cases.isEmpty { throw UsageError("no case has an id that begins with “\(prefix)”") }

    let command =
      if let agent = arguments.text("--agent") { [agent] } else {
        [try Workplace.executable(), "console", "--protocol", "json"]
      }
    let rounds = try arguments.number("--repeat", in: 1...1_000_000) ?? 1
    let runner = CaseRunner(command: command)
    let queue = CaseQueue(runner, limit: try arguments.number("--jobs", in: 1...64) ?? 4)
    do { try runner.checkAgent() } catch {
      throw EnvironmentError("\(command[0]) is no agent to play against: \(error)")
    }
    let tally = Tally()
    let group = DispatchGroup()
    for _ in 0..<rounds {
      for item in cases {
        group.enter()
        try queue.add(item) { outcome in
          tally.note(item, outcome)
          group.leave()
        }
      }
    }
    group.wait()
    return tally.finish()
  }

  /// Counts, and tells what differs as soon as it does.
  private final class Tally: Sendable {
    private struct Counts {
      var matches = 0
      var failures = 0
      var allowed = 0
    }

    private let counts = Locked(Counts())

    func note(_ item: ConformanceCase, _ outcome: CaseRunner.Outcome) {
      counts.withLock { counts in
        if outcome.isMatch {
          counts.matches += 1
          return
        }
        let isAllowed = item.confidence == .low
        if isAllowed { counts.allowed += 1 } else { counts.failures += 1 }
        Output.data(
          "\(isAllowed ? "differs (low confidence)" : "DIFFERS")  \(item)\n"
            + outcome.differences.map { "   \($0)\n" }.joined() + outcome.transcript + "\n")
      }
    }

    func finish() -> Int32 {
      counts.withLock { counts in
        Output.data(
          "\(counts.matches) as expected, \(counts.failures) differ, "
            + "\(counts.allowed) of low confidence differ\n")
        return counts.failures == 0 ? Exit.done : Exit.failed
      }
    }
  }
}
