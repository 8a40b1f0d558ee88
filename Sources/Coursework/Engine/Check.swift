/// An experiment with the programs of a submission, judged by what happens on the pipe, in the file
/// and in the exit status.
public struct Check: Sendable {
  /// `<lab id>.<word>`, such as `copy.binary`.
  public let id: String
  /// What is done. It returns when all is well, and throws what ``CheckContext`` throws when not.
  public let body: @Sendable (CheckContext) throws -> Void

  /// Creates a check.
  public init(_ id: String, _ body: @escaping @Sendable (CheckContext) throws -> Void) {
    self.id = id
    self.body = body
  }
}
