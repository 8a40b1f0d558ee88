internal import IPCSystem

/// On which processors the processes of a trial run.
public enum Placement: String, Sendable, Codable, CaseIterable {
  /// All on one processor.
  case same
  /// The server on one, the clients on others.
  case cross
  /// Where the scheduler puts them.
  case none

  /// Why this machine cannot place processes so; `nil` when it can.
  public func objection(processors: [Int]) -> String? {
    self == .cross && processors.count < 2
      ? "needs two processors, this process may use \(processors.count)" : nil
  }

  /// The server's processor; `nil` leaves it to the scheduler.
  func server(_ processors: [Int]) -> Int? { self == .none ? nil : processors.first }

  /// The processor of client `index`.
  func client(_ index: Int, _ processors: [Int]) -> Int? {
    switch self {
    case .same: processors.first
    case .cross: processors.count < 2 ? nil : processors[1 + index % (processors.count - 1)]
    case .none: nil
    }
  }

  /// How many processors the processes can use at once.
  func available(_ processors: [Int]) -> Int { self == .same ? 1 : processors.count }

  /// The processors with one of each core first, so that two of them share a core only when there
  /// is no other way.
  static func apart(_ processors: [Int]) -> [Int] {
    var seen: Set<String> = []
    var first: [Int] = []
    var rest: [Int] = []
    for processor in processors {
      if seen.insert(MachineSurvey.coreName(of: processor)).inserted {
        first.append(processor)
      } else {
        rest.append(processor)
      }
    }
    return first + rest
  }
}
