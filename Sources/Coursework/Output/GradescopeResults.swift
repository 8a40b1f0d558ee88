/// The `results.json` of a Gradescope autograder.
enum GradescopeResults {
  private struct Document: Encodable {
    var score: Double
    var execution_time: Int
    var output: String
    var output_format = "text"
    var visibility = "visible"
    var tests: [Test]
  }

  private struct Test: Encodable {
    var score: Double
    var max_score: Double
    var status: String
    var name: String
    var name_format = "text"
    var number: String
    var output: String
    var output_format = "text"
    var visibility: String
  }

  /// The file for one submission. What students' programs wrote is plain text in it, never HTML.
  static func text(_ submission: GradedSubmission, _ lab: Lab) throws -> String {
    let tests = submission.reports.enumerated().map { index, report in
      let item = lab.check(report.id)
      return Test(
        score: report.earned,
        max_score: report.maxPoints, status: report.outcome.isPass ? "passed" : "failed",
        name: "\(report.id): \(item?.title ?? "")", number: "\(index + 1)",
        output: SubmissionText.plain(report),
        visibility: item?.hidden == true ? "after_published" : "visible")
    }
    // This text is visible at once: its figures would tell what the hidden checks said.
    let hides = lab.checks.contains { $0.hidden == true }
    return try JSONFile.encode(
      Document(
        score: submission.points, execution_time: Int(submission.seconds.rounded(.up)),
        output: SubmissionText.overall(submission, lab, figures: !hides), tests: tests))
  }
}
