import Foundation
import LabResults
import Testing

@testable import LabReport

@Suite("The page")
struct PageTests {
  private let sample = SampleDocument.make()

  private func page(_ document: ResultDocument) throws -> PageReader {
    let page = PageReader.read(HTMLReport(document).render())
    try #require(page.problem == nil, "the page is not well formed")
    return page
  }

  private func section(_ id: String, of document: ResultDocument) throws -> String {
    try #require(
      try page(document).all("section").first { $0.attributes["id"] == id }, "no section \(id)"
    ).text
  }

  @Test("a full run gives a well-formed page with its sections in order")
  func sections() throws {
    let page = try page(sample)
    #expect(
      page.all("section").map { $0.attributes["id"] } == [
        "needs", "summary", "latency", "throughput", "percentiles", "cost", "other", "features",
        "noise", "environment", "method", "mechanisms",
      ])
    let ids = page.elements.compactMap { $0.attributes["id"] }
    #expect(Set(ids).count == ids.count, "an id is used twice")
    for link in page.all("a") {
      let target = try #require(link.attributes["href"])
      #expect(target.hasPrefix("#") && ids.contains(String(target.dropFirst())), "\(target)")
    }
  }

  @Test("an empty document gives a well-formed page that says why there are no charts")
  func emptyDocument() throws {
    let page = try page(Fixture.empty)
    #expect(page.all("svg").isEmpty)
    for id in ["latency", "throughput", "percentiles", "cost", "other", "features", "noise"] {
      let section = try section(id, of: Fixture.empty)
      #expect(section.contains("No "), "\(id): \(section)")
    }
  }

  @Test("a page loads nothing and runs nothing")
  func selfContained() {
    let source = HTMLReport(sample).render()
    for forbidden in ["http:", "https:", "url(", "@import", "<script", "<link", "<img", "src="] {
      #expect(!source.contains(forbidden), "\(forbidden)")
    }
  }

  @Test("every picture has a role, a title, a description and its figures in a table")
  func textAlternatives() throws {
    let page = try page(sample)
    let pictures = page.all("svg")
    // Two placements of latency, throughput and percentiles, of four costs and of three scenarios.
    #expect(pictures.count == 2 * 3 + 2 * 4 + 2 * 3)
    var texts: [String: String] = [:]
    for element in page.elements {
      if let id = element.attributes["id"] { texts[id] = element.text }
    }
    for picture in pictures {
      #expect(picture.attributes["role"] == "img")
      let names = (picture.attributes["aria-labelledby"] ?? "").split(separator: " ")
      #expect(names.count == 2)
      for name in names { #expect(texts[String(name)]?.isEmpty == false, "\(name) is empty") }
    }
    let tables = page.all("table").filter { $0.parents.contains("figure") }
    #expect(tables.count == pictures.count)
  }

  @Test("text from the document is never markup")
  func escaping() throws {
    let evil = "<script>alert('&\"1')</script>\u{0}\u{1B}[31m\u{202E}]]>"
    var document = Fixture.echoes([
      (Fixture.mechanism("a\(evil)"), [100, 110]), (Fixture.mechanism("b"), [300, 310]),
    ])
    document.run.build = evil
    document.run.startedAt = evil
    document.run.commandLine = ["ipclab", evil]
    document.run.isPartial = true
    document.run.partialReason = evil
    document.environment.kernel = evil
    document.environment.settings = [.init(name: evil, value: evil)]
    document.environment.warnings = [evil]
    document.mechanisms[0].title = evil
    document.mechanisms[0].family = evil
    document.mechanisms[0].sources = ["javascript:\(evil)"]
    document.scenarios[0].title = evil
    document.scenarios[0].summary = evil
    document.cells.append(
      Cell(
        mechanism: "b", scenario: "echo", placement: evil, size: 64, clients: 1, status: .failed,
        reason: evil))
    document.probes = [ProbeInfo(id: "boundaries", title: evil, question: evil, method: evil)]
    document.features = [
      FeatureResult(
        probe: "boundaries", mechanism: "b", claim: evil, observed: evil, verdict: .disagrees,
        evidence: [evil])
    ]
    document.noise = NoiseGrade(
      grade: "noisy", explanation: evil,
      comparisons: [
        .init(
          mechanism: evil, scenario: evil, placement: evil, size: 1, first: 1, second: 2,
          relativeDifference: 1)
      ])
    let page = try page(document)
    #expect(page.all("script").isEmpty)
    #expect(page.all("li").contains { $0.text.contains("<script>alert('&\"1')</script>") })
    let source = HTMLReport(document).render()
    #expect(!source.unicodeScalars.contains { ["\u{0}", "\u{1B}", "\u{202E}"].contains($0) })
    #expect(!source.contains("href=\"javascript"))
  }

  @Test("a debug build, a partial run, failures and losses are said before any figure")
  func banners() throws {
    var document = Fixture.echoes([(Fixture.mechanism("a"), [100, 110, 120])])
    document.run.build = "debug"
    document.run.isPartial = true
    document.run.partialReason = "Interrupted."
    document.cells[0].trials[0].failure = "it hung"
    document.cells[0].summary?.lost = 7
    let banners = try page(document).all("p").filter {
      $0.attributes["class"]?.hasPrefix("banner") == true
    }.map(\.text)
    #expect(banners.count == 4)
    #expect(banners[0].contains("Debug build: the figures mean nothing"))
    #expect(banners[1].contains("Interrupted."))
    #expect(banners[2].contains("1 trial failed") && banners[2].contains("The a"))
    #expect(banners[3].contains("lost 7 messages"))
  }

  @Test("an experiment that failed is said before any figure")
  func brokenExperiment() {
    var document = Fixture.echoes([(Fixture.mechanism("a"), [100, 110, 120])])
    document.features = [
      FeatureResult(
        probe: "order", mechanism: "a", claim: "in order", observed: "experiment failed",
        verdict: .failed, evidence: [])
    ]
    #expect(ReportModel(document).banners.map(\.title) == ["1 experiment failed"])
  }

  @Test("a release run without incidents has no banner")
  func noBanner() throws {
    let page = try page(Fixture.echoes([(Fixture.mechanism("a"), [100, 110])]))
    #expect(!page.all("p").contains { $0.attributes["class"]?.hasPrefix("banner") == true })
  }

  @Test("a cell without figures shows its reason")
  func reasons() throws {
    var document = Fixture.echoes([(Fixture.mechanism("a"), [100, 110])])
    document.cells.append(
      Cell(
        mechanism: "a", scenario: "echo", placement: "same", size: 4096, clients: 1,
        status: .notApplicable, reason: "carries at most 100 bytes"))
    let summary = try section("summary", of: document)
    #expect(summary.contains("not applicable: carries at most 100 bytes"))
  }

  @Test("disagreements come before the matrix, and each verdict has a sign and words")
  func features() throws {
    let text = try section("features", of: sample)
    let list = try #require(text.range(of: "claims “error”, observed “nothing”"))
    let matrix = try #require(text.range(of: "Feature matrix"))
    #expect(list.lowerBound < matrix.lowerBound)
    for verdict in ["✗not as claimed", "✓as claimed", "–does not apply", "!experiment failed"] {
      #expect(text.contains(verdict), "\(verdict)")
    }
  }

  @Test("the evidence of every cell is on the page")
  func evidence() throws {
    let page = try page(sample)
    let details = page.all("details").filter {
      $0.attributes["id"]?.hasPrefix("evidence") == true
    }
    #expect(details.count == sample.probes.count)
    let steps = details.reduce(0) { $0 + $1.text.components(separatedBy: "sent 5 and 7").count - 1 }
    #expect(steps == sample.features.count { $0.evidence[0].hasPrefix("sent") })
  }

  @Test("the method names the command line and the seed")
  func reproduce() throws {
    var document = Fixture.empty
    document.run.commandLine = ["ipclab", "run", "--out", "my dir", "it's"]
    let text = try section("method", of: document)
    #expect(text.contains("ipclab run --out 'my dir' 'it'\\''s'"))
    #expect(text.contains("--seed 42"))
  }
}
