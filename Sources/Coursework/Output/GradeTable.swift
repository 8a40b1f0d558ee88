internal import LabReport

/// The results as a table for a spreadsheet: a row for every submission, two columns for every check.
enum GradeTable {
  static func text(_ result: ClassResult) -> String {
    let ids = result.lab.checks.map(\.id)
    var rows = [
      ["submission", "points", "max_points", "complete", "needs_person", "seconds"]
        + ids.flatMap { ["\($0)_points", "\($0)_outcome"] } + ["build", "commands"]
    ]
    for submission in result.submissions {
      var row = [
        harmless(submission.name), Points.text(submission.points), "\(result.lab.maxPoints)",
        submission.isComplete ? "yes" : "no", submission.needsPerson ? "yes" : "no",
        Points.text(submission.seconds),
      ]
      for id in ids {
        let report = submission.reports.first { $0.id == id }
        row += [report.map { Points.text($0.earned) } ?? "", report?.outcome.phrase ?? ""]
      }
      let texts = [submission.mistake, SubmissionText.commands(submission)]
      rows.append(row + texts.map { harmless(PlainText.cleaned($0 ?? "")) })
    }
    return CSVReport.table(rows)
  }

  /// A spreadsheet takes a field that begins like this for a formula and runs it.
  private static func harmless(_ text: String) -> String {
    guard let first = text.first, "=+-@\t\r".contains(first) else { return text }
    return "'" + text
  }
}

/// Everything that is known about a batch.
struct GradeDocument: Encodable {
  var schema = 1
  var lab: Lab
  var seed: UInt64
  var started: String
  var submissions: [Row]
  var similar: [SimilarPair]

  struct Row: Encodable {
    var name: String
    var points: Double
    var maxPoints: Int
    var isComplete: Bool
    var needsPerson: Bool
    var seconds: Double
    var mistake: String?
    var commands: [String: String]?
    var reports: [CheckReport]
  }

  init(_ result: ClassResult) {
    lab = result.lab
    seed = result.plan.seed
    started = result.plan.started
    similar = result.similar
    submissions = result.submissions.map { submission in
      Row(
        name: submission.name, points: submission.points, maxPoints: result.lab.maxPoints,
        isComplete: submission.isComplete, needsPerson: submission.needsPerson,
        seconds: submission.seconds, mistake: submission.mistake,
        commands: submission.ownCommands,
        reports: submission.reports.map { report in
          var report = report
          report.points = report.earned
          return report
        })
    }
  }
}
