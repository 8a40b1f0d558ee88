/// How a check ended. No two of these are ever shown as one.
public enum Outcome: Codable, Sendable, Hashable {
  /// The programs did what the handout asks.
  case pass
  /// They did something else.
  case fail
  /// They did not do it in time.
  case timeout
  /// A program was ended by a signal, of that number.
  case crash(signal: Int32)
  /// A program went over a limit.
  case limit(Limit)
  /// Something was left behind: its names.
  case leak([String])
  /// The programs could not be built.
  case buildError
  /// A check that this one needs did not pass: its id.
  case skipped(parent: String)
  /// The grader failed, not the submission. It never costs points.
  case graderError(String)

  /// What a submission is not given without end.
  public enum Limit: String, Codable, Sendable, Hashable {
    case memory, processes, processorTime, fileSize, output
  }

  /// Whether the submission has earned the points of the check.
  public var isPass: Bool { self == .pass }

  /// Whether it could have come out otherwise if there had been more time.
  var dependsOnTime: Bool {
    switch self {
    case .pass, .buildError, .skipped: false
    case .limit(let limit): limit == .processorTime
    case .fail, .timeout, .crash, .leak, .graderError: true
    }
  }

  /// One word for it, as the tables and files show it.
  public var word: String {
    switch self {
    case .pass: "pass"
    case .fail: "fail"
    case .timeout: "timeout"
    case .crash: "crash"
    case .limit: "limit"
    case .leak: "leak"
    case .buildError: "build error"
    case .skipped: "skipped"
    case .graderError: "grader error"
    }
  }
}
