/// Text in columns for a terminal.
enum TextTable {
  /// Rows with every column as wide as its widest cell.
  ///
  /// - Parameters:
  ///   - right: Columns of numbers, which end at the same place.
  ///   - indent: What every line begins with.
  static func text(_ rows: [[String]], right: Set<Int> = [], indent: String = "") -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = indent
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line +=
          (column == 0 ? "" : "  ") + (right.contains(column) ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }

  /// Names with what they stand for, which is wrapped beside them.
  static func described(_ rows: [(String, String)], width: Int = 100) -> String {
    let indent = String(repeating: " ", count: (rows.map(\.0.count).max() ?? 0) + 2)
    return rows.map { name, description in
      let head = name + indent.dropFirst(name.count)
      return head + wrapped(description, indent: indent, width: width).dropFirst(indent.count)
        + "\n"
    }.joined()
  }

  /// Text in lines of up to `width` characters; empty lines between paragraphs stay.
  static func wrapped(_ text: String, indent: String, width: Int = 90) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { paragraph in
      var lines: [String] = []
      var line = ""
      for word in paragraph.split(separator: " ") {
        if !line.isEmpty && indent.count + line.count + 1 + word.count > width {
          lines.append(indent + line)
          line = ""
        }
        line += (line.isEmpty ? "" : " ") + word
      }
      lines.append(line.isEmpty ? "" : indent + line)
      return lines.joined(separator: "\n")
    }.joined(separator: "\n")
  }
}
