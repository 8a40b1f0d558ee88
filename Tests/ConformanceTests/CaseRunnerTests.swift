import Foundation
import IPCSystem
import Synchronization
import Testing

@testable import Conformance

/// An agent that answers what it was told to, and keeps what it was asked.
private final class FakeAgent: Agent, Sendable {
  struct State {
    var answers: [[String: Scalar]]
    var lines: [String] = []
  }
  let state: Mutex<State>
  let leaves: Bool

  init(_ answers: [[String: Scalar]], leaves: Bool = true) {
    state = Mutex(State(answers: answers))
    self.leaves = leaves
  }

  var lines: [String] { state.withLock { $0.lines } }

  func ask(_ line: String, deadline: Deadline) throws -> [String: Scalar] {
    state.withLock { state in
      state.lines.append(line)
      return state.answers.isEmpty ? [:] : state.answers.removeFirst()
    }
  }

  func finish(deadline: Deadline) throws -> IPCSystem.ExitStatus? { leaves ? .exited(0) : nil }
}

@Suite("The driver of the conformance cases")
struct CaseRunnerTests {
  private func item(_ steps: String) throws -> ConformanceCase {
    try JSONDecoder().decode(
      ConformanceCase.self,
      from: Data(
        #"{"id":"a.b","area":"x","title":"y","confidence":"high","steps":[\#(steps)]}"#.utf8))
  }

  private func runner(_ agents: FakeAgent...) -> CaseRunner {
    let rest = Mutex(agents)
    return CaseRunner { _ in rest.withLock { $0.removeFirst() } }
  }

  private let done: [String: Scalar] = ["status": .text("done"), "ok": .flag(true)]

  @Test("says who makes the call")
  func actors() throws {
    let agent = FakeAgent([done, done, done, done])
    let outcome = runner(agent).run(
      try item(
        """
        {"op":"Sleep","args":{"ms":"1","a":"2"},"expect":{"ok":true}},
        {"op":"Sleep","args":{},"expect":{"ok":true},"thread":"A"},
        {"op":"Sleep","args":{},"expect":{"ok":true},"thread":"A","kind":"start"},
        {"op":"join","args":{"within":"200"},"expect":{"ok":true},"thread":"A","kind":"join"}
        """))
    #expect(outcome.isMatch)
    #expect(
      agent.lines == ["-\tSleep\ta=2\tms=1", "A\tSleep", "A&\tSleep", "A?\tjoin\twithin=200"])
  }

  @Test("has an agent for each process, and a new one after an exit")
  func processes() throws {
    let agents = [FakeAgent([done, done]), FakeAgent([done]), FakeAgent([done])]
    let outcome = runner(agents[0], agents[1], agents[2]).run(
      try item(
        """
        {"op":"A","args":{},"expect":{"ok":true}},
        {"op":"ExitProcess","args":{},"expect":{"ok":true},"process":"P2"},
        {"op":"B","args":{},"expect":{"ok":true}},
        {"op":"C","args":{},"expect":{"ok":true},"process":"P2"}
        """))
    #expect(outcome.isMatch)
    #expect(agents.map(\.lines) == [["-\tA", "-\tB"], ["-\tExitProcess"], ["-\tC"]])
  }

  @Test("tells the step that differs, with everything before it, and stops there")
  func mismatch() throws {
    let agent = FakeAgent([done, ["status": .text("done"), "ok": .flag(false)], done])
    let outcome = runner(agent).run(
      try item(
        """
        {"op":"A","args":{},"expect":{"ok":true}},
        {"op":"B","args":{},"expect":{"ok":true}},
        {"op":"C","args":{},"expect":{"ok":true}}
        """))
    #expect(outcome.differences == ["step 2, B: ok is false, not true"])
    #expect(outcome.transcript.contains("1. P1  - A"))
    #expect(agent.lines.count == 2)
  }

  @Test("tells of an agent that does not leave")
  func stuck() throws {
    let outcome = runner(FakeAgent([done], leaves: false)).run(
      try item(#"{"op":"A","args":{},"expect":{"ok":true}}"#))
    #expect(outcome.differences == ["P1 leaves at the end of its input: not at all"])
  }

  @Test("tells of a file that is left in the runtime directory")
  func leftover() throws {
    let answer = done
    let runner = CaseRunner { runtime in
      try FileManager.default.createDirectory(
        atPath: runtime + "/pipes", withIntermediateDirectories: true)
      for name in [".lock", "forgotten"] {
        _ = FileManager.default.createFile(atPath: runtime + "/pipes/" + name, contents: nil)
      }
      return FakeAgent([answer])
    }
    let outcome = runner.run(try item(#"{"op":"A","args":{},"expect":{"ok":true}}"#))
    #expect(outcome.differences == ["left behind: pipes/forgotten"])
  }

  @Test("tells of a process that is no agent")
  func noAgent() throws {
    let outcome = CaseRunner(command: ["/bin/true"]).run(
      try item(#"{"op":"A","args":{},"expect":{"ok":true}}"#))
    #expect(outcome.differences == ["the agent has ended"])
  }

  @Test(
    "matches by the rules",
    arguments: [
      (#"{"any":true,"reason":"r"}"#, [:], true),
      (#"{"err":"*"}"#, ["err": .text("ERROR_X")], true),
      (#"{"err":"*"}"#, [:], false),
      (#"{"err":"A|B"}"#, ["err": .text("B")], true),
      (#"{"err":"A|B"}"#, ["err": .text("C")], false),
      (#"{"state":"A|B"}"#, ["state": .text("A|B")], true),
      (#"{"left":-4}"#, ["left": .number(-4)], true),
      (#"{"left":-4}"#, ["left": .text("-4")], false),
      (#"{"ok":false}"#, ["ok": .number(0)], false),
      (#"{"waited":true}"#, ["_ms": .number(120)], true),
      (#"{"waited":true}"#, ["_ms": .number(119)], false),
      (#"{"waited":false}"#, ["_ms": .number(3)], true),
      (#"{"waited":false}"#, [:], false),
      (#"{"minMs":300}"#, ["_ms": .number(300.5)], true),
      (#"{"minMs":300}"#, ["_ms": .number(299)], false),
    ] as [(String, [String: Scalar], Bool)])
  func matching(_ expected: String, _ answer: [String: Scalar], _ isMatch: Bool) throws {
    let expected = try JSONDecoder().decode([String: Scalar].self, from: Data(expected.utf8))
    #expect(CaseRunner.differences(answer, expected).isEmpty == isMatch)
  }

  @Test(
    "puts names in their places",
    arguments: [
      ("$P", #"\\.\pipe\Ab1"#), ("$P_b", #"\\.\pipe\Ab1_b"#), ("$M", #"\\.\mailslot\Ab1"#),
      ("$MU", #"\\.\MAILSLOT\AB1"#), (#"$M\sub"#, #"\\.\mailslot\Ab1\sub"#),
      ("$N", "Ab1"), ("$NU", "aB1"), (#"Local\$N"#, #"Local\Ab1"#), ("ev_$N", "ev_Ab1"),
      ("$B", "Ab1"), ("$T", "/d/file"), ("$L5", #"\\.\pipe\Ab1xx"#), ("$O6", "Ab1xxx"),
      ("plain", "plain"), ("$", "$"), ("$Z", "$Z"),
    ])
  func names(_ text: String, _ expanded: String) {
    #expect(Names(base: "Ab1", directory: "/d").expand(text) == expanded)
  }
}
