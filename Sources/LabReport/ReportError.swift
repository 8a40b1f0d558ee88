/// Why a report could not be written or read, and what to do about it.
public struct ReportError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kind of failure. More kinds may come; compare with `==`.
  public struct Code: Equatable, Sendable {
    let name: String

    /// The path names nothing.
    public static let notFound = Code(name: "not found")
    /// The directory holds no `results.json`.
    public static let noResults = Code(name: "no results")
    /// The file is there and cannot be read.
    public static let unreadable = Code(name: "unreadable")
    /// The file is not JSON at all.
    public static let notJSON = Code(name: "not JSON")
    /// The document has a schema version that this build does not know, or none.
    public static let unknownSchema = Code(name: "unknown schema")
    /// The document is JSON of the right version with a field missing or of the wrong type.
    public static let malformed = Code(name: "malformed")
    /// The document contradicts itself: it was cut, edited, or put together from several.
    public static let inconsistent = Code(name: "inconsistent")
    /// A figure in the document has no JSON form (infinite, or not a number).
    public static let notEncodable = Code(name: "not encodable")
    /// A file or directory of the report cannot be written.
    public static let cannotWrite = Code(name: "cannot write")
  }

  /// The kind of failure.
  public var code: Code
  /// The file or directory it is about.
  public var path: String
  /// What is wrong, in a sentence.
  public var problem: String
  /// What to do about it, in a sentence.
  public var remedy: String

  /// Creates an error.
  public init(_ code: Code, path: String, problem: String, remedy: String) {
    self.code = code
    self.path = path
    self.problem = problem
    self.remedy = remedy
  }

  /// The path, the problem and the remedy in one line.
  public var description: String {
    PlainText.line("\(path): \(problem) \(remedy)")
  }
}
