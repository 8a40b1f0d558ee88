internal import Console
internal import Glibc
internal import IPCSystem

/// Plays a case and compares every answer with what is expected.
public struct CaseRunner: Sendable {
  /// What came of a case.
  public struct Outcome: Sendable {
    /// What differs, in words; empty when everything is as expected.
    public var differences: [String] = []
    /// Every step with its answer.
    public var transcript = ""
    /// Whether everything is as expected.
    public var isMatch: Bool { differences.isEmpty }
    /// Whether the only thing wrong is that a call took long that should not wait.
    var isOnlyLate: Bool {
      !isMatch && differences.allSatisfy { $0.hasSuffix("waited is true, not false") }
    }
  }

  /// From this many milliseconds on, a call counts as one that has waited.
  static let waited = 120.0
  /// An agent that takes longer for an answer is stuck: no step of a case waits that long.
  static let patience = Duration.seconds(20)
  /// How long an agent may take to leave.
  static let leavingPatience = Duration.seconds(10)

  /// Starts an agent; the argument is the runtime directory that it is to use.
  private let start: @Sendable (_ runtime: String) throws -> any Agent

  /// Makes a runner.
  ///
  /// - Parameter start: Starts an agent that uses a runtime directory.
  public init(start: @escaping @Sendable (_ runtime: String) throws -> any Agent) {
    self.start = start
  }

  /// Makes a runner whose agents are processes.
  ///
  /// - Parameter command: The program and its arguments.
  public init(command: [String]) {
    self.init {
      try AgentProcess(command: command, runtime: $0, deadline: .after(Self.patience))
    }
  }

  /// Starts an agent and lets it leave.
  ///
  /// - Throws: A system's error or an ``AgentError`` when there is nothing to play against.
  public func checkAgent() throws {
    let place = try Place()
    let agent = try start(place.runtime)
    _ = try agent.finish(deadline: .after(Self.leavingPatience))
  }

  /// Plays a case in a runtime directory of its own, which must be empty afterwards.
  ///
  /// On a busy machine any call can be late. One that waits although it should not is late each
  /// time, so a case that differs in nothing else is played again, up to twice.
  public func run(_ item: ConformanceCase) -> Outcome {
    var outcome = runOnce(item)
    for _ in 0..<2 where outcome.isOnlyLate { outcome = runOnce(item) }
    return outcome
  }

  private func runOnce(_ item: ConformanceCase) -> Outcome {
    var outcome = Outcome()
    do {
      let place = try Place()
      let names = Names(
        base: "Case\(String(UInt32.random(in: 0...UInt32.max), radix: 36))", directory: place.path)
      var agents: [String: any Agent] = [:]
      do { try play(item.steps, names, place, &agents, &outcome) } catch {
        outcome.differences.append("\(error)")
      }
      for (process, agent) in agents.sorted(by: { $0.key < $1.key }) {
        let status = try agent.finish(deadline: .after(Self.leavingPatience))
        if status != .exited(0) {
          let how = status.map { "\($0)" } ?? "not at all"
          outcome.differences.append("\(process) leaves at the end of its input: \(how)")
        }
      }
      outcome.differences += try leftovers(place, names, afterCrash: Self.hasCrash(item))
    } catch {
      outcome.differences.append("\(error)")
    }
    return outcome
  }

  private func play(
    _ steps: [ConformanceCase.Step], _ names: Names, _ place: borrowing Place,
    _ agents: inout [String: any Agent], _ outcome: inout Outcome
  ) throws {
    for (number, step) in steps.enumerated() {
      let process = step.process ?? "P1"
      let line = Self.line(step, names)
      outcome.transcript +=
        "\(number + 1). \(process)  \(line.replacing("\t", with: " "))\n"
      let agent = try agents[process] ?? start(place.runtime)
      agents[process] = agent
      let answer = try agent.ask(line, deadline: .after(Self.patience))
      let differences = Self.differences(answer, step.expect)
      outcome.transcript += "     → \(Self.text(answer))\n"
      if !differences.isEmpty {
        outcome.transcript += "     ≠ \(Self.text(step.expect))\n"
        outcome.differences += differences.map { "step \(number + 1), \(step.op): \($0)" }
        return
      }
      if step.op == "ExitProcess", answer["status"] == .text("done") {
        agents[process] = nil
        if try agent.finish(deadline: .after(Self.leavingPatience)) == nil {
          outcome.differences.append("step \(number + 1): \(process) does not exit")
        }
      }
    }
  }

