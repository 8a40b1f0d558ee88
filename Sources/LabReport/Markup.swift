/// A piece of HTML or SVG.
///
/// A string literal is markup; a string that is interpolated into one is text and is escaped, so
/// forgetting to escape is not possible: only another `Markup` goes in as it is.
package struct Markup: ExpressibleByStringInterpolation, Sendable {
  package private(set) var source: String

  package init(stringLiteral value: String) { source = value }

  package init(stringInterpolation: StringInterpolation) { source = stringInterpolation.source }

  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var source = ""

    package init(literalCapacity: Int, interpolationCount: Int) {
      source.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    package mutating func appendLiteral(_ literal: String) { source += literal }
    package mutating func appendInterpolation(_ text: String) { source += Markup.escaped(text) }
    package mutating func appendInterpolation(_ markup: Markup) { source += markup.source }
    package mutating func appendInterpolation(_ number: Int) { source += String(number) }

    /// A coordinate, with a tenth of a pixel.
    package mutating func appendInterpolation(at coordinate: Double) {
      source += Quantity.trimmed(coordinate, decimals: 1)
    }
  }

  package static func + (left: Markup, right: Markup) -> Markup { "\(left)\(right)" }

  package static func += (left: inout Markup, right: Markup) { left.source += right.source }

  /// The text with everything escaped that has a meaning in an element or in an attribute.
  package static func escaped(_ text: String) -> String {
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
  package func assembled(separator: Markup = "") -> Markup {
    var result: Markup = ""
    for (index, piece) in enumerated() {
      if index > 0 { result += separator }
      result += piece
    }
    return result
  }
}
