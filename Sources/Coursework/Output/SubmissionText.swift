internal import LabReport

/// What a student reads about a graded submission.
enum SubmissionText {
  /// One line: points, and what a person has still to look at.
  static func summary(_ submission: GradedSubmission, _ lab: Lab) -> String {
    let passed = submission.reports.count(where: \.outcome.isPass)
    var text = "\(lab.heading): \(Points.text(submission.points)) of \(lab.maxPoints) points, "
    text += "\(passed) of \(lab.checks.count) checks passed."
    return text + remarks(submission)
  }

  /// What there is to say besides the figures, each sentence after a blank.
  private static func remarks(_ submission: GradedSubmission) -> String {
    var text = ""
    if submission.mistake != nil {
      text += " The programs could not be built; no check could run."
    }
    if submission.needsPerson {
      text += " The grader itself failed at a check; its points count as earned until a person has "
      text += "looked."
    }
    return text
  }

  /// What is said about the whole submission: points, and why it could not be built.
  ///
  /// - Parameter figures: Whether points and numbers of checks may be told.
  static func overall(
    _ submission: GradedSubmission, _ lab: Lab, figures: Bool = true
  ) -> String {
    let lead = figures ? summary(submission, lab) : lab.heading + "." + remarks(submission)
    let mistake = submission.mistake.map { "\n\nWhat the build says\n\n" + $0 } ?? ""
    return PlainText.cleaned(lead + mistake)
  }

  /// The programs that the submission names itself, such as “copy is python3 copy.py”; `nil` when it
  /// names none.
  static func commands(_ submission: GradedSubmission) -> String? {
    submission.ownCommands.map { commands in
      commands.sorted { $0.key < $1.key }.map { "\($0.key) is \($0.value)" }
        .joined(separator: "; ")
    }
  }

  /// The result of a check as plain text.
  static func plain(_ report: CheckReport) -> String {
    if report.outcome.isPass { return "" }
    return ([report.outcome.phrase] + CheckText(report).lines).map(PlainText.cleaned)
      .joined(separator: "\n")
  }

  static func markdown(_ submission: GradedSubmission, _ lab: Lab) -> String {
    var text = "# \(escaped(submission.name)): \(lab.title)\n\n\(summary(submission, lab))\n\n"
    text += "| check | outcome | points | |\n|---|---|---:|---|\n"
    for report in submission.reports {
      let title = lab.check(report.id)?.title ?? ""
      text += "| `\(report.id)` | \(escaped(report.outcome.phrase)) | "
      text +=
        "\(Points.text(report.earned))/\(Points.text(report.maxPoints)) | \(escaped(title)) |\n"
    }
    if let commands = commands(submission) {
      text += "\nIts ipclab.json says what the programs are: \(escaped(commands)).\n"
    }
    if let mistake = submission.mistake { return text + "\n" + fenced(mistake) }
    for report in submission.reports where !report.outcome.isPass {
      let body = plain(report)
      text += "\n## \(report.id)\n\n\(lab.check(report.id)?.explain ?? "")\n\n\(fenced(body))"
    }
    return text
  }

  /// A block of text that no text in it can end.
  private static func fenced(_ text: String) -> String {
    let longest = text.split(whereSeparator: { $0 != "`" }).map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return "\(fence)text\n\(PlainText.cleaned(text))\n\(fence)\n"
  }

  /// Text in which Markdown sees nothing of its own.
  static func escaped(_ text: String) -> String {
    var result = ""
    for character in PlainText.line(text) {
      if "\\`*_{}[]<>()#|!~&".contains(character) { result.append("\\") }
      result.append(character)
    }
    return result
  }
}
