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
      let figure = metric.format(second.spread)
      return "\(lead(of: best, over: second, in: need)) \(name(second.mechanism)) (\(figure))"
    }
    switch outcome {
    case .noFigures(let why):
      return OutcomeWords(who: "–", figure: "", remark: why)
    case .only(let standing):
      return OutcomeWords(
        who: name(standing.mechanism), figure: figure(standing),
        remark: "the only \(waiting.word) mechanism with a usable figure")
    case .clear(let winner, let runnerUp):
      return OutcomeWords(
        who: name(winner.mechanism), figure: figure(winner), remark: ahead(winner, runnerUp))
    case .tie(let standings, let why):
      return OutcomeWords(
        who: "no clear winner", figure: "",
        remark: "\(list(standings, in: need, name: name)): \(why)")
    case .singleTrial(let leader, let runnerUp):
      return OutcomeWords(
        who: name(leader.mechanism), figure: figure(leader),
        remark: "\(ahead(leader, runnerUp)); a single trial shows no spread, so not a finding")
    }
  }

  /// Puts an outcome into few words, without ranges and reasons.
  func brief(_ outcome: Outcome, for need: Need, waiting: Waiting) -> String? {
    func figure(_ standing: Standing) -> String {
      "\(standing.mechanism) \(need.metric.format(standing.spread))"
    }
    switch outcome {
    case .noFigures: return nil
    case .only(let standing):
      return figure(standing) + (only(waiting) == nil ? ", the only one with a figure" : "")
    case .clear(let winner, let second):
      return "\(figure(winner)), \(lead(of: winner, over: second, in: need)) \(second.mechanism)"
    case .tie(let standings, _):
      return "no clear winner: \(list(standings, in: need, name: { $0 }))"
    case .singleTrial(let leader, _): return "\(figure(leader)) in a single trial"
    }
  }

  /// The mechanism that is the only one of the run to wait like this: there is nothing to compare it
  /// with, whatever the need.
  func only(_ waiting: Waiting) -> String? {
    let ids = mechanisms.filter { Waiting($0) == waiting }.map(\.id)
    return ids.count == 1 ? ids[0] : nil
  }

  private func lead(of best: Standing, over second: Standing, in need: Need) -> String {
    let lead = Self.lead(of: best, over: second, lower: need.metric.lowerIsBetter)
    // Nothing is infinitely better; a zero median leaves only the two figures to compare.
    return lead.isFinite ? "\(Quantity.factor(lead)) ahead of" : "ahead of"
  }

  private func list(_ standings: [Standing], in need: Need, name: (String) -> String) -> String {
    let named = standings.prefix(Self.namedInTie).map {
      "\(name($0.mechanism)) \(need.metric.format($0.spread))"
    }
    let more = standings.count - named.count
    return named.joined(separator: " · ") + (more > 0 ? " and \(more) more" : "")
  }
}
