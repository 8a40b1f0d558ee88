internal import LabResults

extension HTMLReport {
  /// A picture with its title, what to know about it, and its figures as a table.
  private func figure(_ picture: Markup, title: String, note: String, data: Markup) -> Markup {
    """
    <figure><figcaption><strong>\(title)</strong> \(note)</figcaption>
    <div class="scroll" role="region" aria-label="Chart: \(title)" tabindex="0">\(picture)</div>
    <details><summary>The figures of this chart</summary>
    \(data)</details></figure>

    """
  }

  /// The sentence in place of a chart without data.
  func empty(_ reason: String) -> Markup { "<p class=\"empty\">\(reason)</p>\n" }

  // MARK: Against size

  /// Round-trip latency against message size, one chart per placement.
  var latencyCharts: Markup {
    sizeCharts(
      "echo", .p50, id: "latency", name: "Median round trip (p50)",
      axis: "round trip, p50")
  }

  /// Stream throughput against message size, one chart per placement.
  var throughputCharts: Markup {
    sizeCharts(
      "stream", .throughput, id: "throughput", name: "Payload throughput",
      axis: "payload per second")
  }

  private func sizeCharts(
    _ scenario: String, _ metric: Metric, id: String, name: String, axis: String
  ) -> Markup {
    let sizes = model.sizes(of: scenario).filter { $0 > 0 }
    guard let clients = model.clients(of: scenario).first, !sizes.isEmpty else {
      return empty("No chart: the run did not include the scenario “\(scenario)”.")
    }
    func cell(_ mechanism: String, _ placement: String, _ size: Int) -> Cell? {
      model.cell(mechanism, scenario, placement: placement, size: size, clients: clients)
    }
    return model.placements.enumerated().map { number, placement -> Markup in
      let series = document.mechanisms.map { mechanism in
        LineChart.Series(
          label: model.label(of: mechanism), style: style(mechanism),
          points: sizes.map { size -> LineChart.Point? in
            guard let spread = metric.spread(cell(mechanism.id, placement, size)), spread.median > 0
            else { return nil }
            return LineChart.Point(
              x: Double(size).logarithm, median: spread.median, low: spread.low, high: spread.high,
              note: "\(model.title(of: mechanism.id)), \(Quantity.size(size)): "
                + "\(metric.format(spread)) (\(metric.range(spread)))")
          })
      }
      let title = "\(name) against message size, \(Placement.title(placement))"
      let frame = LineChart.Frame(
        title: title,
        description: description(scenario, metric, placement, size: sizes[0], clients: clients),
        xTitle: "message size (logarithmic)", yTitle: "\(axis) (logarithmic)",
        xTicks: sizes.map {
          LineChart.Tick(x: Double($0).logarithm, label: Quantity.size($0))
        },
        quantity: metric.quantity)
      guard let chart = LineChart(frame, series) else {
        return empty("No chart “\(title)”: it has no figures.")
      }
      let rows = document.mechanisms.map { mechanism -> Markup in
        let columns = sizes.map { dataCell(metric, cell(mechanism.id, placement, $0)) }
        return "\(rowHead(mechanism))\(columns.assembled())"
      }
      let data = table(
        caption: "\(title): median (range of trials)",
        head: ["Mechanism"] + sizes.map { "\(Quantity.size($0))" }, rows: rows,
        className: "figures")
      return figure(
        chart.svg(id: "\(id)-\(number)"),
        title: title,
        note:
          "Vertical strokes are the range of the trials; where a figure is missing there is a gap.",
        data: data)
    }.assembled()
  }

  func style(_ mechanism: MechanismInfo) -> MechanismStyle {
    styles[mechanism.id] ?? MechanismStyle(family: 0, member: 0)
  }

  /// A figure with its range, or why there is none.
  func dataCell(_ metric: Metric, _ cell: Cell?) -> Markup {
    guard let spread = metric.spread(cell) else {
      return "<td class=\"absent\">\(cell?.absence ?? "not in this run")</td>"
    }
    return "<td><b>\(metric.format(spread))</b> <small>(\(metric.range(spread)))</small></td>"
  }

