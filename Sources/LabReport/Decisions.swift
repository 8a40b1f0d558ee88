internal import LabResults

/// A need that figures answer: one scenario at one size, judged by one figure.
struct Need {
  var title: String
  var scenario: String
  var size: Int
  var clients: Int
  var metric: Metric

  /// Conditions in a few words, such as `64 B, 4 clients`.
  var conditions: String {
    clients > 1 ? "\(Quantity.size(size)), \(clients) clients" : Quantity.size(size)
  }
}

/// Where one mechanism stands in a need.
struct Standing: Equatable {
  var mechanism: String
  var spread: Spread
  var trials: Int
}

/// What the figures say about a need, for one way of waiting at one placement.
enum Outcome: Equatable {
  /// No mechanism has a figure that could win.
  case noFigures(String)
  /// One mechanism has a figure; nothing to compare it with.
  case only(Standing)
  /// The winner's trials all lie beyond the others' trials.
  case clear(winner: Standing, runnerUp: Standing)
  /// The ranges overlap, or the lead is within what equal things differ by in this run.
  case tie([Standing], because: String)
  /// Somebody leads, with too few trials to know whether it means anything.
  case singleTrial(leader: Standing, runnerUp: Standing)
}

/// A mechanism that could not take part, and why.
struct LeftOut: Equatable {
  var mechanism: String
  var placement: String
  var reason: String
}

extension ReportModel {
  /// The needs that this document has scenarios for.
  var needs: [Need] {
    var needs: [Need] = []
    func add(_ title: String, _ id: String, _ metric: Metric?, large: Bool = false) {
      guard let scenario = scenario(id) else { return }
      let sizes = sizes(of: id)
      // With one size there are no large messages to tell from small ones.
      guard let size = large ? sizes.dropFirst().last : sizes.first else { return }
      // Fan-in and notify are about many clients, so the largest number of them is the need.
      guard let clients = clients(of: id).last else { return }
      needs.append(
        Need(
          title: title, scenario: id, size: size, clients: clients,
          metric: metric ?? Metric.primary(of: scenario)))
    }
    add("Lowest latency, small messages", "echo", .p50)
    // Short trials have no such percentile.
    if document.cells.contains(where: { $0.scenario == "echo" && $0.summary?.p99 != nil }) {
      add("Lowest tail latency, small messages", "echo", .p99)
    }
    add("Most small messages per second", "stream", .rate)
    add("Highest throughput, large messages", "stream", .throughput, large: true)
    add("Least processor time per round trip", "echo", .cpu)
    add("Least processor time per streamed message", "stream", .cpu)
    add("Many clients into one server", "fan-in", nil)
    add("One server to many clients", "notify", nil)
    add("Cheapest connection set-up", "connect", nil)
    add("Several readers and writers of the same data", "readers-writers", nil)
    return needs
  }

  /// The ways of waiting that occur among the mechanisms.
  var waitings: [Waiting] {
    let used = Set(mechanisms.map(Waiting.init))
    return Waiting.allCases.filter(used.contains)
  }

  /// The ways of waiting of mechanisms that have a figure for a need somewhere; all when none has.
  func waitings(for need: Need) -> [Waiting] {
    let answered = waitings.filter { waiting in
      placements.contains { placement in
        if case .noFigures = outcome(need, waiting: waiting, placement: placement) { return false }
        return true
      }
    }
    return answered.isEmpty ? waitings : answered
  }

  /// Answers a need for the mechanisms that wait in one way.
  func outcome(_ need: Need, waiting: Waiting, placement: String) -> Outcome {
    let lower = need.metric.lowerIsBetter
    let standings = mechanisms.filter { Waiting($0) == waiting }.compactMap {
      standing($0.id, in: need, placement: placement)
    }.sorted {
      lower ? $0.spread.median < $1.spread.median : $0.spread.median > $1.spread.median
    }
    guard let best = standings.first else {
      return .noFigures("no \(waiting.word) mechanism has a usable figure")
    }
    guard standings.count > 1 else { return .only(best) }
    guard best.trials > 1, standings[1].trials > 1 else {
      return .singleTrial(leader: best, runnerUp: standings[1])
    }
    let overlapping = standings.filter { Self.overlap($0.spread, best.spread) }
    guard overlapping.count == 1 else {
      return .tie(overlapping, because: "the ranges of their trials overlap")
    }
    let noise = noise(of: need, placement: placement)
    let close = standings.filter { Self.lead(of: best, over: $0, lower: lower) - 1 <= noise }
    guard close.count <= 1 else {
      let difference = Quantity.percent(noise)
      return .tie(close, because: "the same mechanism entered twice differed by \(difference)")
    }
    return .clear(winner: best, runnerUp: standings[1])
  }

  /// Mechanisms without a figure that could win a need.
  func leftOut(_ need: Need) -> [LeftOut] {
    var result: [LeftOut] = []
    for mechanism in mechanisms {
      for placement in placements {
        guard let cell = cell(mechanism.id, need, placement: placement) else { continue }
        guard standing(mechanism.id, in: need, placement: placement) == nil else { continue }
        let reason =
          if need.metric.spread(cell) != nil {
            "lost \(cell.summary?.lost ?? 0) messages"
          } else if cell.status == .measured && need.metric == .p99 {
            "too few round trips in a trial for this percentile"
          } else {
            cell.absence
          }
        result.append(
          LeftOut(mechanism: mechanism.id, placement: placement, reason: reason))
      }
    }
    return result
  }

  /// How many times better a standing is than another.
  static func lead(of best: Standing, over other: Standing, lower: Bool) -> Double {
    let (a, b) = (best.spread.median, other.spread.median)
    if a == b { return 1 }
    return lower ? b / a : a / b
  }

  private static func overlap(_ a: Spread, _ b: Spread) -> Bool {
    a.low <= b.high && b.low <= a.high
  }

  private func cell(_ mechanism: String, _ need: Need, placement: String) -> Cell? {
    cell(
      mechanism, need.scenario, placement: placement, size: need.size, clients: need.clients)
  }

  /// A mechanism that lost messages did less work than the others: its figure cannot win.
  private func standing(_ mechanism: String, in need: Need, placement: String) -> Standing? {
    guard let cell = cell(mechanism, need, placement: placement),
      let spread = need.metric.spread(cell), let summary = cell.summary, summary.lost == 0
    else { return nil }
    return Standing(mechanism: mechanism, spread: spread, trials: summary.trials)
  }

  /// The largest difference that the A/A control saw between equal things under these conditions.
  private func noise(of need: Need, placement: String) -> Double {
    let comparisons = document.noise?.comparisons ?? []
    return comparisons.filter { $0.scenario == need.scenario && $0.placement == placement }
      .map(need.metric.difference).max() ?? 0
  }
}