  /// The line of a step.
  static func line(_ step: ConformanceCase.Step, _ names: Names) -> String {
    let actor =
      switch (step.thread, step.kind) {
      case (nil, _): "-"
      case (let thread?, "start"): thread + "&"
      case (let thread?, "join"): thread + "?"
      case (let thread?, _): thread
      }
    let arguments = step.args.sorted { $0.key < $1.key }
      .map { "\($0.key)=\(names.expand($0.value))" }
    return ([actor, step.op] + arguments).joined(separator: "\t")
  }

  /// In what an answer is not as expected.
  static func differences(_ answer: [String: Scalar], _ expected: [String: Scalar]) -> [String] {
    if expected["any"] != nil { return [] }
    var result: [String] = []
    let elapsed: Double? =
      if case .number(let number)? = answer["_ms"] { number } else { nil }
    for (name, wanted) in expected.sorted(by: { $0.key < $1.key }) {
      let actual =
        switch name {
        case "waited": elapsed.map { Scalar.flag($0 >= waited) }
        case "minMs": elapsed.map(Scalar.number)
        default: answer[name]
        }
      let isMatch =
        switch (wanted, actual) {
        case (.number(let least), .number(let number)?) where name == "minMs": number >= least
        case (.text(let text), .text(let found)?): Expectation.matches(text, found)
        default: wanted == actual
        }
      if !isMatch {
        result.append("\(name) is \(actual.map(\.description) ?? "missing"), not \(wanted)")
      }
    }
    return result
  }

  private static func text(_ fields: [String: Scalar]) -> String {
    fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  /// What is left in the runtime directory although nobody uses it any more.
  ///
  /// - Parameter afterCrash: Whether a process has ended without cleaning up. What it left is removed
  ///   by the next process that makes such a thing.
  private func leftovers(_ place: borrowing Place, _ names: Names, afterCrash: Bool) throws
    -> [String]
  {
    if afterCrash && !place.leftovers.isEmpty {
      let agent = try start(place.runtime)
      for line in [
        "-\tCreateNamedPipe\th=s\tname=$P_next", "-\tCreateMailslot\th=l\tname=$M_next",
        "-\tCreateMutex\th=m\tname=$N_next",
      ] {
        _ = try agent.ask(names.expand(line), deadline: .after(Self.patience))
      }
      _ = try agent.finish(deadline: .after(Self.leavingPatience))
    }
    return place.leftovers.map { "left behind: \($0)" }
  }

  private static func hasCrash(_ item: ConformanceCase) -> Bool {
    item.steps.contains { $0.op == "ExitProcess" }
  }
}

/// A directory of a case's own, which goes with it.
struct Place: ~Copyable {
  let path: String
  var runtime: String { path + "/runtime" }

  init() throws(SystemError) {
    path = try TemporaryDirectory.make("/tmp/ipclab-case-XXXXXX")
  }

  deinit { Self.remove(path) }

  /// What is in the runtime directory. The directory of a mechanism stays when it is empty, and so
  /// does a lock beside it, which cannot be removed without a race.
  var leftovers: [String] {
    let root = runtime
    return DirectoryListing.names(in: root).filter { $0 != ".lock" }.sorted().flatMap { name in
      Self.isDirectory(root + "/" + name)
        ? DirectoryListing.names(in: root + "/" + name).filter { $0 != ".lock" }.sorted()
          .map { name + "/" + $0 } : [name]
    }
  }

  private static func remove(_ path: String) {
    for name in DirectoryListing.names(in: path) {
      let entry = path + "/" + name
      if isDirectory(entry) { remove(entry) } else { unsafe _ = unlink(entry) }
    }
    unsafe _ = rmdir(path)
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
