/// A piece of HTML or SVG.
///
/// A string literal is markup; a string that is interpolated into one is text and is escaped, so
/// forgetting to escape is not possible: only another `Markup` goes in as it is.
struct Markup: ExpressibleByStringInterpolation, Sendable {
  private(set) var source: String

  init(stringLiteral value: String) { source = value }

  init(stringInterpolation: StringInterpolation) { source = stringInterpolation.source }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var source = ""

    init(literalCapacity: Int, interpolationCount: Int) {
      source.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    mutating func appendLiteral(_ literal: String) { source += literal }
    mutating func appendInterpolation(_ text: String) { source += Markup.escaped(text) }
    mutating func appendInterpolation(_ markup: Markup) { source += markup.source }
    mutating func appendInterpolation(_ number: Int) { source += String(number) }

    /// A coordinate, with a tenth of a pixel.
    mutating func appendInterpolation(at coordinate: Double) {
      source += Quantity.trimmed(coordinate, decimals: 1)
    }
  }

  static func + (left: Markup, right: Markup) -> Markup { "\(left)\(right)" }

  static func += (left: inout Markup, right: Markup) { left.source += right.source }

  /// The text with everything escaped that has a meaning in an element or in an attribute.
  static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for character in PlainText.cleaned(text).unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}

extension Sequence where Element == Markup {
  /// The pieces after each other, with `separator` between them.
  ///
  /// Not named `joined`: then `map { "<b>\($0)</b>" }.joined()` would mean strings, and be escaped.
  func assembled(separator: Markup = "") -> Markup {
    var result: Markup = ""
    for (index, piece) in enumerated() {
      if index > 0 { result += separator }
      result += piece
    }
    return result
  }
}
