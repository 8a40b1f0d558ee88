/// Text from a document made harmless for a page or a terminal.
///
/// Mechanism names, evidence and failure texts come from files and from other processes. A control
/// character in them must not reach a terminal (escape sequences) nor a page (not allowed there),
/// and a bidirectional override must not reorder what stands beside it.
package enum PlainText {
  /// The text with every control character but tab and newline replaced by U+FFFD.
  package static func cleaned(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnwelcome) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { result.append(isUnwelcome(scalar) ? "\u{FFFD}" : scalar) }
    return String(result)
  }

  /// The text on one line: cleaned, with runs of white space as one blank.
  package static func line(_ text: String) -> String {
    cleaned(text).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// The text cut to `length` characters, the last one an ellipsis when something was cut.
  package static func clipped(_ text: String, to length: Int) -> String {
    guard text.count > length else { return text }
    guard length > 0 else { return "" }
    return text.prefix(length - 1) + "…"
  }

  /// A number of things, such as `1 probe` and `2 probes`.
  package static func count(_ number: Int, _ thing: String) -> String {
    "\(number) \(thing)\(number == 1 ? "" : "s")"
  }

  /// The text with its first letter as a capital.
  package static func sentence(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
  }

  private static func isUnwelcome(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    case 0...0x1F, 0x7F...0x9F: true
    case 0x202A...0x202E, 0x2066...0x2069, 0x200E, 0x200F, 0x061C: true
    case 0xFFFE, 0xFFFF: true
    default: false
    }
  }
}
