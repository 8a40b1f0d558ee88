import Foundation
import LabResults
import TestSupport
import Testing

@testable import LabReport

@Suite("Writing and reading")
struct WriterTests {
  /// With `IPCLAB_SAMPLE_REPORT=DIR` the report stays in DIR, to be looked at.
  @Test("a full run gives every file of every format, and reads back as it was")
  func writesEverything() throws {
    let scratch = try Scratch()
    let path = ProcessInfo.processInfo.environment["IPCLAB_SAMPLE_REPORT"] ?? scratch.path
    let document = SampleDocument.make()
    let paths = try ReportWriter.write(document, to: path)
    #expect(
      paths.map { ($0 as NSString).lastPathComponent } == [
        "report.html", "report.md", "results.csv", "trials.csv", "features.csv", "results.json",
      ])
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
    #expect(!names.contains { $0.hasSuffix(".tmp") }, "a temporary file stays behind")
    #expect(try ReportWriter.load(path: path) == document)
    #expect(try ReportWriter.load(path: path + "/results.json") == document)
  }

  @Test("only the formats that are asked for are written")
  func formats() throws {
    let scratch = try Scratch()
    let directory = scratch.path + "/a/b/"
    let paths = try ReportWriter.write(Fixture.empty, to: directory, formats: [.json, .md])
    #expect(paths == [directory + "report.md", directory + "results.json"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 2)
  }

  @Test("an earlier report is replaced")
  func replaces() throws {
    let scratch = try Scratch()
    try ReportWriter.write(SampleDocument.make(), to: scratch.path, formats: [.json])
    try ReportWriter.write(Fixture.empty, to: scratch.path, formats: [.json])
    #expect(try ReportWriter.load(path: scratch.path) == Fixture.empty)
  }

  @Test("a document with nothing in it is written in every format and reads back")
  func emptyDocument() throws {
    let scratch = try Scratch()
    try ReportWriter.write(Fixture.empty, to: scratch.path)
    #expect(try ReportWriter.load(path: scratch.path) == Fixture.empty)
  }

  @Test("numbers at the ends of their types survive")
  func extremes() throws {
    let scratch = try Scratch()
    var document = Fixture.echoes([(Fixture.mechanism("a"), [1, 3])])
    document.run.seed = .max
    document.environment.memoryBytes = .max
    document.environment.timerOverheadNanoseconds = 0.1
    document.cells[0].trials[0].elapsedNanoseconds = .max
    document.cells[0].trials[0].serverUsage.userNanoseconds = .max
    document.cells[0].trials[0].serverUsage.systemNanoseconds = .max
    document.cells[0].trials[0].sequenceChecked = .max
    document.cells[0].trials[1].sequenceChecked = .max
    document.cells[0].summary?.lost = .max
    try ReportWriter.write(document, to: scratch.path)
    #expect(try ReportWriter.load(path: scratch.path) == document)
  }

  @Test("equal documents are equal files with sorted keys")
  func stable() throws {
    let json = try ReportWriter.json(SampleDocument.make())
    #expect(try ReportWriter.json(SampleDocument.make()) == json)
    let keys = json.split(separator: "\n").filter { $0.hasPrefix("  \"") }
    #expect(keys.count == 9 && keys == keys.sorted())
  }

  @Test("a figure without a JSON form is refused and nothing is written")
  func notEncodable() throws {
    let scratch = try Scratch()
    var document = Fixture.empty
    document.environment.timerOverheadNanoseconds = .infinity
    let error = #expect(throws: ReportError.self) {
      try ReportWriter.write(document, to: scratch.path + "/new")
    }
    #expect(error?.code == .notEncodable)
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/new"))
  }

  @Test("a file in the place of the directory is an error that names it")
  func cannotWrite() throws {
    let scratch = try Scratch()
    let file = scratch.path + "/file"
    try Data().write(to: URL(filePath: file))
    let error = #expect(throws: ReportError.self) {
      try ReportWriter.write(Fixture.empty, to: file)
    }
    #expect(error?.code == .cannotWrite && error?.path == file)
  }

  @Test("a directory under a file's name is an error and leaves no temporary file")
  func cannotReplace() throws {
    let scratch = try Scratch()
    try FileManager.default.createDirectory(
      atPath: scratch.path + "/results.json/x", withIntermediateDirectories: true)
    let error = #expect(throws: ReportError.self) {
      try ReportWriter.write(Fixture.empty, to: scratch.path, formats: [.json])
    }
    #expect(error?.code == .cannotWrite)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["results.json"])
  }
}

@Suite("Reading what is not a document")
struct LoadErrorTests {
  private func error(reading content: String) throws -> ReportError? {
    let scratch = try Scratch()
    try Data(content.utf8).write(to: URL(filePath: scratch.path + "/results.json"))
    return #expect(throws: ReportError.self) { try ReportWriter.load(path: scratch.path) }
  }

