import Foundation
import LabResults
import Testing

@testable import LabReport

/// Compares renderings of a small document with files beside this one.
///
/// After a change that is meant, `IPCLAB_UPDATE_GOLDENS=1 swift test` writes the files anew; the
/// difference in them is then what to review.
@Suite("Goldens")
struct GoldenTests {
  private static let directory =
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens")

  private func compare(_ text: String, with name: String) throws {
    let file = Self.directory.appending(path: name)
    if ProcessInfo.processInfo.environment["IPCLAB_UPDATE_GOLDENS"] == "1" {
      try Data(text.utf8).write(to: file)
      return
    }
    let golden = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    guard text != golden else { return }
    let (lines, expected) = (
      text.split(separator: "\n", omittingEmptySubsequences: false),
      golden.split(separator: "\n", omittingEmptySubsequences: false)
    )
    let line = zip(lines, expected).enumerated().first { $0.element.0 != $0.element.1 }
    let place = line.map { "line \($0.offset + 1): “\($0.element.0)”, not “\($0.element.1)”" }
    Issue.record("\(name) differs at \(place ?? "its end")")
  }

  @Test("every file of every format", arguments: ReportFormat.allCases)
  func files(format: ReportFormat) throws {
    for file in try ReportWriter.render(Self.document, as: format) {
      try compare(file.content, with: file.name)
    }
  }

  @Test("the terminal summary")
  func summary() throws {
    try compare(TerminalSummary.render(Self.document), with: "summary.txt")
  }

  /// Three mechanisms with a clear winner, a tie, a gap, a failure, a loss and a disagreement.
  private static var document: ResultDocument {
    let pipe = Fixture.mechanism("pipe")
    let socket = Fixture.mechanism("socket", family: "socket")
    let spin = Fixture.mechanism("spin", family: "shared-memory", waiting: "polling")
    var document = Fixture.empty
    document.run.isPartial = true
    document.run.partialReason = "Interrupted with Ctrl-C."
    document.environment.warnings = ["The governor is “powersave”."]
    document.environment.settings = [.init(name: "fs.pipe-max-size", value: "1048576")]
    document.mechanisms = [pipe, socket, spin]
    document.scenarios = [Fixture.echo, Fixture.stream]
    func echo(_ id: String, _ placement: String, _ size: Int, _ trips: [UInt64]) {
      document.cells.append(
        Fixture.cell(id, "echo", placement, size, trips.map(Fixture.trip)))
    }
    echo("pipe", "same", 64, [4800, 4900, 5000])
    echo("socket", "same", 64, [8700, 8800, 8900])
    echo("spin", "same", 64, [8_000_000, 8_100_000, 8_200_000])
    echo("pipe", "cross", 64, [45_000, 48_000, 49_000])
    echo("socket", "cross", 64, [43_000, 44_000, 46_000])
    echo("spin", "cross", 64, [210, 215, 220])
    echo("pipe", "same", 4096, [5700, 5800, 5900])
    echo("socket", "same", 65536, [33_000, 34_000, 35_000])
    document.cells.append(
      Cell(
        mechanism: "spin", scenario: "echo", placement: "same", size: 4096, clients: 1,
        status: .notApplicable, reason: "its largest message is 1024 bytes"))
    document.cells.append(
      Cell(
        mechanism: "spin", scenario: "echo", placement: "cross", size: 4096, clients: 1,
        status: .notReached))
    document.cells[1].trials.append(
      Trial(order: 9, seed: 1, count: 100, warmup: 10, failure: "the server ended with status 3"))
    for (id, rate, lost) in [("pipe", 1.1e6, 0), ("socket", 9e5, 4)] {
      let trials = [rate, rate * 1.01, rate * 1.02].map {
        Fixture.flow($0, size: 64, lost: lost)
      }
      document.cells.append(Fixture.cell(id, "stream", "same", 64, trials))
    }
    document.probes = [
      ProbeInfo(
        id: "boundaries", title: "Message boundaries", question: "Do two messages arrive as two?",
        method: "Two are sent before one is read.")
    ]
    for (id, observed) in [("pipe", "merged"), ("socket", "merged"), ("spin", "kept")] {
      document.features.append(
        FeatureResult(
          probe: "boundaries", mechanism: id, claim: id == "socket" ? "kept" : observed,
          observed: observed, verdict: id == "socket" ? .disagrees : .agrees,
          evidence: ["sent 5 and 7 bytes", "received 12 & no more"]))
    }
    document.noise = NoiseGrade(
      grade: "usable", explanation: "Equal things differed by up to 2.0 %.",
      comparisons: [
        .init(
          mechanism: "pipe", scenario: "echo", placement: "same", size: 64, first: 4850,
          second: 4950, relativeDifference: 0.0206)
      ])
    return document
  }
}
