internal import LabReport

/// The results as JUnit XML: a suite for every submission.
enum JUnitReport {
  static func text(_ result: ClassResult) -> String {
    let suites = result.complete.map { suite($0, result.lab) }
    let reports = result.complete.flatMap(\.reports)
    let document: Markup = """
      <?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="\(result.lab.id)" tests="\(reports.count)" \
      failures="\(reports.count { isFailure($0) })" errors="\(reports.count { isError($0) })" \
      skipped="\(reports.count { isSkipped($0) })">
      \(suites.assembled())</testsuites>

      """
    return stripped(document.source)
  }

  private static func suite(_ submission: GradedSubmission, _ lab: Lab) -> Markup {
    let reports = submission.reports
    let cases = reports.map { test($0, lab, submission.name) }
    return """
      <testsuite name="\(submission.name)" tests="\(reports.count)" \
      failures="\(reports.count { isFailure($0) })" errors="\(reports.count { isError($0) })" \
      skipped="\(reports.count { isSkipped($0) })" time="\(seconds(submission.seconds))">
      \(cases.assembled())\
      <system-out>\(SubmissionText.overall(submission, lab))</system-out>
      </testsuite>

      """
  }

  private static func test(_ report: CheckReport, _ lab: Lab, _ submission: String) -> Markup {
    let head: Markup = """
      <testcase classname="\(submission).\(lab.id)" name="\(report.id)" \
      time="\(seconds(report.seconds))">
      """
    let text = SubmissionText.plain(report)
    let body: Markup =
      if report.outcome.isPass {
        ""
      } else if isSkipped(report) {
        "<skipped message=\"\(report.outcome.phrase)\"/>"
      } else if isError(report) {
        """
        <error type="\(report.outcome.word)" message="\(report.outcome.phrase)">\(text)</error>
        """
      } else {
        """
        <failure type="\(report.outcome.word)" message="\(report.outcome.phrase)">\(text)</failure>
        """
      }
    return head + body + "</testcase>\n"
  }

  private static func isSkipped(_ report: CheckReport) -> Bool {
    if case .skipped = report.outcome { true } else { false }
  }

  private static func isError(_ report: CheckReport) -> Bool {
    report.outcome == .buildError || report.outcome.isGraderError
  }

  private static func isFailure(_ report: CheckReport) -> Bool {
    !report.outcome.isPass && !isSkipped(report) && !isError(report)
  }

  private static func seconds(_ time: Double) -> String {
    "\((time * 1000).rounded() / 1000)"
  }

  /// Control characters, which XML 1.0 forbids, have become U+FFFD on the way; here they go.
  private static func stripped(_ text: String) -> String {
    text.replacing("\u{FFFD}", with: "")
  }
}
