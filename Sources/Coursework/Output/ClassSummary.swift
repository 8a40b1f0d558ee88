/// The figures of a class page.
struct ClassSummary {
  /// A check over all submissions.
  struct Row {
    var item: Lab.Item
    var counts: [String: Int]
    var total: Int

    func count(_ outcome: String) -> Int { counts[outcome] ?? 0 }
    var passed: Int { count(Outcome.pass.word) }
    var failed: Int { total - passed - count("grader error") }
    /// The part that passed, in whole per cent.
    var percent: Int { total == 0 ? 0 : (passed * 100 + total / 2) / total }
  }

  /// Every outcome, in the order of the tables.
  static let outcomes = [
    "pass", "fail", "timeout", "crash", "limit", "leak", "build error", "skipped", "grader error",
  ]

  let rows: [Row]
  let points: [Double]
  let result: ClassResult

  init(_ result: ClassResult) {
    self.result = result
    let complete = result.complete
    points = complete.map(\.points).sorted()
    rows = result.lab.checks.map { item in
      let outcomes = complete.compactMap { submission in
        submission.reports.first { $0.id == item.id }?.outcome.word
      }
      return Row(
        item: item, counts: Dictionary(outcomes.map { ($0, 1) }, uniquingKeysWith: +),
        total: outcomes.count)
    }
  }

  /// The checks that fail most, those first.
  var hardest: [Row] {
    Array(rows.filter { $0.failed > 0 }.sorted { $0.failed > $1.failed }.prefix(5))
  }

  /// How many submissions have 0 to 9 per cent, 10 to 19 and so on; the last is 90 to 100.
  var histogram: [(label: String, count: Int)] {
    let most = Double(max(1, result.lab.maxPoints))
    var counts = [Int](repeating: 0, count: 10)
    for value in points { counts[min(9, max(0, Int(value / most * 10)))] += 1 }
    return counts.enumerated().map { index, count in
      ("\(index * 10) to \(index == 9 ? 100 : index * 10 + 9) %", count)
    }
  }

  var mean: Double { points.isEmpty ? 0 : points.reduce(0, +) / Double(points.count) }

  var median: Double {
    if points.isEmpty { return 0 }
    let middle = points.count / 2
    return points.count % 2 == 1 ? points[middle] : (points[middle - 1] + points[middle]) / 2
  }

  /// Submissions with an outcome of this word, and at which checks.
  func submissions(with word: String) -> [(submission: GradedSubmission, checks: [String])] {
    result.complete.compactMap { submission in
      let checks = submission.reports.filter { $0.outcome.word == word }.map(\.id)
      return checks.isEmpty ? nil : (submission, checks)
    }
  }

  /// The ways in which programs were kept apart, which are all the same unless something is odd.
  var containments: [String] {
    Set(result.complete.flatMap { $0.reports.map(\.containment) }.filter { !$0.isEmpty }).sorted()
  }

  /// What somebody has to look at, in sentences.
  var attention: [String] {
    var lines: [String] = []
    let open = result.submissions.count - result.complete.count
    if open > 0 {
      lines.append("\(open) of \(result.submissions.count) submissions are not graded yet.")
    }
    for (submission, checks) in submissions(with: "grader error") {
      lines.append(
        "\(submission.name): the grader itself failed at \(checks.joined(separator: ", ")). "
          + "The points count as earned; grade it again or look at it.")
    }
    let named = Dictionary(
      grouping: result.complete.filter { $0.ownCommands != nil },
      by: { SubmissionText.commands($0) ?? "" })
    for (commands, submissions) in named.sorted(by: { $0.key < $1.key }) {
      lines.append(
        "\(commands), says ipclab.json of \(submissions.map(\.name).joined(separator: ", ")). See "
          + "that these programs are their authors’ own.")
    }
    return lines
  }
}
