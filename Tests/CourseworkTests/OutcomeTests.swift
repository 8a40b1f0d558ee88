import Coursework
import Testing

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
}
