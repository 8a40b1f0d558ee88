/// Horizontal bars from 0, in groups that are not compared with each other.
struct BarChart {
  /// Bars that belong together.
  struct Group {
    var title: String
    var bars: [Bar]
  }

  /// One mechanism's bar.
  struct Bar {
    var label: String
    var style: MechanismStyle
    /// `nil` where there is no figure; then `note` says why.
    var value: Value?
    /// What stands beside the bar, or in its place.
    var note: String
  }

  /// A figure with the range of its trials.
  struct Value {
    var median: Double
    var low: Double
    var high: Double
  }

  var title: String
  var description: String
  var groups: [Group]

  private static let row = 21.0
  private static let barHeight = 12.0
  private static let plotWidth = 230.0
  private static let noteWidth = 104.0
  private static let longestLabel = 34
  private static let longestNote = 52

  private var bars: [Bar] { groups.flatMap(\.bars) }

  private var labelWidth: Double {
    let longest = bars.map { min($0.label.count, Self.longestLabel) }.max() ?? 0
    return Double(longest) * 7.3 + 14
  }

  /// What a bar of full length stands for.
  ///
  /// The medians of the first group decide, so that neither one far-off trial nor a mechanism of
  /// another kind squeezes every bar into a corner. A longer bar is cut and shows that it is.
  private var limit: Double {
    let first = groups.lazy.map { $0.bars.compactMap(\.value) }.first { !$0.isEmpty } ?? []
    let reach = (first.map(\.median).max() ?? 0) * 2.5
    return min(bars.compactMap { $0.value?.high }.max() ?? 0, reach > 0 ? reach : .infinity)
  }

  /// The chart as an SVG element.
  ///
  /// - Parameter id: Prefix of the ids inside; unique in the page.
  func svg(id: String) -> Markup {
    let hasHeadings = groups.count > 1
    var y = 4.0
    var body: Markup = ""
    let scale = Scale.linear(0, limit, to: labelWidth, labelWidth + Self.plotWidth)
    for group in groups {
      if hasHeadings {
        body += "<text class=\"heading\" x=\"4\" y=\"\(at: y + 14)\">\(group.title)</text>"
        y += Self.row
      }
      for bar in group.bars {
        body += draw(bar, at: y, scale)
        y += Self.row
      }
      y += 5
    }
    let width = labelWidth + Self.plotWidth + Self.noteWidth
    return """
      <svg class="bars" role="img" aria-labelledby="\(id)-t \(id)-d" \
      viewBox="0 0 \(at: width) \(at: y)" width="\(at: width)">
      <title id="\(id)-t">\(title)</title><desc id="\(id)-d">\(description)</desc>
      \(body)</svg>
      """
  }

  private func draw(_ bar: Bar, at y: Double, _ scale: Scale) -> Markup {
    let middle = y + Self.row / 2
    let label: Markup = """
      <text x="\(at: labelWidth - 8)" y="\(at: middle + 4)" text-anchor="end">\
      \(PlainText.clipped(bar.label, to: Self.longestLabel))</text>
      """
    guard let value = bar.value else {
      return """
        <g><title>\(bar.label): \(bar.note)</title>\(label)<text class="absent" \
        x="\(at: labelWidth + 4)" y="\(at: middle + 4)">\
        \(PlainText.clipped(bar.note, to: Self.longestNote))</text></g>

        """
    }
    // With every figure 0 there is no length to show, and the scale has no answer.
    func position(_ figure: Double) -> Double {
      limit > 0 ? scale.position(min(figure, limit)) : labelWidth
    }
    let (low, high) = (position(value.low), position(value.high))
    let length = position(value.median) - labelWidth
    let range: Markup
    if value.median > limit {
      range = breakMark(at: labelWidth + length - 14, middle)
    } else {
      let cap: Markup =
        value.high > limit
        ? ""
        : """
        <line class="whisker" x1="\(at: high)" x2="\(at: high)" y1="\(at: middle - 3)" \
        y2="\(at: middle + 3)"/>
        """
      range = """
        <line class="whisker" x1="\(at: low)" x2="\(at: high)" y1="\(at: middle)" \
        y2="\(at: middle)"/>\(cap)
        """
    }
    return """
      <g class="series \(bar.style.className)"><title>\(bar.label): \(bar.note)</title>\(label)\
      <rect x="\(at: labelWidth)" y="\(at: middle - Self.barHeight / 2)" \
      width="\(at: length)" height="\(at: Self.barHeight)"/>\(range)\
      <text x="\(at: max(high, labelWidth + length) + 6)" y="\(at: middle + 4)">\
      \(bar.note)</text></g>

      """
  }

  /// Two slanted gaps across a bar: it goes on beyond the edge.
  private func breakMark(at x: Double, _ middle: Double) -> Markup {
    [x, x + 6].map { x -> Markup in
      """
      <line class="break" x1="\(at: x - 3)" x2="\(at: x + 3)" y1="\(at: middle + 8)" \
      y2="\(at: middle - 8)"/>
      """
    }.assembled()
  }
}
