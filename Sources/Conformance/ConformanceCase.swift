internal import FoundationEssentials

/// A case of what Win32 does: steps, and what each must answer.
public struct ConformanceCase: Sendable, Decodable, CustomStringConvertible {
  /// How sure it is that Windows does so.
  public enum Confidence: String, Sendable, Decodable {
    /// Two sources agree.
    case high
    /// One source says so.
    case medium
    /// Sources contradict each other, or the error code is not known.
    case low
  }

  /// A call, or the question what has become of one.
  public struct Step: Sendable, Decodable {
    /// The call; `join` for the question.
    public var op: String
    /// Argument names and values; `$P` and the like stand for names of this run.
    public var args: [String: String]
    /// What the answer must hold.
    public var expect: [String: Scalar]
    /// The worker that makes the call; `nil` is the main thread.
    public var thread: String?
    /// `start`: do not wait for it. `join`: what has become of it?
    public var kind: String?
    /// The process that makes the call; `nil` is `P1`.
    public var process: String?
  }

  /// The stable name.
  public var id: String
  /// The part of Win32, such as `named pipe`.
  public var area: String
  /// What is claimed.
  public var title: String
  /// How sure it is.
  public var confidence: Confidence
  /// The steps, in order.
  public var steps: [Step]

  /// Id and title.
  public var description: String { "\(id): \(title)" }

  /// Reads the cases of a file.
  ///
  /// - Throws: When the file cannot be read or is not a list of cases.
  public static func load(path: String) throws -> [ConformanceCase] {
    try JSONDecoder().decode(
      [ConformanceCase].self, from: try Data(contentsOf: URL(filePath: path)))
  }
}

/// A value in a step's expectation or in an agent's answer.
public enum Scalar: Sendable, Hashable, Decodable, CustomStringConvertible {
  case flag(Bool)
  case number(Double)
  case text(String)

  /// Decodes a truth value, a number or a string.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let flag = try? container.decode(Bool.self) {
      self = .flag(flag)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  /// The value as people write it.
  public var description: String {
    switch self {
    case .flag(let flag): "\(flag)"
    case .number(let number): Int(exactly: number).map(String.init) ?? "\(number)"
    case .text(let text): text
    }
  }
}
