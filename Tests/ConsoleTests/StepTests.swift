import Testing

@testable import Console

@Suite("A line")
struct StepTests {
  private func argument(_ name: String, _ value: String) -> Step.Argument {
    Step.Argument(name: name, value: value)
  }

  @Test(
    "of the protocol says who makes which call",
    arguments: [
      ("-\tSleep", Step(.main, "Sleep")),
      ("A\tSleep", Step(.run("A"), "Sleep")),
      ("A&\tSleep", Step(.start("A"), "Sleep")),
      ("A?", Step(.join("A"), "")),
      ("A?\tjoin", Step(.join("A"), "")),
    ])
  func actors(_ line: String, _ step: Step) throws {
    #expect(try Step(protocolLine: line) == step)
  }

  @Test("of the protocol keeps blanks, signs of equality and empty values")
  func protocolValues() throws {
    let step = try Step(protocolLine: "-\tWriteFile\th=s\tdata=a = b\tfill=\tname=\\\\.\\pipe\\x")
    #expect(
      step.arguments == [
        argument("h", "s"), argument("data", "a = b"), argument("fill", ""),
        argument("name", #"\\.\pipe\x"#),
      ])
  }

  @Test(
    "of the protocol that makes no sense is refused",
    arguments: ["", "-", "-\t", "-\tSleep\tms", "&\tSleep", "?", "A B\tSleep", "-\tSleep\t=1"])
  func badProtocolLines(_ line: String) {
    #expect(throws: Mistake.self) { try Step(protocolLine: line) }
  }

  @Test(
    "that is typed says who makes which call",
    arguments: [
      ("Sleep ms=1", Step(.main, "Sleep", [Step.Argument(name: "ms", value: "1")])),
      ("  A:   Sleep", Step(.start("A"), "Sleep")),
      ("A& Sleep", Step(.start("A"), "Sleep")),
      ("A?", Step(.join("A"), "")),
      ("A? within=200", Step(.join("A"), "", [Step.Argument(name: "within", value: "200")])),
      ("Sleep # and wake", Step(.main, "Sleep")),
    ])
  func typed(_ line: String, _ step: Step) throws {
    #expect(try Step(typedLine: line) == step)
  }

  @Test("that is typed holds a quoted value together")
  func quotes() throws {
    let step = try Step(typedLine: ##"WriteFile data="two words # here" name=\\.\pipe\a#b"##)
    #expect(
      step?.arguments == [
        argument("data", "two words # here"), argument("name", #"\\.\pipe\a#b"#),
      ])
  }

  @Test("without anything to do is none", arguments: ["", "   ", "# remark"])
  func nothing(_ line: String) throws {
    #expect(try Step(typedLine: line) == nil)
  }

  @Test(
    "that is typed and makes no sense is refused",
    arguments: ["A:", "WriteFile hello", "WriteFile data=\"open", "A? soon", "WriteFile =x"])
  func badTypedLines(_ line: String) {
    #expect(throws: Mistake.self) { try Step(typedLine: line) }
  }
}
