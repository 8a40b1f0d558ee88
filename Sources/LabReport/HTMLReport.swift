internal import LabResults

/// The report as one page that fetches nothing: markup, styles and pictures in one file.
struct HTMLReport {
  let model: ReportModel
  let styles: [String: MechanismStyle]

  init(_ document: ResultDocument) {
    model = ReportModel(document)
    styles = MechanismStyle.assign(document.mechanisms)
  }

  var document: ResultDocument { model.document }

  private struct Section {
    var id: String
    var title: String
    var body: Markup
  }

  /// The whole page.
  func render() -> String {
    let sections = [
      Section(id: "needs", title: "Which mechanism for which need", body: decisions),
      Section(id: "summary", title: "Summary", body: summaryTables),
      Section(id: "latency", title: "Latency against size", body: latencyCharts),
      Section(id: "throughput", title: "Throughput against size", body: throughputCharts),
      Section(id: "percentiles", title: "Percentiles", body: percentileCharts),
      Section(id: "cost", title: "Processor time and context switches", body: costCharts),
      Section(id: "other", title: "Other scenarios", body: scenarioCharts),
      Section(id: "features", title: "Features", body: features),
      Section(id: "noise", title: "Noise", body: noise),
      Section(id: "environment", title: "Environment", body: environment),
      Section(id: "method", title: "Method", body: method),
      Section(id: "mechanisms", title: "Mechanisms", body: mechanisms),
    ]
    let links = sections.map { "<li><a href=\"#\($0.id)\">\($0.title)</a></li>" as Markup }
    let bodies = sections.map { section -> Markup in
      """
      <section id="\(section.id)" aria-labelledby="\(section.id)-h">
      <h2 id="\(section.id)-h">\(section.title)</h2>
      \(section.body)
      </section>

      """
    }
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="ipclab \(document.run.toolVersion)">
      <title>IPC mechanisms compared, \(document.run.startedAt)</title>
      <style>
      \(Stylesheet.markup)</style>
      </head>
      <body>
      <a class="skip" href="#main">Skip to the results</a>
      <header>
      <h1>IPC mechanisms compared</h1>
      <p class="what">\(oneLine)</p>
      \(banners)
      <nav aria-label="Sections"><ul>\(links.assembled())</ul></nav>
      </header>
      <main id="main">
      \(bodies.assembled())</main>
      <footer><p>Made by ipclab \(document.run.toolVersion) from <code>results.json</code>, the \
      document that every figure here comes from.</p></footer>
      </body>
      </html>

      """
    return page.source
  }

  /// What was run, when and where.
  private var oneLine: String {
    let (run, environment) = (document.run, document.environment)
    return [
      PlainText.count(document.mechanisms.count, "mechanism"),
      PlainText.count(document.scenarios.count, "scenario"),
      PlainText.count(document.probes.count, "probe"), run.startedAt,
      "\(environment.processor), \(PlainText.count(environment.processorCount, "processor"))",
      environment.operatingSystem, environment.kernel,
    ].filter { !$0.isEmpty }.joined(separator: " · ")
  }

  private var banners: Markup {
    model.banners.map { banner -> Markup in
      """
      <p class="banner \(banner.weight.rawValue)" role="note"><strong>\(banner.title).</strong> \
      \(banner.text)</p>

      """
    }.assembled()
  }

  /// A name for a mechanism with its way of waiting, for the head of a row.
  func rowHead(_ mechanism: MechanismInfo) -> Markup {
    let waiting = Waiting(mechanism)
    let tag: Markup =
      waiting == .blocking ? "" : " <span class=\"tag\">\(waiting.word)</span>"
    let title = mechanism.title.isEmpty ? mechanism.id : mechanism.title
    return """
      <th scope="row"><span class="key \(styles[mechanism.id]?.className ?? "")" \
      aria-hidden="true"></span>\(title)\(tag)</th>
      """
  }

  /// A table in a container of its own that scrolls where the page is too narrow for it.
  func table(
    caption: String, head: [Markup], rows: [Markup], className: Markup = ""
  ) -> Markup {
    """
    <div class="scroll" role="region" aria-label="\(caption)" tabindex="0">
    <table class="\(className)"><caption>\(caption)</caption>
    <thead><tr>\(head.map { "<th scope=\"col\">\($0)</th>" }.assembled())</tr></thead>
    <tbody>
    \(rows.map { "<tr>\($0)</tr>\n" }.assembled())</tbody></table></div>

    """
  }
}
