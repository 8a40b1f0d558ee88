/// What an answer is compared with, by the rules of the conformance cases.
public enum Expectation {
  /// Whether a value is as expected.
  ///
  /// - Parameters:
  ///   - expected: The value, `*` for any, or values with `|` between them.
  ///   - actual: The value that the answer has; `nil` when it has none.
  public static func matches(_ expected: String, _ actual: String?) -> Bool {
    guard let actual else { return false }
    return expected == actual || expected == "*"
      || expected.split(separator: "|").contains { $0 == actual }
  }
}
