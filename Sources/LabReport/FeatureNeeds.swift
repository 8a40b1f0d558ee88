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
    FeatureNeed(
      title: "Keeps message boundaries", probe: "boundaries", satisfiedBy: ["kept", "yes"]),
    FeatureNeed(
      title: "Talks both ways on one connection", probe: "direction",
      satisfiedBy: ["both", "two-way"]),
    FeatureNeed(
      title: "Any process may connect, by name", probe: "related",
      satisfiedBy: ["any", "unrelated"]),
    FeatureNeed(
      title: "Serves several clients at once", probe: "clients", satisfiedBy: ["several", "yes"]),
    FeatureNeed(
      title: "Delivers one message to every client", probe: "one-to-many",
      satisfiedBy: ["every", "all", "delivery"]),
    FeatureNeed(
      title: "Carries zero-length messages", probe: "zero-length",
      satisfiedBy: ["delivered", "yes"]),
    FeatureNeed(title: "Keeps the order", probe: "order", satisfiedBy: ["kept", "yes"]),
    FeatureNeed(
      title: "Leaves nothing behind after kill -9", probe: "name-after-kill",
      satisfiedBy: ["nothing", "gone", "no"]),
    FeatureNeed(
      title: "A reader notices a dead writer", probe: "writer-death",
      satisfiedBy: ["end of file", "error", "broken pipe", "noticed"]),
    FeatureNeed(
      title: "A writer notices a dead reader", probe: "reader-death",
      satisfiedBy: ["error", "broken pipe", "noticed"]),
    FeatureNeed(
      title: "Tells who the peer is", probe: "peer-identity",
      satisfiedBy: ["uid", "pid", "known", "yes"]),
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
