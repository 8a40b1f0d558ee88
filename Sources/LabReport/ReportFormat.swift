/// A rendering of the result document.
public enum ReportFormat: String, CaseIterable, Sendable {
  /// One self-contained page with the charts and the feature matrix.
  case html
  /// Tables and the list of disagreements, for a pull request or a terminal pager.
  case md
  /// One row per cell, per trial and per feature, in three files.
  case csv
  /// The document itself, from which every other format can be made again.
  case json

  /// The names of the files that the format consists of.
  public var fileNames: [String] {
    switch self {
    case .html: ["report.html"]
    case .md: ["report.md"]
    case .csv: ["results.csv", "trials.csv", "features.csv"]
    case .json: [Self.documentFileName]
    }
  }

  /// The file that ``ReportWriter/load(path:)`` looks for in a directory.
  static let documentFileName = "results.json"
}
