internal import FoundationEssentials
internal import IPCSystem

/// A check that is a program of the instructor's own, in any language.
///
/// It starts in the check's directory with, in its environment, `IPCLAB_SEED`, `IPCLAB_PROGRAMS`
/// (JSON: name to words of the command) and `IPCLAB_RUNTIME_DIR`, and prints one JSON object:
/// `outcome` (`pass`, `fail` or `timeout`) and, if it likes, `expected`, `seen`, `cause`, and the
/// lists `did` and `wire`. Whatever else it does is an error of the grader.
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
        outputLimit: context.limits.output, note: { _ in })
    } catch { throw CheckFailure(.grader, expected: "\(name) starts", seen: "\(error)") }
    defer { program.stop() }
    let status = try program.waitForExit(within: .seconds(3600))
    guard let verdict = try? JSONDecoder().decode(Verdict.self, from: Data(program.output)),
      ["pass", "fail", "timeout"].contains(verdict.outcome)
    else {
      throw CheckFailure(
        .grader, expected: "\(name) prints its verdict as JSON",
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
}
