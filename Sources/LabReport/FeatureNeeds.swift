internal import LabResults

/// A need that a probe answers.
struct FeatureNeed {
  /// What somebody wants.
  var title: String
  /// Id of the probe that observed it.
  var probe: String
  /// Observations that meet the need: the whole answer, or its beginning up to a word's end.
  var satisfiedBy: [String]

  /// The needs, in the vocabulary of the probes.
  static let all = [
    FeatureNeed(title: "Keeps message boundaries", probe: "boundaries", satisfiedBy: ["kept"]),
    FeatureNeed(
      title: "Talks both ways on one connection", probe: "direction", satisfiedBy: ["both ways"]),
    FeatureNeed(
      title: "Any process may connect, by name", probe: "reach",
      satisfiedBy: ["any process", "any host"]),
    FeatureNeed(title: "Reaches other hosts", probe: "reach", satisfiedBy: ["any host"]),
    FeatureNeed(
      title: "Serves several clients at once", probe: "several-clients",
      satisfiedBy: ["several at once"]),
    FeatureNeed(
      title: "Shares messages out among several readers", probe: "readers",
      satisfiedBy: ["compete"]),
    FeatureNeed(
      title: "Makes a fast writer wait instead of losing messages", probe: "capacity",
      satisfiedBy: ["writer blocks"]),
    FeatureNeed(
      title: "Carries zero-length messages", probe: "zero-length", satisfiedBy: ["delivered"]),
    FeatureNeed(title: "Keeps the order", probe: "order", satisfiedBy: ["in order"]),
    FeatureNeed(
      title: "Usable again at once after kill -9", probe: "name-after-kill",
      satisfiedBy: ["has no name", "usable at once"]),
    FeatureNeed(
      title: "A reader notices a dead writer", probe: "writer-death",
      satisfiedBy: ["end of file", "error"]),
    FeatureNeed(
      title: "A writer notices a dead reader", probe: "reader-death", satisfiedBy: ["error"]),
    FeatureNeed(
      title: "Tells who the peer is", probe: "identity", satisfiedBy: ["pid and user"]),
  ]

  /// Whether an observation meets the need.
  func isSatisfied(by observed: String) -> Bool {
    let observed = observed.lowercased()
    return satisfiedBy.contains { answer in
      guard observed.hasPrefix(answer) else { return false }
      guard let next = observed.dropFirst(answer.count).first else { return true }
      return !next.isLetter && !next.isNumber && next != "-"
    }
  }
}

/// Mechanisms that gave the same answer.
struct AnswerGroup: Equatable {
  var answer: String
  var mechanisms: [String]
}

/// What the probes say about a feature need.
struct FeatureAnswer {
  var need: FeatureNeed
  /// Mechanisms that meet it.
  var satisfied: [String]
  /// The others, by what was observed on them.
  var others: [AnswerGroup]
  /// Mechanisms on which nothing could be observed, by why.
  var unknown: [AnswerGroup]
}

extension ReportModel {
  /// What keeps answers of one machine from being read as answers about a network; `nil` where no
  /// mechanism reaches other hosts.
  var reachNote: String? {
    features(of: "reach").contains { $0.observed == "any host" }
      ? "Observed between processes of one machine. Between hosts, datagrams can also arrive in another "
        + "order, or not at all, and a peer that vanishes is noticed late or never." : nil
  }

  /// The feature needs whose probe was executed.
  var featureAnswers: [FeatureAnswer] {
    let executed = Set(document.probes.map(\.id))
    return FeatureNeed.all.filter { executed.contains($0.probe) }.map { need in
      var answer = FeatureAnswer(need: need, satisfied: [], others: [], unknown: [])
      for result in features(of: need.probe) {
        switch result.verdict {
        case .agrees, .disagrees:
          if need.isSatisfied(by: result.observed) {
            answer.satisfied.append(result.mechanism)
          } else {
            Self.add(result.mechanism, under: result.observed, to: &answer.others)
          }
        case .notApplicable, .notPossibleHere, .failed:
          Self.add(result.mechanism, under: result.verdict.words, to: &answer.unknown)
        }
      }
      return answer
    }
  }

  private static func add(
    _ mechanism: String, under answer: String, to groups: inout [AnswerGroup]
  ) {
    if let index = groups.firstIndex(where: { $0.answer == answer }) {
      groups[index].mechanisms.append(mechanism)
    } else {
      groups.append(AnswerGroup(answer: answer, mechanisms: [mechanism]))
    }
  }
}

extension FeatureResult.Verdict {
  /// A sign that does not depend on colour.
  var symbol: String {
    switch self {
    case .agrees: "✓"
    case .disagrees: "✗"
    case .notApplicable: "–"
    case .notPossibleHere: "?"
    case .failed: "!"
    }
  }

  /// The verdict in words.
  var words: String {
    switch self {
    case .agrees: "as claimed"
    case .disagrees: "not as claimed"
    case .notApplicable: "does not apply"
    case .notPossibleHere: "not possible here"
    case .failed: "experiment failed"
    }
  }
}
