internal import LabResults

extension ResultDocument {
  /// What in this document cannot be as a run writes it.
  ///
  /// A report is evidence. Figures that do not follow from the trials beside them are not.
  var contradictions: [String] {
    var problems: [String] = []
    let mechanisms = Set(mechanisms.map(\.id))
    let scenarios = Set(scenarios.map(\.id))
    if mechanisms.count != self.mechanisms.count { problems.append("a mechanism is listed twice") }
    if scenarios.count != self.scenarios.count { problems.append("a scenario is listed twice") }

    var places: Set<String> = []
    for cell in cells {
      if !mechanisms.contains(cell.mechanism) {
        problems.append("a cell names the unlisted mechanism `\(cell.mechanism)`")
      }
      if !scenarios.contains(cell.scenario) {
        problems.append("a cell names the unlisted scenario `\(cell.scenario)`")
      }
      if !places.insert(cell.place).inserted { problems.append("two cells for \(cell.place)") }
      problems += cell.contradictions.map { "\(cell.place): \($0)" }
    }

    let probes = Set(probes.map(\.id))
    var pairs: Set<[String]> = []
    for feature in features {
      if !probes.contains(feature.probe) {
        problems.append("a feature names the unlisted probe `\(feature.probe)`")
      }
      if !mechanisms.contains(feature.mechanism) {
        problems.append("a feature names the unlisted mechanism `\(feature.mechanism)`")
      }
      if !pairs.insert([feature.probe, feature.mechanism]).inserted {
        problems.append("two results of `\(feature.probe)` on `\(feature.mechanism)`")
      }
    }
    if !run.isPartial {
      let missing = cells.count { $0.status == .notReached }
      if missing > 0 { problems.append("a complete run did not reach \(missing) cells") }
    }
    return problems
  }
}

extension Cell {
  fileprivate var place: String {
    "\(mechanism)/\(scenario)/\(placement)/\(size) B/\(clients) clients"
  }

  fileprivate var contradictions: [String] {
    guard size >= 0, clients >= 0, trials.allSatisfy({ $0.count >= 0 && $0.lost >= 0 }) else {
      return ["a negative size or count"]
    }
    let good = goodTrials
    guard status == .measured else {
      return summary == nil && good.isEmpty ? [] : ["figures in a cell that is not measured"]
    }
    guard let summary else { return ["measured, and without a summary"] }
    guard summary.trials == good.count else {
      return ["a summary of \(summary.trials) trials beside \(good.count) successful ones"]
    }
    guard !good.isEmpty else { return ["measured, and without a successful trial"] }
    var problems: [String] = []
    func check(_ name: String, _ spread: Spread?, _ figures: [Double]) {
      guard let spread else { return }
      if !spread.follows(from: figures) {
        problems.append("\(name) does not follow from the trials")
      }
    }
    check(
      "the median latency", summary.p50, good.compactMap { ($0.latency?.p50).map { Double($0) } })
    check("messages per second", summary.messagesPerSecond, good.map(\.messagesPerSecond))
    check("bytes per second", summary.bytesPerSecond, good.map(\.bytesPerSecond))
    for (name, spread) in [
      ("processor time", summary.cpuNanosecondsPerMessage),
      ("switches", summary.switchesPerMessage),
    ] where !(spread.low <= spread.median && spread.median <= spread.high && spread.low >= 0) {
      problems.append("\(name) has its median outside of its range")
    }
    return problems
  }
}

extension Spread {
  /// Whether this is the range of the figures, with a median between the two in the middle.
  fileprivate func follows(from figures: [Double]) -> Bool {
    let sorted = figures.sorted()
    guard let first = sorted.first, let last = sorted.last else { return false }
    func about(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-6 * max(abs(a), abs(b)) }
    let (below, above) = (sorted[(sorted.count - 1) / 2], sorted[sorted.count / 2])
    let inMiddle =
      (below <= median && median <= above) || about(median, below) || about(median, above)
    return first >= 0 && about(low, first) && about(high, last) && inMiddle
  }
}
