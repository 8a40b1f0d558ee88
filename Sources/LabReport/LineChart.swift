/// Lines of several mechanisms over a common axis, with a logarithmic figure.
struct LineChart {
  /// One mechanism's line.
  struct Series {
    var label: String
    var style: MechanismStyle
    /// One entry per position of the x axis; `nil` is a gap in the line.
    var points: [Point?]
  }

  /// A point of a line.
  struct Point {
    /// Position on the x axis, in its own linear units.
    var x: Double
    var median: Double
    var low: Double
    var high: Double
    /// What the point's marker says when it is pointed at; without a note there is no marker.
    var note: String?
  }

  /// A labelled position of the x axis.
  struct Tick {
    var x: Double
    var label: String
  }

  /// What stands around the lines.
  struct Frame {
    var title: String
    var description: String
    var xTitle: String
    var yTitle: String
    var xTicks: [Tick]
    var quantity: Quantity
  }

  private let frame: Frame
  /// The lines that have a point.
  private let lines: [Series]
  private let domain: LogDomain

  /// Creates a chart; `nil` when no series has a point to draw.
  init?(_ frame: Frame, _ series: [Series]) {
    let lines = series.filter { $0.points.contains { $0 != nil } }
    let figures = lines.flatMap(\.points).compactMap(\.self).flatMap {
      $0.note != nil ? [$0.low, $0.median, $0.high] : [$0.median]
    }
    let isBinary = if case .throughput = frame.quantity { true } else { false }
    guard let domain = LogDomain.covering(figures, binary: isBinary) else { return nil }
    self.frame = frame
    self.lines = lines
    self.domain = domain
  }

  private static let height = 500.0
  private static let left = 76.0
  private static let plotWidth = 720.0
  private static let top = 34.0
  private static let bottom = height - 52
  private static let labelHeight = 15.5
  private static let labelLeft = left + plotWidth + 40
  /// Longest label that is not cut.
  private static let longestLabel = 36

  private var width: Double {
    let longest = lines.map { min($0.label.count, Self.longestLabel) }.max() ?? 0
    return Self.labelLeft + 26 + Double(longest) * 7.3 + 8
  }

  private var x: Scale {
    let positions = frame.xTicks.map(\.x) + lines.flatMap { $0.points.compactMap { $0?.x } }
    let (low, high) = (positions.min() ?? 0, positions.max() ?? 1)
    return .linear(low, high, to: Self.left + 12, Self.left + Self.plotWidth - 12)
  }

  private var y: Scale { .logarithmic(domain.low, domain.high, to: Self.bottom, Self.top) }

  /// The chart as an SVG element.
  ///
  /// - Parameter id: Prefix of the ids inside; unique in the page.
  func svg(id: String) -> Markup {
    """
    <svg class="lines" role="img" aria-labelledby="\(id)-t \(id)-d" \
    viewBox="0 0 \(at: width) \(at: height)" width="\(at: width)">
    <title id="\(id)-t">\(frame.title)</title><desc id="\(id)-d">\(frame.description)</desc>
    \(axes)\(zip(lines, labels).map(draw).assembled())
    </svg>
    """
  }

  private var height: Double {
    besidePositions == nil ? Self.height + legendHeight : Self.height
  }

  // MARK: Axes

  private var axes: Markup {
    let (right, bottom) = (Self.left + Self.plotWidth, Self.bottom)
    var result: Markup = "<g class=\"axis\">"
    for tick in domain.ticks {
      let position = y.position(tick)
      result += """
        <line class="grid" x1="\(at: Self.left)" x2="\(at: right)" y1="\(at: position)" \
        y2="\(at: position)"/><text x="\(at: Self.left - 8)" y="\(at: position + 4)" \
        text-anchor="end">\(frame.quantity.tick(tick))</text>
        """
    }
    for tick in labelledXTicks {
      let position = x.position(tick.x)
      result += """
        <line class="grid" x1="\(at: position)" x2="\(at: position)" y1="\(at: Self.top)" \
        y2="\(at: bottom)"/><text x="\(at: position)" y="\(at: bottom + 18)" \
        text-anchor="middle">\(tick.label)</text>
        """
    }
    result += """
      <line x1="\(at: Self.left)" x2="\(at: right)" y1="\(at: bottom)" y2="\(at: bottom)"/>\
      <text class="name" x="\(at: Self.left + Self.plotWidth / 2)" y="\(at: bottom + 40)" \
      text-anchor="middle">\(frame.xTitle)</text>\
      <text class="name" x="\(at: 8)" y="\(at: 16)">\(frame.yTitle)</text></g>
      """
    return result
  }

