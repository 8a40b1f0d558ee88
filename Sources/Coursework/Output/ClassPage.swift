internal import LabReport

/// The class page: how a lab went, for the instructor.
struct ClassPage {
  private let summary: ClassSummary
  private let result: ClassResult

  init(_ result: ClassResult) {
    self.result = result
    summary = ClassSummary(result)
  }

  /// The colours of the outcomes in a bar. What was skipped has none: it is what is missing of a bar.
  private static let colours: [String: Markup] = [
    "pass": "f3", "fail": "f4", "timeout": "f1", "crash": "f2", "limit": "f6", "leak": "f7",
    "build error": "f5", "grader error": "f0",
  ]

  var text: String {
    let lead = [
      "\(result.complete.count) of \(result.submissions.count) submissions graded",
      "mean \(Points.text(summary.mean))", "median \(Points.text(summary.median))",
      "of \(result.lab.maxPoints) points", "seed \(result.plan.seed)", result.plan.started,
    ].joined(separator: " · ")
    var body = GradePage.section("points", "Points", histogram)
    body += GradePage.section("checks", "Checks", checks)
    body += GradePage.section("hardest", "Which checks fail most", hardest)
    body += GradePage.section("timeouts", "Who timed out", who("timeout", "Nobody timed out."))
    body += GradePage.section(
      "build", "Whose programs could not be built",
      who("build error", "Every submission could be built.", withChecks: false))
    body += GradePage.section("submissions", "Submissions", submissions)
    body += GradePage.section("similar", "Similar submissions", similar)
    body += GradePage.section("method", "How the programs were kept apart", containment)
    return GradePage.page(
      title: result.lab.heading, lead: lead, banners: summary.attention, body: body)
  }

  private var histogram: Markup {
    let bars = summary.histogram
    let most = bars.map(\.count).max() ?? 0
    return GradePage.table(
      "Submissions by points", head: ["Points", "Submissions", ""],
      rows: bars.map {
        ["\($0.label)", "\($0.count)", GradePage.bar([("f0", $0.count)], of: most)]
      })
  }

  private var checks: Markup {
    let present = ClassSummary.outcomes.filter { word in
      word == "pass" || summary.rows.contains { $0.count(word) > 0 }
    }
    let head = ["Check", "Points", "Passed", "Distribution"] + present
    let rows = summary.rows.map { row -> [Markup] in
      let parts = present.compactMap { word in
        Self.colours[word].map { ($0, row.count(word)) }
      }
      let name: Markup = "<code>\(row.item.id)</code><br>\(row.item.title)"
      return [name, "\(row.item.points)", "\(row.percent) %", GradePage.bar(parts, of: row.total)]
        + present.map { "\(row.count($0))" }
    }
    let key = present.map { word -> Markup in
      guard let colour = Self.colours[word] else { return "<span>· no bar: \(word)</span> " }
      return """
        <span class="\(colour)"><span class="key" aria-hidden="true"></span>\(word)</span> 
        """
    }
    return GradePage.table("Outcomes of every check", head: head, rows: rows)
      + "<p>\(key.assembled())</p>"
  }

  private var hardest: Markup {
    GradePage.list(
      summary.hardest.map { row in
        """
        <strong><code>\(row.item.id)</code></strong>: \(row.failed) of \(row.total) did not pass. \
        \(row.item.explain)
        """
      }, none: "Every check passes everywhere.")
  }

  private func link(_ submission: GradedSubmission) -> Markup {
    "<a href=\"submissions/\(Self.path(submission.name))/report.html\">\(submission.name)</a>"
  }

  /// A name as a part of a link.
  private static func path(_ name: String) -> String {
    name.utf8.map { byte in
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
        || (0x61...0x7A).contains(byte) || [0x2D, 0x2E, 0x5F].contains(byte)
      if isPlain { return String(UnicodeScalar(byte)) }
      return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
  }

  private func who(_ word: String, _ none: String, withChecks: Bool = true) -> Markup {
    GradePage.list(
      summary.submissions(with: word).map { submission, checks in
        withChecks
          ? "\(link(submission)): \(checks.joined(separator: ", "))" : link(submission)
      }, none: none)
  }

  private var submissions: Markup {
    GradePage.table(
      "Every submission", head: ["Submission", "Points", "Passed", "Not passed", "Seconds"],
      rows: result.submissions.map { submission in
        guard submission.isComplete else {
          return ["\(submission.name)", "", "", "not graded yet", ""]
        }
        let failed = submission.reports.filter { !$0.outcome.isPass }
        let words =
          submission.mistake == nil
          ? failed.map { "\($0.id): \($0.outcome.word)" }.joined(separator: ", ") : "build error"
        return [
          link(submission), "\(Points.text(submission.points))",
          "\(submission.reports.count - failed.count) of \(submission.reports.count)", "\(words)",
          "\(Points.text(submission.seconds))",
        ]
      })
  }

  private var similar: Markup {
    let note: Markup = "<p>\(Similarity.warning)</p>\n"
    if result.similar.isEmpty { return note + "<p class=\"empty\">No pair stands out.</p>" }
    return note
      + GradePage.table(
        "Pairs with much in common", head: ["Pair", "In common", "Longest passages"],
        rows: result.similar.map { pair in
          let passages = pair.passages.map { passage -> Markup in
            "\(passage.one) and \(passage.other), \(passage.lines) lines"
          }
          return [
            "\(pair.one) and \(pair.other)", "\(Int((pair.share * 100).rounded())) %",
            passages.assembled(separator: "<br>"),
          ]
        })
  }

  private var containment: Markup {
    GradePage.list(
      summary.containments.map { "\($0)" }, none: "No check has said so.")
  }
}

/// The page of one submission.
struct SubmissionPage {
  private let submission: GradedSubmission
  private let lab: Lab

  init(_ submission: GradedSubmission, _ lab: Lab) {
    self.submission = submission
    self.lab = lab
  }

  var text: String {
    let rows = submission.reports.map { report -> [Markup] in
      [
        "<code>\(report.id)</code>", "\(lab.check(report.id)?.title ?? "")",
        "\(report.outcome.phrase)",
        "\(Points.text(report.earned)) of \(Points.text(report.maxPoints))",
      ]
    }
    var body = GradePage.table(
      "Checks", head: ["Check", "What must be so", "Outcome", "Points"], rows: rows)
    if let commands = SubmissionText.commands(submission) {
      body += GradePage.section(
        "commands", "What the programs are, as its ipclab.json says", "<p>\(commands)</p>")
    }
    if let mistake = submission.mistake {
      body += GradePage.section("build", "What the build says", "<pre>\(mistake)</pre>")
    } else {
      for (index, report) in submission.reports.enumerated() where !report.outcome.isPass {
        body += GradePage.section(
          "check-\(index + 1)", report.id,
          "<p>\(lab.check(report.id)?.explain ?? "")</p><pre>\(SubmissionText.plain(report))</pre>")
      }
    }
    return GradePage.page(
      title: submission.name, lead: SubmissionText.summary(submission, lab), banners: [],
      body: body)
  }
}
