internal import FoundationEssentials
internal import IPCSystem

/// A check that is a program of the instructor's own, in any language.
///
/// It starts in the check's directory with, in its environment, `IPCLAB_SEED`, `IPCLAB_PROGRAMS`
/// (JSON: name to words of the command) and `IPCLAB_RUNTIME_DIR`, and prints one JSON object:
/// `outcome` (`pass`, `fail` or `timeout`) and, if it likes, `expected`, `seen`, `cause`, and the
/// lists `did` and `wire`, and exits with 0. Whatever else it does is an error of the grader, but for
/// a signal that ends it: the programs can send one, and a grader error costs nothing.
enum ExternalCheck {
  private struct Verdict: Decodable {
    var outcome: String
    var expected: String?
    var seen: String?
    var cause: String?
    var did: [String]?
    var wire: [String]?
  }

  static func make(_ id: String, _ command: [String]) -> Check {
    Check(id) { context in try run(command, context) }
  }

  private static func run(_ command: [String], _ context: CheckContext) throws {
    let programs = try JSONEncoder().encode(context.commands)
    var plan = ChildProcess.Plan(
      program: command.first ?? "", arguments: Array(command.dropFirst()))
    plan.directory = context.directory
    plan.environment =
      context.environment + [
        "IPCLAB_SEED=\(context.seed)",
        "IPCLAB_PROGRAMS=\(String(decoding: programs, as: UTF8.self))",
      ]
    let name = command.joined(separator: " ")
    let program: Program
    do {
      program = try Program(
        name: name, plan: plan, input: .null, end: context.deadline,
        outputLimit: context.limits.output, hidesOutput: true, note: { _ in })
    } catch { throw CheckFailure(.grader, expected: "\(name) starts", seen: "\(error)") }
    defer { program.stop() }
    let status = try program.waitForExit(within: .seconds(3600))
    if let number = ender(status) {
      throw CheckFailure(
        expected: "the programs leave the check alone",
        seen: "\(name) was ended by signal \(number) while they ran")
    }
    guard status.isSuccess,
      let verdict = try? JSONDecoder().decode(Verdict.self, from: Data(program.output)),
      ["pass", "fail", "timeout"].contains(verdict.outcome)
    else {
      throw CheckFailure(
        .grader, expected: "\(name) prints its verdict as JSON and exits with 0",
        seen: "it ended with \(status) and printed \(Escaped.text(program.output)); "
          + Escaped.plain(program.errorOutput.suffix(400)))
    }
    for line in verdict.did ?? [] { context.did(line) }
    context.addWire(verdict.wire ?? [])
    if verdict.outcome == "pass" { return }
    throw CheckFailure(
      verdict.outcome == "timeout" ? .timeout : .expectation,
      expected: verdict.expected ?? "the check passes", seen: verdict.seen ?? "it does not",
      cause: verdict.cause)
  }

  /// The signal that ended the check, or the program that a shell ran for it; `nil` when it ended by
  /// itself.
  private static func ender(_ status: ExitStatus) -> Int32? {
    switch status {
    case .signaled(let number): number
    case .exited(let code): (129...192).contains(code) ? code - 128 : nil
    }
  }
}