  /// The ticks whose labels do not touch the one before.
  private var labelledXTicks: [Tick] {
    var result: [Tick] = []
    var end = -Double.infinity
    for tick in frame.xTicks {
      let half = Double(tick.label.count) * 3.4
      guard x.position(tick.x) - half > end + 6 else { continue }
      result.append(tick)
      end = x.position(tick.x) + half
    }
    return result
  }

  // MARK: Lines

  /// A line and its label in one group, so that pointing at either brings out both.
  private func draw(_ series: Series, label: Markup) -> Markup {
    var path = ""
    var isDrawing = false
    var points: Markup = ""
    for point in series.points {
      guard let point else {
        isDrawing = false
        continue
      }
      let (px, py) = (x.position(point.x), y.position(point.median))
      let (sx, sy) = (Quantity.trimmed(px, decimals: 1), Quantity.trimmed(py, decimals: 1))
      path += "\(isDrawing ? "L" : "M")\(sx) \(sy)"
      isDrawing = true
      guard let note = point.note else { continue }
      let (low, high) = (y.position(max(point.low, domain.low)), y.position(point.high))
      points += """
        <g><title>\(note)</title><line class="range" x1="\(at: px)" x2="\(at: px)" \
        y1="\(at: low)" y2="\(at: high)"/>\(series.style.marker(x: px, y: py))</g>
        """
    }
    return """
      <g class="series \(series.style.className)"><title>\(series.label)</title>\
      <path d="\(path)"\(series.style.dashAttribute)/>\(points)\(label)</g>

      """
  }

  // MARK: Labels

  private func end(of series: Series) -> (x: Double, y: Double) {
    let last = series.points.compactMap(\.self).last
    return last.map { (x.position($0.x), y.position($0.median)) } ?? (Self.left, Self.bottom)
  }

  private var besidePositions: [Double]? {
    LabelLayout.spread(
      lines.map { end(of: $0).y }, height: Self.labelHeight, from: Self.top - 6,
      to: Self.bottom + 6)
  }

  /// A label for each line, beside the chart where they all fit and else below it.
  private var labels: [Markup] {
    guard let positions = besidePositions else { return legend }
    return zip(lines, positions).map { series, position in
      let end = end(of: series)
      return """
        <polyline class="leader" \
        points="\(at: end.x + 6),\(at: end.y) \(at: Self.labelLeft - 18),\(at: end.y) \
        \(at: Self.labelLeft - 3),\(at: position)"/>\(key(series, x: Self.labelLeft, y: position))
        """
    }
  }

  /// A sample of the line and its name.
  private func key(_ series: Series, x: Double, y: Double) -> Markup {
    """
    <line class="sample" x1="\(at: x)" x2="\(at: x + 22)" y1="\(at: y)" \
    y2="\(at: y)"\(series.style.dashAttribute)/>\(series.style.marker(x: x + 11, y: y))\
    <text x="\(at: x + 27)" y="\(at: y + 4)">\
    \(PlainText.clipped(series.label, to: Self.longestLabel))</text>
    """
  }

  private static let legendColumns = 3

  private var legendHeight: Double {
    let rows = (lines.count + Self.legendColumns - 1) / Self.legendColumns
    return Double(rows) * 18 + 8
  }

  private var legend: [Markup] {
    let column = (width - 16) / Double(Self.legendColumns)
    return lines.enumerated().map { index, series in
      let (row, place) = (index / Self.legendColumns, index % Self.legendColumns)
      let position = Self.height + 8 + Double(row) * 18
      return key(series, x: 8 + Double(place) * column, y: position)
    }
  }
}
