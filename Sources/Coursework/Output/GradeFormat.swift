/// A form in which a batch's results are written.
public enum GradeFormat: String, CaseIterable, Sendable {
  /// `results.json` of every submission, as Gradescope reads it.
  case gradescope
  /// One file for continuous integration.
  case junit
  /// One row per submission, for a spreadsheet.
  case csv
  /// Everything that is known.
  case json
  /// A text for every submission and one about the class.
  case md
  /// The class page, and a page for every submission.
  case html
}

/// Writes the files of a batch.
public enum GradeWriter {
  /// Writes a batch's results in some formats.
  ///
  /// - Returns: The files about the whole class; those of a submission lie in its own folder.
  /// - Throws: ``CourseworkError`` when something cannot be written.
  @discardableResult
  public static func write(
    _ result: ClassResult, to directory: String, formats: [GradeFormat]
  ) throws -> [String] {
    var written: [String] = []
    func put(_ name: String, _ text: String) throws {
      try AtomicFile.write(text, to: "\(directory)/\(name)")
      written.append("\(directory)/\(name)")
    }
    for format in GradeFormat.allCases where formats.contains(format) {
      switch format {
      case .gradescope:
        try each(result, directory) { try ("results.json", GradescopeResults.text($0, result.lab)) }
      case .junit: try put("junit.xml", JUnitReport.text(result))
      case .csv: try put("grades.csv", GradeTable.text(result))
      case .json: try put("grades.json", JSONFile.encode(GradeDocument(result)))
      case .md:
        try each(result, directory) { ("report.md", SubmissionText.markdown($0, result.lab)) }
        try put("class.md", ClassText(result).markdown)
      case .html:
        try each(result, directory) { ("report.html", SubmissionPage($0, result.lab).text) }
        try put("index.html", ClassPage(result).text)
      }
    }
    return written
  }

  private static func each(
    _ result: ClassResult, _ directory: String,
    _ file: (GradedSubmission) throws -> (name: String, text: String)
  ) throws {
    for submission in result.complete {
      let (name, text) = try file(submission)
      let place = "\(directory)/submissions/\(submission.name)"
      try StudentFolder.createDirectory(place)
      try AtomicFile.write(text, to: "\(place)/\(name)")
    }
  }
}
