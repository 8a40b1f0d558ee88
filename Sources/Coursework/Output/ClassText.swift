/// The class page as Markdown.
struct ClassText {
  private let summary: ClassSummary
  private let result: ClassResult

  init(_ result: ClassResult) {
    self.result = result
    summary = ClassSummary(result)
  }

  var markdown: String {
    var text = "# \(result.lab.heading)\n\n"
    text += "\(result.complete.count) submissions graded, mean \(Points.text(summary.mean)), "
    text += "median \(Points.text(summary.median)) of \(result.lab.maxPoints) points. "
    text += "Seed \(result.plan.seed), begun \(result.plan.started).\n"
    text += list("For a person to look at", summary.attention.map(SubmissionText.escaped))
    text += "\n## Points\n\n| points | submissions |\n|---|---:|\n"
    for (label, count) in summary.histogram { text += "| \(label) | \(count) |\n" }
    text += "\n## Checks\n\n| check | \(ClassSummary.outcomes.joined(separator: " | ")) |\n"
    text += "|---" + String(repeating: "|---:", count: ClassSummary.outcomes.count) + "|\n"
    for row in summary.rows {
      let counts = ClassSummary.outcomes.map { "\(row.count($0))" }.joined(separator: " | ")
      text += "| `\(row.item.id)` | \(counts) |\n"
    }
    text += list(
      "Which checks fail most",
      summary.hardest.map {
        "`\($0.item.id)`: \($0.failed) of \($0.total). \(SubmissionText.escaped($0.item.title))"
      })
    text += list("Who timed out", who("timeout"))
    text += list("Whose programs could not be built", who("build error", withChecks: false))
    text += "\n## Submissions\n\n| submission | points | not passed |\n|---|---:|---|\n"
    for submission in result.complete {
      let failed = submission.reports.filter { !$0.outcome.isPass }
        .map { "\($0.id): \(SubmissionText.escaped($0.outcome.word))" }
      text += "| \(SubmissionText.escaped(submission.name)) | \(Points.text(submission.points)) | "
      text += "\(submission.mistake == nil ? failed.joined(separator: ", ") : "build error") |\n"
    }
    text += "\n## Similar submissions\n\n\(Similarity.warning)\n\n"
    if result.similar.isEmpty { return text + "No pair stands out.\n" }
    text += "| pair | in common | passages |\n|---|---:|---|\n"
    for pair in result.similar {
      let passages = pair.passages.map { "\($0.one) and \($0.other), \($0.lines) lines" }
      text += "| \(SubmissionText.escaped(pair.one)), \(SubmissionText.escaped(pair.other)) | "
      text += "\(Int((pair.share * 100).rounded())) % | "
      text += "\(SubmissionText.escaped(passages.joined(separator: "; "))) |\n"
    }
    return text
  }

  private func who(_ word: String, withChecks: Bool = true) -> [String] {
    summary.submissions(with: word).map { submission, checks in
      let name = SubmissionText.escaped(submission.name)
      return withChecks ? "\(name): \(checks.joined(separator: ", "))" : name
    }
  }

  private func list(_ title: String, _ lines: [String]) -> String {
    lines.isEmpty ? "" : "\n## \(title)\n\n" + lines.map { "- \($0)\n" }.joined()
  }
}