  /// The chart in a sentence per way of waiting, for those who do not see it.
  private func description(
    _ scenario: String, _ metric: Metric, _ placement: String, size: Int, clients: Int
  ) -> String {
    let sentences = model.waitings.compactMap { waiting -> String? in
      let figures = document.mechanisms.filter { Waiting($0) == waiting }.compactMap { mechanism in
        metric.spread(
          model.cell(
            mechanism.id, scenario, placement: placement, size: size, clients: clients)
        ).map { (mechanism.id, $0) }
      }.sorted { $0.1.median < $1.1.median }
      guard let least = figures.first, let most = figures.last else { return nil }
      let name = "\(PlainText.sentence(waiting.word)) mechanisms at \(Quantity.size(size))"
      guard figures.count > 1 else {
        return "\(name): \(model.title(of: least.0)) \(metric.format(least.1))."
      }
      return "\(name): from \(metric.format(least.1)) (\(model.title(of: least.0))) to "
        + "\(metric.format(most.1)) (\(model.title(of: most.0)))."
    }
    return sentences.joined(separator: " ")
  }

  // MARK: Percentiles

  /// Percentile curves of small round trips, one chart per placement.
  var percentileCharts: Markup {
    guard let size = model.sizes(of: "echo").first, let clients = model.clients(of: "echo").first
    else { return empty("No chart: the run did not include the scenario “echo”.") }
    return model.placements.enumerated().map { number, placement -> Markup in
      percentileChart(number, placement: placement, size: size, clients: clients)
    }.assembled()
  }

  private func percentileChart(
    _ number: Int, placement: String, size: Int, clients: Int
  ) -> Markup {
    let title =
      "Percentiles of the \(Quantity.size(size)) round trip, \(Placement.title(placement))"
    func cell(_ mechanism: MechanismInfo) -> Cell? {
      model.cell(mechanism.id, "echo", placement: placement, size: size, clients: clients)
    }
    let series = document.mechanisms.map { mechanism in
      LineChart.Series(
        label: model.label(of: mechanism), style: style(mechanism),
        points: (cell(mechanism).map { PercentileCurve($0).points } ?? []).map {
          LineChart.Point(
            x: $0.nines, median: $0.median, low: $0.low, high: $0.high,
            note: note($0, of: mechanism))
        })
    }
    let end = series.flatMap(\.points).compactMap { $0?.x }.max() ?? 0
    let frame = LineChart.Frame(
      title: title,
      description: description("echo", .p50, placement, size: size, clients: clients),
      xTitle: "share of round trips that take at most so long (every nine equally wide)",
      yTitle: "round trip (logarithmic)",
      xTicks: Nines.ticks(upTo: end).map { LineChart.Tick(x: $0.position, label: $0.label) },
      quantity: .duration)
    guard let chart = LineChart(frame, series) else {
      return empty("No chart “\(title)”: no trial has a percentile curve.")
    }
    let columns: [(String, (Summary) -> Spread?)] = [
      ("p50", \.p50), ("p90", \.p90), ("p99", \.p99), ("p99.9", \.p999), ("maximum", \.max),
    ]
    let rows = document.mechanisms.map { mechanism -> Markup in
      let cell = cell(mechanism)
      let figures = columns.map { column -> Markup in
        guard let summary = cell?.summary, let spread = column.1(summary) else {
          let why =
            cell?.status == .measured ? "too few samples" : cell?.absence ?? "not in this run"
          return "<td class=\"absent\">\(why)</td>"
        }
        return """
          <td><b>\(Quantity.duration.format(spread.median))</b> \
          <small>(\(Quantity.duration.format(low: spread.low, high: spread.high)))</small></td>
          """
      }
      return "\(rowHead(mechanism))\(figures.assembled())"
    }
    let data = table(
      caption: "\(title): median (range of trials)",
      head: ["Mechanism"] + columns.map { "\($0.0)" }, rows: rows, className: "figures")
    return figure(
      chart.svg(id: "percentiles-\(number)"),
      title: title,
      note: "Median of the trials, at each percentile that at least half of them support with ten "
        + "samples beyond it.", data: data)
  }

  /// The percentiles that people name get a marker; the points between them do not.
  private func note(_ point: PercentileCurve.Point, of mechanism: MechanismInfo) -> String? {
    let tick = Nines.ticks(upTo: point.nines).first { abs($0.position - point.nines) < 1e-6 }
    guard let tick, point.nines > 0 else { return nil }
    let range = Quantity.duration.format(low: point.low, high: point.high)
    return "\(model.title(of: mechanism.id)), \(tick.label): "
      + "\(Quantity.duration.format(point.median)) (\(range))"
  }

