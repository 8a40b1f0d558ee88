import Foundation
import LabResults
import Testing

@testable import LabReport

/// A directory that goes away with the value's last use, unless somebody named one to look at.
struct Scratch: ~Copyable {
  let path: String
  private let isKept: Bool

  /// - Parameter variable: An environment variable that names a directory to keep instead.
  init(orKeptIn variable: String = "") {
    let named = ProcessInfo.processInfo.environment[variable]
    isKept = named != nil
    path = named ?? NSTemporaryDirectory() + "ipclab-report-\(UUID().uuidString)"
  }

  deinit {
    if !isKept { try? FileManager.default.removeItem(atPath: path) }
  }
}

@Suite("The page")
struct PageTests {
  /// With `IPCLAB_SAMPLE_REPORT=DIR` the report stays in DIR, to be looked at.
  @Test("a full run gives every file of every format")
  func writesEverything() throws {
    let scratch = Scratch(orKeptIn: "IPCLAB_SAMPLE_REPORT")
    let document = SampleDocument.make()
    let paths = try ReportWriter.write(document, to: scratch.path)
    #expect(
      paths.map { ($0 as NSString).lastPathComponent } == [
        "report.html", "report.md", "results.csv", "trials.csv", "features.csv", "results.json",
      ])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch.path).count == paths.count,
      "temporary files stay behind")
    #expect(try ReportWriter.load(path: scratch.path) == document)
    let text = TerminalSummary.render(document)
    print(text)
  }
}
