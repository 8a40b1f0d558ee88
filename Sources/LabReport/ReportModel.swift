internal import LabResults

/// The document with the look-ups that every rendering needs.
struct ReportModel {
  let document: ResultDocument
  /// Placements that occur in the cells: the known ones in their order, then the others.
  let placements: [String]
  private let titles: [String: MechanismInfo]
  private let index: [Key: Cell]

  private struct Key: Hashable {
    var mechanism: String
    var scenario: String
    var placement: String
    var size: Int
    var clients: Int
  }

  init(_ document: ResultDocument) {
    self.document = document
    let used = Set(document.cells.map(\.placement))
    let known = Placement.known.filter(used.contains)
    placements = known + used.subtracting(known).sorted()
    titles = Dictionary(document.mechanisms.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a })
    index = Dictionary(
      document.cells.map {
        (
          Key(
            mechanism: $0.mechanism, scenario: $0.scenario, placement: $0.placement, size: $0.size,
            clients: $0.clients), $0
        )
      }, uniquingKeysWith: { a, _ in a })
  }

  var mechanisms: [MechanismInfo] { document.mechanisms }

  func scenario(_ id: String) -> ScenarioInfo? { document.scenarios.first { $0.id == id } }

  func title(of mechanism: String) -> String {
    guard let info = titles[mechanism] else { return mechanism }
    return info.title.isEmpty ? info.id : info.title
  }

  /// The title with the way of waiting, where that is not blocking and the title does not say it.
  func label(of mechanism: MechanismInfo) -> String {
    let title = mechanism.title.isEmpty ? mechanism.id : mechanism.title
    let waiting = Waiting(mechanism)
    let isSaid = waiting == .blocking || title.lowercased().contains(waiting.word)
    return isSaid ? title : "\(title) (\(waiting.word))"
  }

  /// Message sizes of a scenario, ascending.
  func sizes(of scenario: String) -> [Int] {
    Set(document.cells.lazy.filter { $0.scenario == scenario }.map(\.size)).sorted()
  }

  /// Numbers of clients in a scenario, ascending.
  func clients(of scenario: String) -> [Int] {
    Set(document.cells.lazy.filter { $0.scenario == scenario }.map(\.clients)).sorted()
  }

  func cell(
    _ mechanism: String, _ scenario: String, placement: String, size: Int, clients: Int
  ) -> Cell? {
    index[
      Key(
        mechanism: mechanism, scenario: scenario, placement: placement, size: size,
        clients: clients)]
  }

  func features(of probe: String) -> [FeatureResult] {
    document.features.filter { $0.probe == probe }
  }

  var disagreements: [FeatureResult] {
    document.features.filter { $0.verdict == .disagrees }
  }
}

/// How a receiver waits. Figures of different ways are never ranked with each other.
enum Waiting: String, CaseIterable, Sendable {
  case blocking
  case hybrid
  case polling

  /// A way that this version does not know is kept apart from blocking, the safe side.
  init(_ mechanism: MechanismInfo) { self = Waiting(rawValue: mechanism.waiting) ?? .polling }

  var word: String { rawValue }

  var title: String {
    switch self {
    case .blocking: "Blocking"
    case .hybrid: "Hybrid: spins, then blocks"
    case .polling: "Polling: keeps a core busy"
    }
  }
}

/// Words for the placements.
enum Placement {
  static let known = ["same", "cross", "none"]

  static func title(_ placement: String) -> String {
    switch placement {
    case "same": "both on one core"
    case "cross": "on two cores"
    case "none": "unpinned"
    default: placement
    }
  }
}

extension Cell {
  /// Successful trials.
  var goodTrials: [Trial] { trials.filter { $0.failure == nil } }

  /// Why the cell has no figure, in words for a table.
  var absence: String {
    let why = reason.map { ": \($0)" } ?? ""
    switch status {
    case .measured: return "no such figure"
    case .notApplicable: return "not applicable\(why)"
    case .failed: return "failed\(why)"
    case .notReached: return "not reached\(why)"
    }
  }
}
