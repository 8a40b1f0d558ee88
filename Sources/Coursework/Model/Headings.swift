/// The headings of a Markdown text.
enum Headings {
  /// The names by which a link reaches each heading, as GitHub makes them: small letters and digits,
  /// hyphens for blanks.
  static func slugs(of text: String) -> [String] {
    lines(of: text).map { heading in
      String(
        heading.title.lowercased().compactMap { character -> Character? in
          if character == " " { return "-" }
          return character.isLetter || character.isNumber || character == "-" ? character : nil
        })
    }
  }

  /// The text below the heading whose link name begins with `slug`, up to the next heading of its
  /// level; `nil` when there is none.
  static func section(_ slug: String, of text: String) -> String? {
    let headings = lines(of: text)
    let names = slugs(of: text)
    guard let index = names.firstIndex(where: { $0.hasPrefix(slug) }) else { return nil }
    let start = headings[index]
    let end = headings[(index + 1)...].first { $0.level <= start.level }
    let all = text.split(separator: "\n", omittingEmptySubsequences: false)
    let body = all[(start.line + 1)..<(end?.line ?? all.count)]
    return body.joined(separator: "\n").trimmingBlankLines
  }

  private struct Heading {
    var level: Int
    var title: String
    var line: Int
  }

  private static func lines(of text: String) -> [Heading] {
    var headings: [Heading] = []
    var isCode = false
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if line.hasPrefix("```") { isCode.toggle() }
      if isCode { continue }
      let level = line.prefix { $0 == "#" }.count
      guard (1...6).contains(level), line.dropFirst(level).first == " " else { continue }
      let title = String(line.dropFirst(level + 1))
      headings.append(Heading(level: level, title: title, line: number))
    }
    return headings
  }
}

extension String {
  /// The text without empty lines at its beginning and end.
  var trimmingBlankLines: String {
    var lines = split(separator: "\n", omittingEmptySubsequences: false)[...]
    while let first = lines.first, first.allSatisfy(\.isWhitespace) { lines = lines.dropFirst() }
    while let last = lines.last, last.allSatisfy(\.isWhitespace) { lines = lines.dropLast() }
    return lines.joined(separator: "\n")
  }
}
