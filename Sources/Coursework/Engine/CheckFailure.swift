/// Why a check did not pass.
public struct CheckFailure: Error, Sendable, CustomStringConvertible {
  /// What kind of failure it is.
  public enum Kind: Sendable, Hashable {
    /// Something happened that should not have, or the other way round.
    case expectation
    /// It did not happen in time.
    case timeout
    /// The check itself makes no sense; the submission is not to blame.
    case grader
  }

  /// What kind of failure it is.
  public let kind: Kind
  /// What should have happened.
  public let expected: String
  /// What happened.
  public let seen: String
  /// The likely cause.
  public let cause: String?

  /// Creates a failure.
  public init(_ kind: Kind = .expectation, expected: String, seen: String, cause: String? = nil) {
    self.kind = kind
    self.expected = expected
    self.seen = seen
    self.cause = cause
  }

  /// Both sides in one line.
  public var description: String { "expected \(expected); seen \(seen)" }
}
