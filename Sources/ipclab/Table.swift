/// Aligned columns for people.
struct Table {
  private let title: String
  private var rows: [[String]]
  private let headCount: Int

  /// A table without rows yet.
  init(_ title: String, _ head: [String]) {
    self.title = title
    rows = [head]
    headCount = head.count
  }

  /// Adds a row.
  mutating func add(_ cells: [String]) { rows.append(cells) }

  /// The title and the rows; nothing when there are none.
  var text: String {
    if rows.count == 1 { return "" }
    let widths = (0..<headCount).map { column in rows.map { $0[column].count }.max() ?? 0 }
    var text = title + "\n"
    for row in rows {
      var line = "  "
      for (column, cell) in row.enumerated() {
        let isLast = column == headCount - 1
        line +=
          isLast ? cell : cell + String(repeating: " ", count: widths[column] - cell.count + 2)
      }
      while line.last == " " { line.removeLast() }
      text += line + "\n"
    }
    return text
  }
}
