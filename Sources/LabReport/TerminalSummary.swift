public import LabResults

/// The result of a run for a terminal: what a beginner wants to know first, in a screen or two.
public enum TerminalSummary {
  /// Renders the summary.
  ///
  /// - Parameters:
  ///   - document: What to summarise.
  ///   - width: Columns of the terminal. No line is longer.
  ///   - color: Whether to use ANSI colours. They add emphasis, never meaning.
  /// - Returns: Lines that each end with a line feed.
  public static func render(
    _ document: ResultDocument, width: Int = 80, color: Bool = false
  ) -> String {
    var page = TerminalPage(
      model: ReportModel(document), width: max(width, 20), color: color)
    return page.render()
  }
}

/// A summary that is being put together.
private struct TerminalPage {
  let model: ReportModel
  let width: Int
  let color: Bool
  var lines: [String] = []

  private enum Ink: String {
    case bold = "1"
    case red = "31"
    case yellow = "33"
    case green = "32"
    case dim = "2"
  }

  init(model: ReportModel, width: Int, color: Bool) {
    self.model = model
    self.width = width
    self.color = color
  }

  mutating func render() -> String {
    for banner in model.banners {
      write(
        "\(banner.title). \(banner.text)", indent: 2, ink: banner.weight == .severe ? .red : .yellow
      )
    }
    disagreements()
    figures()
    needs()
    return lines.joined()
  }

  // MARK: Lines

  private func painted(_ text: String, _ ink: Ink?) -> String {
    guard color, let ink else { return text }
    return "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[0m"
  }

  /// Writes a text wrapped at blanks, its first and its later lines indented.
  private mutating func write(
    _ text: String, first: Int = 0, indent: Int = 0, ink: Ink? = nil
  ) {
    let text = PlainText.line(text)
    for line in TextWrap.wrap(text, width: width, first: first, indent: indent) {
      lines.append(painted(line, ink) + "\n")
    }
  }

  private mutating func heading(_ text: String) {
    if !lines.isEmpty { lines.append("\n") }
    write(text, ink: .bold)
  }

  // MARK: Parts

  private mutating func disagreements() {
    let found = model.disagreements
    guard !found.isEmpty else { return }
    heading("Claims that do not hold")
    for result in found {
      write(
        "✗ \(result.mechanism), \(result.probe): claims \(result.claim), observed \(result.observed)",
        indent: 2, ink: .red)
    }
  }

  /// A figure in every placement, under a common title.
  private struct Group {
    var title: String
    /// What the figure is.
    var what: String
    var scenario: String
    var size: Int
    var metric: Metric
  }

  private var groups: [Group] {
    var groups: [Group] = []
    if let size = model.sizes(of: "echo").first {
      groups.append(
        Group(
          title: "echo \(Quantity.size(size))", what: "round trip", scenario: "echo", size: size,
          metric: .p50))
    }
    let sizes = model.sizes(of: "stream")
    if let size = sizes.first {
      groups.append(
        Group(
          title: "stream \(Quantity.size(size))", what: "messages per second", scenario: "stream",
          size: size, metric: .rate))
    }
    // With one size the bytes per second say nothing that the messages per second do not.
    if let size = sizes.dropFirst().last {
      groups.append(
        Group(
          title: "stream \(Quantity.size(size))", what: "bytes per second", scenario: "stream",
          size: size, metric: .throughput))
    }
    return groups
  }

  /// Width of a column of figures, wide enough for `1.23 GiB/s`.
  private static let column = 11

  private mutating func figures() {
    let groups = groups
    guard !groups.isEmpty, !model.placements.isEmpty else {
      heading("No figures of echo or stream")
      return
    }
    guard model.document.cells.contains(where: { $0.status == .measured }) else {
      heading("Nothing was measured")
      return
    }
    heading("Median of the trials: " + groups.map(\.what).joined(separator: ", "))
    let longest = model.mechanisms.map { PlainText.line($0.id).count }.max() ?? 0
    let name = min(max(longest, 9), max(width - Self.column - 1, 8))
    let perGroup = Self.column * model.placements.count
    // Side by side as many groups as fit; a group that does not fit by itself is cut by its columns.
    let perTable = max(1, (width - name - 1) / perGroup)
    var rest = groups[...]
    while !rest.isEmpty {
      table(Array(rest.prefix(perTable)), name: name)
      rest = rest.dropFirst(perTable)
      if !rest.isEmpty { lines.append("\n") }
    }
    if model.waitings != [.blocking] {
      write("* polls or spins before it blocks: do not compare with the others", ink: .dim)
    }
  }