  // MARK: Bars

  /// Processor time and context switches per message.
  var costCharts: Markup {
    let charts: [(String, Metric, String)] = [
      ("echo", .cpu, "Processor time per round trip"),
      ("echo", .switches, "Context switches per round trip"),
      ("stream", .cpu, "Processor time per streamed message"),
      ("stream", .switches, "Context switches per streamed message"),
    ]
    let note: Markup = """
      <p>Of the server and the client together, from the kernel’s accounting of both processes.</p>

      """
    return note
      + charts.enumerated().map { number, chart -> Markup in
        barCharts(
          chart.0, chart.1, id: "cost-\(number)", title: chart.2,
          clients: model.clients(of: chart.0).first)
      }.assembled()
  }

  /// Every scenario that has no chart of its own.
  var scenarioCharts: Markup {
    let others = document.scenarios.filter { $0.id != "echo" && $0.id != "stream" }
    guard !others.isEmpty else {
      return empty("No chart: the run included no scenario but echo and stream.")
    }
    return others.enumerated().map { number, scenario -> Markup in
      let metric = Metric.primary(of: scenario)
      let charts = barCharts(
        scenario.id, metric, id: "other-\(number)", title: "\(scenario.title), \(metric.title)",
        clients: model.clients(of: scenario.id).last)
      return "<h3>\(scenario.title)</h3><p>\(scenario.summary)</p>\n\(charts)"
    }.assembled()
  }

  private func barCharts(
    _ scenario: String, _ metric: Metric, id: String, title: String, clients: Int?
  ) -> Markup {
    guard let size = model.sizes(of: scenario).first, let clients else {
      return empty("No chart “\(title)”: the run did not include the scenario “\(scenario)”.")
    }
    let charts = model.placements.enumerated().map { number, placement in
      barChart(
        scenario, metric, id: "\(id)-\(number)", title: title, placement: placement, size: size,
        clients: clients)
    }
    return "<div class=\"pair\">\(charts.assembled())</div>\n"
  }

  private func barChart(
    _ scenario: String, _ metric: Metric, id: String, title: String, placement: String, size: Int,
    clients: Int
  ) -> Markup {
    func cell(_ mechanism: MechanismInfo) -> Cell? {
      model.cell(mechanism.id, scenario, placement: placement, size: size, clients: clients)
    }
    let crowd = clients > 1 ? ", \(clients) clients" : ""
    let full = "\(title), \(Quantity.size(size))\(crowd), \(Placement.title(placement))"
    guard document.mechanisms.contains(where: { metric.spread(cell($0)) != nil }) else {
      return empty("No chart “\(full)”: it has no figures.")
    }
    let groups = model.waitings.map { waiting in
      let members = document.mechanisms.filter { Waiting($0) == waiting }
      return BarChart.Group(
        title: waiting.title,
        bars: members.map { (metric.spread(cell($0)), $0) }.sorted { a, b in
          guard let first = a.0, let second = b.0 else { return a.0 != nil && b.0 == nil }
          return metric.lowerIsBetter
            ? first.median < second.median : first.median > second.median
        }.map { spread, mechanism in
          BarChart.Bar(
            label: model.title(of: mechanism.id), style: style(mechanism),
            value: spread.map { BarChart.Value(median: $0.median, low: $0.low, high: $0.high) },
            note: spread.map(metric.format) ?? cell(mechanism)?.absence ?? "not in this run")
        })
    }
    let chart = BarChart(
      title: full,
      description: description(scenario, metric, placement, size: size, clients: clients),
      groups: groups)
    let rows = document.mechanisms.map { mechanism -> Markup in
      "\(rowHead(mechanism))\(dataCell(metric, cell(mechanism)))"
    }
    let data = table(
      caption: "\(full): median (range of trials)", head: ["Mechanism", "\(metric.title)"],
      rows: rows, className: "figures")
    return figure(
      chart.svg(id: id), title: full,
      note: "The stroke is the range of the trials; a bar with a break goes on beyond the edge.",
      data: data)
  }
}
