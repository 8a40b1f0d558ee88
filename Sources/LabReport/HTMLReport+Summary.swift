internal import LabResults

extension HTMLReport {
  /// Every cell of the document, one or more tables per scenario.
  var summaryTables: Markup {
    guard !document.cells.isEmpty else {
      return "<p class=\"empty\">There are no figures: the run has no cells.</p>"
    }
    return document.scenarios.map { scenario -> Markup in
      let heading: Markup = """
        <h3>\(scenario.title) <code>\(scenario.id)</code></h3><p>\(scenario.summary)</p>

        """
      let tables = summaryTables(of: scenario)
      guard !tables.isEmpty else {
        return heading + empty("This scenario has no cells.")
      }
      return "\(heading)\(tables.assembled())"
    }.assembled()
  }

  /// The conditions of a column.
  private struct Column: Hashable {
    var placement: String
    var size: Int
    var clients: Int

    var title: String {
      clients > 1 ? "\(Quantity.size(size)), \(clients) clients" : Quantity.size(size)
    }
  }

  /// Columns that a table can have on a wide screen.
  private static let mostColumns = 6

  /// Placements share a table as long as their columns fit side by side.
  private func summaryTables(of scenario: ScenarioInfo) -> [Markup] {
    let cells = document.cells.filter { $0.scenario == scenario.id }
    var tables: [[Column]] = []
    for placement in model.placements {
      let columns = Set(
        cells.filter { $0.placement == placement }.map {
          Column(placement: placement, size: $0.size, clients: $0.clients)
        }
      ).sorted { ($0.clients, $0.size) < ($1.clients, $1.size) }
      if let last = tables.last, last.count + columns.count <= Self.mostColumns {
        tables[tables.count - 1] += columns
      } else if !columns.isEmpty {
        tables.append(columns)
      }
    }
    return tables.map { summaryTable(scenario, $0) }
  }

  private func summaryTable(_ scenario: ScenarioInfo, _ columns: [Column]) -> Markup {
    let isLatency = Metric.primary(of: scenario) == .p50
    let what = isLatency ? "p50, range of trials, p99 and maximum" : "messages and bytes per second"
    let placements = model.placements.filter { name in columns.contains { $0.placement == name } }
    let places = placements.map(Placement.title).joined(separator: " and ")
    let caption = "\(scenario.title), \(places): \(what)"
    let groups = placements.map { placement -> Markup in
      let span = columns.count { $0.placement == placement }
      return "<th scope=\"colgroup\" colspan=\"\(span)\">\(Placement.title(placement))</th>"
    }
    let heads = columns.map { "<th scope=\"col\">\($0.title)</th>" as Markup }
    let rows = document.mechanisms.map { mechanism -> Markup in
      let row = columns.map { column -> Markup in
        let cell = model.cell(
          mechanism.id, scenario.id, placement: column.placement, size: column.size,
          clients: column.clients)
        return summaryCell(cell, isLatency: isLatency)
      }
      return "<tr>\(rowHead(mechanism))\(row.assembled())</tr>\n"
    }
    return """
      <div class="scroll" role="region" aria-label="\(caption)" tabindex="0">
      <table class="figures"><caption>\(caption)</caption>
      <thead><tr><th scope="col" rowspan="2">Mechanism</th>\(groups.assembled())</tr>
      <tr>\(heads.assembled())</tr></thead>
      <tbody>
      \(rows.assembled())</tbody></table></div>

      """
  }

  private func summaryCell(_ cell: Cell?, isLatency: Bool) -> Markup {
    guard let cell else { return "<td class=\"absent\">not in this run</td>" }
    guard cell.status == .measured, let summary = cell.summary else {
      return "<td class=\"absent\">\(cell.absence)</td>"
    }
    func figure(_ metric: Metric, _ spread: Spread) -> Markup {
      "<b>\(metric.format(spread))</b><small>\(metric.range(spread))</small>"
    }
    var body: Markup
    if isLatency, let p50 = summary.p50 {
      body = figure(.p50, p50)
      if let p99 = summary.p99 { body += "<small>p99 \(Metric.p50.format(p99))</small>" }
      if let max = summary.max { body += "<small>max \(Metric.p50.format(max))</small>" }
    } else {
      body = figure(.rate, summary.messagesPerSecond)
      body += "<small>\(Metric.throughput.format(summary.bytesPerSecond))</small>"
      if let writes = summary.writesPerSecond {
        body += "<small>writes among them: \(Metric.rate.format(writes))</small>"
      }
      if let p50 = summary.p50 { body += "<small>p50 \(Metric.p50.format(p50))</small>" }
      if let p99 = summary.p99 { body += "<small>p99 \(Metric.p50.format(p99))</small>" }
    }
    let failed = cell.trials.count - cell.goodTrials.count
    if failed > 0 {
      body += "<small class=\"mark\">\(failed) of \(cell.trials.count) trials failed</small>"
    }
    if summary.lost > 0 { body += "<small class=\"mark\">\(summary.lost) messages lost</small>" }
    return "<td>\(body)</td>"
  }
}