  @Test("a path that names nothing")
  func missing() {
    let error = #expect(throws: ReportError.self) {
      try ReportWriter.load(path: "/nonexistent/report")
    }
    #expect(error?.code == .notFound)
    #expect(error?.description.contains("ipclab run") == true)
  }

  @Test("a directory without a document, with the report inside it offered")
  func noResults() throws {
    let scratch = try Scratch()
    try ReportWriter.write(Fixture.empty, to: scratch.path + "/2025", formats: [.json])
    let error = #expect(throws: ReportError.self) { try ReportWriter.load(path: scratch.path) }
    #expect(error?.code == .noResults)
    #expect(error?.remedy == "Did you mean \(scratch.path)/2025?")
  }

  @Test("what is not JSON", arguments: ["", "# Report", "{\"schemaVersion\": 1,"])
  func notJSON(content: String) throws {
    #expect(try error(reading: content)?.code == .notJSON)
  }

  @Test("JSON of something else", arguments: ["[]", "{}", "3", "{\"schemaVersion\": \"1\"}"])
  func otherJSON(content: String) throws {
    #expect(try error(reading: content)?.code == .unknownSchema)
  }

  @Test("a newer schema")
  func newer() throws {
    let error = try error(reading: "{\"schemaVersion\": 99}")
    #expect(error?.code == .unknownSchema)
    #expect(error?.description.contains("version 99; this ipclab reads version 1") == true)
    #expect(error?.remedy == "Use a newer ipclab.")
  }

  @Test("a missing field is named with its place")
  func malformed() throws {
    let json = try ReportWriter.json(Fixture.echoes([(Fixture.mechanism("a"), [1, 2])]))
    let error = try error(
      reading: json.replacingOccurrences(of: "\"clients\" : 1,", with: ""))
    #expect(error?.code == .malformed)
    #expect(error?.problem.contains("`clients` is missing at cells[0]") == true)
  }

  @Test("control characters of a path do not reach the terminal")
  func hostilePath() {
    let error = ReportError(.notFound, path: "a\u{1B}[2J", problem: "p.", remedy: "r.")
    #expect(!error.description.contains("\u{1B}"))
  }

  private static let tampering: [(String, @Sendable (inout ResultDocument) -> Void)] = [
    ("a better median", { $0.cells[0].summary?.p50?.median = 50 }),
    ("a narrower range", { $0.cells[0].summary?.p50?.high = 150 }),
    ("a higher rate", { $0.cells[0].summary?.messagesPerSecond.high *= 2 }),
    ("a trial taken out", { $0.cells[0].trials.removeLast() }),
    ("a trial turned bad", { $0.cells[0].trials[0].failure = "no" }),
    ("no summary", { $0.cells[0].summary = nil }),
    ("a cell twice", { $0.cells.append($0.cells[0]) }),
    ("an unlisted mechanism", { $0.mechanisms.removeFirst() }),
    ("an unlisted scenario", { $0.scenarios = [] }),
    ("a mechanism twice", { $0.mechanisms.append($0.mechanisms[0]) }),
    ("figures where there are none", { $0.cells[0].status = .notApplicable }),
    ("a hole in a complete run", { $0.cells[1] = Self.unreached($0.cells[1]) }),
    ("a negative size", { $0.cells[0].size = -1 }),
    ("cost outside of its range", { $0.cells[0].summary?.cpuNanosecondsPerMessage.low = 1e9 }),
    ("a feature of no probe", { $0.probes = [] }),
    ("a feature twice", { $0.features.append($0.features[0]) }),
  ]

  private static func unreached(_ cell: Cell) -> Cell {
    Cell(
      mechanism: cell.mechanism, scenario: cell.scenario, placement: cell.placement,
      size: cell.size, clients: cell.clients, status: .notReached)
  }

  private func untouched() -> ResultDocument {
    var document = Fixture.echoes([
      (Fixture.mechanism("a"), [100, 200, 300, 400]), (Fixture.mechanism("b"), [5, 6]),
    ])
    document.probes = [ProbeInfo(id: "order", title: "", question: "", method: "")]
    document.features = [
      FeatureResult(
        probe: "order", mechanism: "a", claim: "", observed: "", verdict: .agrees, evidence: [])
    ]
    return document
  }

  @Test("a document that contradicts itself", arguments: tampering.map(\.0))
  func tampered(name: String) throws {
    let change = try #require(Self.tampering.first { $0.0 == name }).1
    var document = untouched()
    #expect(document.contradictions == [])
    change(&document)
    #expect(try error(reading: ReportWriter.json(document))?.code == .inconsistent)
  }

  @Test("a partial run with cells that were not reached is a document")
  func partial() throws {
    let scratch = try Scratch()
    var document = untouched()
    document.cells[1] = Self.unreached(document.cells[1])
    document.run.isPartial = true
    try ReportWriter.write(document, to: scratch.path, formats: [.json])
    #expect(try ReportWriter.load(path: scratch.path) == document)
  }
}
