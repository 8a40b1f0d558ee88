internal import LabResults

/// An outcome in words: who, with which figure, and what that is worth.
struct OutcomeWords: Equatable {
  /// The mechanism or mechanisms, or a dash.
  var who: String
  /// The figure with its range; empty when there is none.
  var figure: String
  /// The comparison with the others.
  var remark: String

  /// Everything in one line.
  var line: String {
    [who, figure, remark].filter { !$0.isEmpty }.joined(separator: ", ")
  }
}

extension ReportModel {
  /// How many tied mechanisms are named; the rest are counted.
  private static let namedInTie = 4

  /// Puts an outcome into words.
  ///
  /// - Parameter name: What to call a mechanism: its title in a page, its id in a terminal.
  func words(
    _ outcome: Outcome, for need: Need, waiting: Waiting, name: (String) -> String
  ) -> OutcomeWords {
    let metric = need.metric
    func figure(_ standing: Standing) -> String {
      standing.trials > 1
        ? "\(metric.format(standing.spread)) (\(metric.range(standing.spread)))"
        : metric.format(standing.spread)
    }
    func ahead(_ best: Standing, _ second: Standing) -> String {
      let lead = Self.lead(of: best, over: second, lower: metric.lowerIsBetter)
      // Nothing is infinitely better; a zero median leaves only the two figures to compare.
      let factor = lead.isFinite ? "\(Quantity.factor(lead)) ahead of" : "ahead of"
      return "\(factor) \(name(second.mechanism)) (\(metric.format(second.spread)))"
    }
    switch outcome {
    case .noFigures(let why):
      return OutcomeWords(who: "–", figure: "", remark: why)
    case .only(let standing):
      return OutcomeWords(
        who: name(standing.mechanism), figure: figure(standing),
        remark: "the only \(waiting.word) mechanism with a figure")
    case .clear(let winner, let runnerUp):
      return OutcomeWords(
        who: name(winner.mechanism), figure: figure(winner), remark: ahead(winner, runnerUp))
    case .tie(let standings, let why):
      let named = standings.prefix(Self.namedInTie).map {
        "\(name($0.mechanism)) \(metric.format($0.spread))"
      }
      let more = standings.count - named.count
      return OutcomeWords(
        who: "no clear winner", figure: "",
        remark: named.joined(separator: " · ") + (more > 0 ? " and \(more) more" : "") + ": \(why)")
    case .singleTrial(let leader, let runnerUp):
      return OutcomeWords(
        who: name(leader.mechanism), figure: figure(leader),
        remark: "\(ahead(leader, runnerUp)); a single trial shows no spread, so not a finding")
    }
  }
}
