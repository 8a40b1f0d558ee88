/// What a JSON decoder found wrong, in words.
package enum DecodingProblem {
  /// A decoding error as one readable clause with the place in the document.
  package static func explain(_ error: any Error) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }
      return path.isEmpty ? "at the top" : "at \(path.joined().drop { $0 == "." })"
    }
    return switch error {
    case DecodingError.keyNotFound(let key, let context):
      "`\(key.stringValue)` is missing \(place(context))"
    case DecodingError.valueNotFound(_, let context): "a value is missing \(place(context))"
    case DecodingError.typeMismatch(let type, let context):
      "there is no \(type) \(place(context))"
    case DecodingError.dataCorrupted(let context)
    where context.debugDescription.hasPrefix("The given data was not valid JSON"):
      "it is not valid JSON (“python3 -m json.tool” and its name say in which line)"
    case DecodingError.dataCorrupted(let context):
      "\(context.debugDescription) \(place(context))"
    default: "\(error)"
    }
  }
}
