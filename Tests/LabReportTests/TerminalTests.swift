import LabResults
import Testing

@testable import LabReport

@Suite("The terminal summary")
struct TerminalTests {
  @Test("no line is wider than the terminal", arguments: [20, 40, 79, 80, 120, 300])
  func width(columns: Int) {
    let text = TerminalSummary.render(SampleDocument.make(), width: columns)
    for line in text.split(separator: "\n") {
      #expect(line.count <= columns, "\(line)")
      #expect(line.last != " ")
    }
  }

  @Test("every figure is there in a narrow terminal too")
  func narrow() {
    let wide = TerminalSummary.render(SampleDocument.make(), width: 200)
    let narrow = TerminalSummary.render(SampleDocument.make(), width: 60)
    for figure in ["4.83 µs", "1.11 M/s", "22.1 GiB/s"] {
      #expect(wide.contains(figure), "\(figure)")
      #expect(narrow.contains(figure), "\(figure)")
    }
  }

  @Test("disagreements and banners come before figures")
  func order() throws {
    let text = TerminalSummary.render(SampleDocument.make())
    let claim = try #require(text.firstRange(of: "udp, reader-death: claims error"))
    let figure = try #require(text.firstRange(of: "anonymous-pipe  "))
    #expect(claim.lowerBound < figure.lowerBound)
  }

  @Test("colour adds nothing but escape sequences, and only when asked for")
  func color() {
    let plain = TerminalSummary.render(SampleDocument.make())
    #expect(!plain.contains("\u{1B}"))
    let colored = TerminalSummary.render(SampleDocument.make(), color: true)
    #expect(colored.contains("\u{1B}[31m"))
    #expect(colored.replacing(#/\u{1B}\[\d+m/#, with: "") == plain)
  }

  @Test("control characters of the document do not reach the terminal")
  func control() {
    let evil = "\u{1B}[2J\u{7}\rx"
    var document = Fixture.echoes([(Fixture.mechanism("a\(evil)"), [1, 2])])
    document.run.isPartial = true
    document.run.partialReason = evil
    document.cells[0].placement = evil
    document.features = [
      FeatureResult(
        probe: evil, mechanism: evil, claim: evil, observed: evil, verdict: .disagrees,
        evidence: [])
    ]
    let text = TerminalSummary.render(document)
    #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 32 && $0.value != 127 })
  }

  @Test("a cell without a figure says so and is not 0")
  func absent() {
    var document = Fixture.echoes([(Fixture.mechanism("a"), [1000, 1100])])
    document.mechanisms.append(Fixture.mechanism("b"))
    document.cells.append(
      Cell(
        mechanism: "b", scenario: "echo", placement: "same", size: 64, clients: 1,
        status: .failed, reason: "why"))
    let row = TerminalSummary.render(document).split(separator: "\n").first { $0.hasPrefix("b ") }
    #expect(row?.hasSuffix(" failed") == true)
  }

  @Test("a run in which nothing was measured says so, in place of a table of nothing")
  func unmeasured() {
    var document = Fixture.echoes([(Fixture.mechanism("a"), [1000, 1100])])
    document.cells[0].status = .notReached
    document.cells[0].summary = nil
    document.cells[0].trials = []
    #expect(TerminalSummary.render(document) == "Nothing was measured\n")
  }

  @Test("the only mechanism with a figure is not shown as the winner")
  func only() {
    var document = Fixture.echoes([(Fixture.mechanism("a"), [1000, 1100])])
    let alone = TerminalSummary.render(document)
    #expect(
      alone.contains("The only blocking mechanism is a: there is nothing to compare it with.\n"))
    #expect(alone.contains("same: a 1.10 µs\n"))
    document.mechanisms.append(Fixture.mechanism("b"))
    let text = TerminalSummary.render(document)
    #expect(text.contains("same: a 1.10 µs, the only one with a figure\n"))
    #expect(!text.contains("The only blocking mechanism"))
  }

  @Test("with one size, messages and bytes per second are not two columns")
  func oneSize() {
    var document = Fixture.empty
    document.scenarios = [Fixture.stream]
    document.mechanisms = [Fixture.mechanism("a")]
    document.cells = [
      Fixture.cell("a", "stream", "same", 64, [Fixture.flow(1e6, size: 64)])
    ]
    let text = TerminalSummary.render(document)
    #expect(text.contains("Median of the trials: messages per second\n"))
    #expect(!text.contains("MiB/s"))
  }

  @Test("an empty document says that there is nothing")
  func empty() {
    #expect(TerminalSummary.render(Fixture.empty) == "No figures of echo or stream\n")
  }

  @Test("words wrap at blanks and long ones are cut")
  func wrapping() {
    #expect(
      TextWrap.wrap("aa bb cccccccccccc d", width: 8, first: 1, indent: 2) == [
        " aa bb", "  cccccc", "  cccccc", "  d",
      ])
  }
}

@Suite("Figures in words")
struct QuantityTests {
  @Test(
    "a duration has three digits and the unit that fits",
    arguments: [
      (0, "0 ns"), (4.2, "4.20 ns"), (48.64, "48.6 ns"), (483, "483 ns"), (999.4, "999 ns"),
      (999.6, "1.00 µs"), (4830, "4.83 µs"), (48_640, "48.6 µs"), (12_000_000, "12.0 ms"),
      (3.5e9, "3.50 s"), (7.2e12, "7200 s"),
    ])
  func durations(value: Double, text: String) {
    #expect(Quantity.duration.format(value) == text)
  }

  @Test("a range says its unit once where one fits")
  func ranges() {
    #expect(Quantity.duration.format(low: 4700, high: 4950) == "4.70–4.95 µs")
    #expect(Quantity.duration.format(low: 950, high: 1020) == "950 ns–1.02 µs")
  }

  @Test("sizes are exact")
  func sizes() {
    #expect(
      [0, 64, 1500, 4096, 65_507, 65_536, 1 << 20].map(Quantity.size) == [
        "0 B", "64 B", "1500 B", "4 KiB", "65507 B", "64 KiB", "1 MiB",
      ])
  }

  @Test("a small figure is not rounded to 0")
  func small() {
    #expect(Quantity.count.format(0.0001) == "<0.001")
    #expect(Quantity.count.format(0.02) == "0.020")
    #expect(Quantity.count.format(0) == "0")
  }

  @Test("ticks carry no zeros that say nothing")
  func ticks() {
    #expect(Quantity.duration.tick(1000) == "1 µs")
    #expect(Quantity.duration.tick(500) == "500 ns")
    #expect(Quantity.throughput.tick(268_435_456) == "256 MiB/s")
  }

  @Test("figures beyond all bounds do not trap", arguments: [Double.infinity, .nan, 1e300, -1e300])
  func extremes(value: Double) {
    for quantity in [Quantity.duration, .rate, .throughput, .bytes, .count] {
      #expect(!quantity.format(value).isEmpty)
    }
  }
}
