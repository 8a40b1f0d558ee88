internal import FoundationEssentials
internal import Glibc
public import LabResults

/// Writes a result document in its formats, and reads it back.
public enum ReportWriter {
  /// A file of a report that is not written yet.
  public struct RenderedFile: Sendable, Equatable {
    /// The file's name, without a directory.
    public var name: String
    /// The file's content.
    public var content: String
  }

  /// Renders a document in one format, without touching the file system.
  ///
  /// - Throws: ``ReportError/Code/notEncodable`` for a figure that JSON cannot hold.
  public static func render(
    _ document: ResultDocument, as format: ReportFormat
  ) throws(ReportError) -> [RenderedFile] {
    let contents: [String] =
      switch format {
      case .html: [HTMLReport(document).render()]
      case .md: [MarkdownReport(document).render()]
      case .csv:
        [CSVReport.results(document), CSVReport.trials(document), CSVReport.features(document)]
      case .json: [try json(document)]
      }
    return zip(format.fileNames, contents).map { RenderedFile(name: $0, content: $1) }
  }

  /// Writes a report into a directory, which is created when it is missing.
  ///
  /// Everything is rendered before anything is written, and every file appears under its name
  /// complete or not at all: it is written beside it and renamed.
  ///
  /// - Parameters:
  ///   - document: What to report.
  ///   - directory: Where; files of an earlier report there are replaced.
  ///   - formats: The formats to write.
  /// - Returns: The paths of the files, in the order they were written.
  /// - Throws: ``ReportError/Code/cannotWrite``, ``ReportError/Code/notEncodable``.
  @discardableResult
  public static func write(
    _ document: ResultDocument, to directory: String,
    formats: [ReportFormat] = ReportFormat.allCases
  ) throws(ReportError) -> [String] {
    var files: [RenderedFile] = []
    for format in ReportFormat.allCases where formats.contains(format) {
      files += try render(document, as: format)
    }
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true)
    } catch {
      throw ReportError(
        .cannotWrite, path: directory,
        problem: "The directory cannot be created: \(reason(error)).",
        remedy: "Name a directory that you may write to.")
    }
    var paths: [String] = []
    for file in files {
      let path = directory.hasSuffix("/") ? directory + file.name : "\(directory)/\(file.name)"
      try replace(path, with: file.content)
      paths.append(path)
    }
    return paths
  }

  /// The document as JSON: keys sorted, so that equal documents are equal files.
  static func json(_ document: ResultDocument) throws(ReportError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
    } catch {
      throw ReportError(
        .notEncodable, path: ReportFormat.documentFileName,
        problem: "A figure has no JSON form: \(error).",
        remedy: "This is a defect of the measurement; please report it with the command line.")
    }
  }

  private static func replace(_ path: String, with content: String) throws(ReportError) {
    let temporary = "\(path).\(getpid()).tmp"
    do {
      try Data(content.utf8).write(to: URL(filePath: temporary, directoryHint: .notDirectory))
    } catch {
      _ = unsafe unlink(temporary)
      throw ReportError(
        .cannotWrite, path: path, problem: "The file cannot be written: \(reason(error)).",
        remedy: "Check the directory's permissions and the free space.")
    }
    guard unsafe rename(temporary, path) == 0 else {
      let code = errno
      _ = unsafe unlink(temporary)
      throw ReportError(
        .cannotWrite, path: path, problem: "The file cannot be put in place: \(message(code)).",
        remedy: "Remove what has that name, or write to another directory.")
    }
  }

  /// The system's own words where there are some, and else the error's.
  package static func reason(_ error: any Error) -> String {
    guard let cocoa = error as? CocoaError else { return "\(error)" }
    guard let system = cocoa.underlying as? POSIXError else { return "\(cocoa.code)" }
    return message(system.code.rawValue)
  }

  private static func message(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
  }
}
