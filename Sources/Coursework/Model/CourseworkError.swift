/// Why coursework cannot go on, and what to do about it.
public struct CourseworkError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Who can put it right.
  public enum Kind: Sendable {
    /// What was asked for makes no sense: exit code 2.
    case usage
    /// Something around the program stands in the way: exit code 3.
    case environment
  }

  /// Who can put it right.
  public let kind: Kind
  /// What is wrong and what to do, in one or two sentences.
  public let description: String

  /// What was asked for makes no sense.
  public static func usage(_ description: String) -> CourseworkError {
    CourseworkError(kind: .usage, description: description)
  }

  /// Something around the program stands in the way.
  public static func environment(_ description: String) -> CourseworkError {
    CourseworkError(kind: .environment, description: description)
  }
}
