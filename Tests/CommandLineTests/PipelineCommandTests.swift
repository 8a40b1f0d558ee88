import Foundation
import IPCSystem
import Testing

@Suite("ipclab pipeline", .timeLimit(.minutes(1)))
struct PipelineCommandTests {
  @Test("connects programs and reports how each ended")
  func connects() throws {
    let program = try Program()
    try "pear\napple\nfig\nquince\n".write(
      toFile: program.place + "/fruit", atomically: true, encoding: .utf8)
    let outcome = try program.run(
      "pipeline", "--", "cat", "fruit", "|", "sort", "|", "head", "-3")
    #expect(outcome.status == .exited(0))
    #expect(outcome.output == "apple\nfig\npear\n")
    for name in ["cat", "sort", "head"] { #expect(outcome.messages.contains(name)) }
  }

  @Test("survives a program that ends early, and calls it success")
  func endsEarly() throws {
    let outcome = try Program().run("pipeline", "--", "yes", "|", "head", "-1")
    #expect(outcome.status == .exited(0))
    #expect(outcome.output == "y\n")
    #expect(outcome.messages.contains("SIGPIPE") || outcome.messages.contains("signal 13"))
  }

  @Test("does not deadlock when much is written")
  func much() throws {
    let outcome = try Program().run(
      "pipeline", "--", "head", "-c", "20000000", "/dev/zero", "|", "cat", "|", "wc", "-c")
    #expect(outcome.status == .exited(0))
    #expect(outcome.output.split(separator: "\n").first == "20000000")
  }

  @Test("fails when a program fails, in whatever place", arguments: 0..<3)
  func fails(_ place: Int) throws {
    var stages = ["cat", "cat", "cat"]
    stages[place] = "false"
    let outcome = try Program().run(
      "pipeline", "--", stages[0], "|", stages[1], "|", stages[2])
    #expect(outcome.status == .exited(1))
    #expect(outcome.messages.contains("exit 1"))
  }

  @Test("names a program that cannot be started, and leaves none running")
  func missing() throws {
    let program = try Program()
    let outcome = try program.run("pipeline", "--", "yes", "|", "no-such-program")
    #expect(outcome.status == .exited(3))
    #expect(outcome.messages.contains("no-such-program"))
    #expect(program.leftovers().isEmpty)
  }
}
