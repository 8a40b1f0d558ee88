internal import LabResults

extension HTMLReport {
  /// One table per scenario and placement, with every cell of the document in it.
  var summaryTables: Markup {
    guard !document.cells.isEmpty else {
      return "<p class=\"empty\">There are no figures: the run has no cells.</p>"
    }
    return document.scenarios.map { scenario -> Markup in
      let tables = model.placements.compactMap { summaryTable(scenario, placement: $0) }
      guard !tables.isEmpty else {
        return "<h3>\(scenario.title)</h3><p class=\"empty\">This scenario has no cells.</p>\n"
      }
      return """
        <h3>\(scenario.title) <code>\(scenario.id)</code></h3><p>\(scenario.summary)</p>
        \(tables.joined())
        """
    }.joined()
  }

  private struct Column: Hashable {
    var size: Int
    var clients: Int
  }

  private func summaryTable(_ scenario: ScenarioInfo, placement: String) -> Markup? {
    let cells = document.cells.filter { $0.scenario == scenario.id && $0.placement == placement }
    guard !cells.isEmpty else { return nil }
    let columns = Set(cells.map { Column(size: $0.size, clients: $0.clients) }).sorted {
      ($0.clients, $0.size) < ($1.clients, $1.size)
    }
    let isLatency = Metric.primary(of: scenario) == .p50
    let head: [Markup] =
      ["Mechanism"]
      + columns.map { column in
        let clients = column.clients > 1 ? ", \(column.clients) clients" : ""
        return "\(Quantity.size(column.size))\(clients)"
      }
    let rows = document.mechanisms.map { mechanism -> Markup in
      let row = columns.map { column -> Markup in
        let cell = model.cell(
          mechanism.id, scenario.id, placement: placement, size: column.size,
          clients: column.clients)
        return summaryCell(cell, isLatency: isLatency)
      }
      return "\(rowHead(mechanism))\(row.joined())"
    }
    let what = isLatency ? "p50, then p99 and maximum" : "messages and payload bytes per second"
    return table(
      caption:
        "\(scenario.title), \(Placement.title(placement)): \(what); median (range of trials)",
      head: head, rows: rows, className: "figures")
  }

  private func summaryCell(_ cell: Cell?, isLatency: Bool) -> Markup {
    guard let cell else { return "<td class=\"absent\">not in this run</td>" }
    guard cell.status == .measured, let summary = cell.summary else {
      return "<td class=\"absent\">\(cell.absence)</td>"
    }
    func line(_ name: String, _ quantity: Quantity, _ spread: Spread?) -> Markup {
      guard let spread else { return "" }
      return """
        <small>\(name)\(quantity.format(spread.median)) \
        (\(quantity.format(low: spread.low, high: spread.high)))</small>
        """
    }
    func first(_ quantity: Quantity, _ spread: Spread) -> Markup {
      """
      <b>\(quantity.format(spread.median))</b><small>\
      (\(quantity.format(low: spread.low, high: spread.high)))</small>
      """
    }
    var body: Markup
    if isLatency, let p50 = summary.p50 {
      body = first(.duration, p50)
      body += line("p99 ", .duration, summary.p99)
      body += line("max ", .duration, summary.max)
    } else {
      body = first(.rate, summary.messagesPerSecond)
      body += line("", .throughput, summary.bytesPerSecond)
    }
    let failed = cell.trials.count - cell.goodTrials.count
    if failed > 0 {
      body += "<small class=\"mark\">\(failed) of \(cell.trials.count) trials failed</small>"
    }
    if summary.lost > 0 { body += "<small class=\"mark\">\(summary.lost) messages lost</small>" }
    return "<td>\(body)</td>"
  }
}