  private mutating func table(_ groups: [Group], name: Int) {
    let columns = groups.flatMap { group in model.placements.map { (group, $0) } }
    let shown = columns.prefix(max(1, (width - name - 1) / Self.column))
    func padded(_ text: String) -> String { TextWrap.right(text, to: Self.column) }
    let blank = String(repeating: " ", count: name + 1)
    var titles = blank
    for (index, (group, placement)) in shown.enumerated() {
      let isFirst = index == 0 || placement == model.placements.first
      titles += padded(isFirst ? group.title : "")
    }
    line(titles, ink: .dim)
    line(
      TextWrap.left("mechanism", to: name + 1)
        + shown.map { padded(PlainText.line($0.1)) }.joined(), ink: .dim)
    for mechanism in model.mechanisms {
      let mark = Waiting(mechanism) == .blocking ? "" : "*"
      let id = PlainText.clipped(PlainText.line(mechanism.id), to: name - mark.count) + mark
      let figures = shown.map { padded(figure(mechanism.id, $0.0, $0.1)) }
      line(TextWrap.left(id, to: name + 1) + figures.joined(), ink: nil)
    }
  }

  private mutating func line(_ text: String, ink: Ink?) {
    var text = PlainText.clipped(text, to: width)
    while text.last == " " { text.removeLast() }
    lines.append(painted(text, ink) + "\n")
  }

  private func figure(_ mechanism: String, _ group: Group, _ placement: String) -> String {
    guard let clients = model.clients(of: group.scenario).first,
      let cell = model.cell(
        mechanism, group.scenario, placement: placement, size: group.size, clients: clients)
    else { return "–" }
    if let spread = group.metric.spread(cell) { return group.metric.format(spread) }
    switch cell.status {
    case .measured, .notApplicable: return "n/a"
    case .failed: return "failed"
    case .notReached: return "–"
    }
  }

  private mutating func needs() {
    let needs = model.needs.map { need in
      (need, model.waitings.map { ($0, answers(need, $0)) }.filter { !$0.1.isEmpty })
    }.filter { !$0.1.isEmpty }
    guard !needs.isEmpty else { return }
    heading("Which mechanism for which need")
    for waiting in model.waitings {
      guard let only = model.only(waiting) else { continue }
      write(
        "The only \(waiting.word) mechanism is \(only): there is nothing to compare it with.",
        ink: .dim)
    }
    for (need, answers) in needs {
      write("\(need.title) (\(need.conditions))", indent: 2)
      for (waiting, found) in answers { write(found, waiting) }
    }
  }

  private typealias Answer = (placement: String, outcome: Outcome, text: String)

  private func answers(_ need: Need, _ waiting: Waiting) -> [Answer] {
    model.placements.compactMap { placement in
      let outcome = model.outcome(need, waiting: waiting, placement: placement)
      return model.brief(outcome, for: need, waiting: waiting).map { (placement, outcome, $0) }
    }
  }

  /// One line per placement for those that block, one line for all placements for the others.
  private mutating func write(_ answers: [Answer], _ waiting: Waiting) {
    guard waiting == .blocking else {
      let parts = answers.map { "\($0.placement): \($0.text)" }
      write("\(waiting.word), \(parts.joined(separator: "; "))", first: 2, indent: 6, ink: .dim)
      return
    }
    for (placement, outcome, text) in answers {
      let isClear = if case .clear = outcome { true } else { false }
      write("\(placement): \(text)", first: 2, indent: 6, ink: isClear ? .green : nil)
    }
  }
}

/// Text in lines of a given width.
enum TextWrap {
  /// Breaks a text at blanks. A word longer than a line is cut into pieces.
  static func wrap(_ text: String, width: Int, first: Int = 0, indent: Int = 0) -> [String] {
    func margin(_ length: Int) -> String { String(repeating: " ", count: min(length, width / 2)) }
    var lines: [String] = []
    var current = margin(first)
    var isEmpty = true
    func next() {
      lines.append(current)
      current = margin(indent)
      isEmpty = true
    }
    for word in text.split(separator: " ") {
      var word = word
      if !isEmpty, current.count + 1 + word.count > width { next() }
      if !isEmpty { current += " " }
      while current.count + word.count > width {
        let piece = word.prefix(width - current.count)
        current += piece
        word = word.dropFirst(piece.count)
        next()
      }
      current += word
      isEmpty = isEmpty && word.isEmpty
    }
    if !isEmpty { lines.append(current) }
    return lines
  }

  /// The text padded at its end.
  static func left(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// The text padded at its beginning.
  static func right(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
