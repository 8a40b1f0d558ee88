import Testing

@testable import Coursework

@Suite("An outcome")
struct OutcomeTests {
  @Test("has a word of its own")
  func words() {
    let all: [Outcome] = [
      .pass, .fail, .timeout, .crash(signal: 11), .limit(.memory), .leak(["a file"]), .buildError,
      .skipped(parent: "copy.small"), .graderError("no disk"),
    ]
    #expect(Set(all.map(\.word)).count == all.count)
    #expect(all.filter(\.isPass) == [.pass])
  }

  @Test("that more time cannot have changed holds also when the machine stood still")
  func time() {
    let firm: [Outcome] = [
      .pass, .limit(.memory), .limit(.output), .limit(.processes), .limit(.fileSize),
      .skipped(parent: "a.b"), .buildError,
    ]
    let doubtful: [Outcome] = [
      .fail, .timeout, .crash(signal: 5), .leak(["a file"]), .limit(.processorTime),
      .graderError("why"),
    ]
    #expect(firm.allSatisfy { !$0.dependsOnTime })
    #expect(doubtful.allSatisfy { $0.dependsOnTime })
  }
}
