internal import FoundationEssentials
internal import Glibc
public import LabResults

extension ReportWriter {
  /// Reads the document of a report back.
  ///
  /// - Parameter path: A report's directory, or its `results.json`.
  /// - Throws: ``ReportError``, whose description says what to do.
  public static func load(path: String) throws(ReportError) -> ResultDocument {
    let file = try documentFile(at: path)
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: file, directoryHint: .notDirectory))
    } catch {
      throw ReportError(
        .unreadable, path: file, problem: "The file cannot be read: \(reason(error)).",
        remedy: "Check its permissions.")
    }
    try checkVersion(data, file)
    let document: ResultDocument
    do {
      document = try JSONDecoder().decode(ResultDocument.self, from: data)
    } catch {
      throw ReportError(
        .malformed, path: file,
        problem: "The document is incomplete: \(DecodingProblem.explain(error)).",
        remedy: "Take the file as ipclab wrote it, or run again.")
    }
    let problems = document.contradictions
    guard problems.isEmpty else {
      let shown = problems.prefix(3).joined(separator: "; ")
      let more = problems.count > 3 ? "; and \(problems.count - 3) more" : ""
      throw ReportError(
        .inconsistent, path: file, problem: "The document contradicts itself: \(shown)\(more).",
        remedy: "Somebody changed it after the run: take the original, or run again.")
    }
    return document
  }

  private static func documentFile(at path: String) throws(ReportError) -> String {
    let manager = FileManager.default
    guard manager.fileExists(atPath: path) else {
      throw ReportError(
        .notFound, path: path, problem: "There is no such file or directory.",
        remedy: "Name a report's directory, or its results.json; `ipclab run` writes both.")
    }
    guard let names = try? manager.contentsOfDirectory(atPath: path) else { return path }
    guard names.contains(ReportFormat.documentFileName) else {
      let reports = names.sorted().last {
        manager.fileExists(atPath: "\(path)/\($0)/\(ReportFormat.documentFileName)")
      }
      let remedy =
        reports.map { "Did you mean \(path)/\($0)?" }
        ?? "Write it with `ipclab run --format json`, or name another directory."
      throw ReportError(
        .noResults, path: path, problem: "The directory has no results.json.", remedy: remedy)
    }
    return "\(path)/\(ReportFormat.documentFileName)"
  }

  private struct Version: Decodable {
    var schemaVersion: Int?
  }

  private static func checkVersion(_ data: Data, _ file: String) throws(ReportError) {
    let known = ResultDocument.currentSchemaVersion
    let version: Version
    do {
      version = try JSONDecoder().decode(Version.self, from: data)
    } catch {
      if case DecodingError.typeMismatch = error {
        throw ReportError(
          .unknownSchema, path: file, problem: "This JSON is not a result document.",
          remedy: "Name the results.json that `ipclab run` wrote.")
      }
      let what = data.isEmpty ? "The file is empty" : "The file is not JSON, or was cut short"
      throw ReportError(
        .notJSON, path: file, problem: "\(what).",
        remedy: "Name the results.json that `ipclab run` wrote.")
    }
    guard let found = version.schemaVersion else {
      throw ReportError(
        .unknownSchema, path: file,
        problem: "This JSON has no schemaVersion, so it is not a result document.",
        remedy: "Name the results.json that `ipclab run` wrote.")
    }
    guard found == known else {
      throw ReportError(
        .unknownSchema, path: file,
        problem: "The document has schema version \(found); this ipclab reads version \(known).",
        remedy: found > known ? "Use a newer ipclab." : "Use the ipclab that wrote it.")
    }
  }
}
