internal import FoundationEssentials
internal import LabReport
internal import LabResults

/// `ipclab report`: renders a result document again.
enum ReportCommand {
  static let formats = ReportFormat.allCases.map(\.rawValue)

  static let command = Command(
    name: "report", summary: "Render the results of a run again",
    help: """
      Usage: ipclab report DIR|FILE [--format html,md,csv,json] [--out DIR]

      Reads results.json and writes the report files beside it, or into the directory of --out.
      Prints the paths of the files it wrote.

      Examples:
        ipclab report Reports/reference
        ipclab report Reports/20260131-120000/results.json --format md --out /tmp/report

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words, options: ["--format", "--out"])
    guard let path = arguments.operands.first, arguments.operands.count == 1 else {
      throw UsageError(
        arguments.operands.isEmpty
          ? "which report? Such as: ipclab report Reports/reference" : "one report at a time")
    }
    let chosen = try arguments.names("--format", among: formats, kind: "format") ?? formats
    let document: ResultDocument
    do { document = try ReportWriter.load(path: path) } catch {
      throw EnvironmentError(error.description)
    }
    let directory: String
    if let out = arguments.text("--out") {
      directory = out
    } else if isDirectory(path) {
      directory = path
    } else {
      directory = URL(filePath: path).deletingLastPathComponent().path
    }
    do {
      let written = try ReportWriter.write(
        document, to: directory, formats: chosen.compactMap(ReportFormat.init(rawValue:)))
      Output.data(written.map { $0 + "\n" }.joined())
    } catch { throw EnvironmentError("\(error)") }
    return Exit.done
  }

  private static func isDirectory(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
  }
}
