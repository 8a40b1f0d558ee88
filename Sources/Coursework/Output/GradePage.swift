internal import LabReport

/// What the pages of a batch have in common.
enum GradePage {
  /// A page that fetches nothing.
  static func page(title: String, lead: String, banners: [String], body: Markup) -> String {
    let notes = banners.map { banner -> Markup in
      "<p class=\"banner caution\" role=\"note\">\(banner)</p>\n"
    }
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(title)</title>
      <style>
      \(Stylesheet.markup)</style>
      </head>
      <body>
      <a class="skip" href="#main">Skip to the results</a>
      <header>
      <h1>\(title)</h1>
      <p class="what">\(lead)</p>
      \(notes.assembled())</header>
      <main id="main">
      \(body)</main>
      <footer><p>Made by ipclab lab grade. Students’ own texts are shown as they are and were not \
      interpreted.</p></footer>
      </body>
      </html>

      """
    return page.source
  }

  static func section(_ id: String, _ title: String, _ body: Markup) -> Markup {
    """
    <section id="\(id)" aria-labelledby="\(id)-h">
    <h2 id="\(id)-h">\(title)</h2>
    \(body)
    </section>

    """
  }

  static func table(_ caption: String, head: [String], rows: [[Markup]]) -> Markup {
    let titles = head.map { "<th scope=\"col\">\($0)</th>" as Markup }
    let lines = rows.map { row -> Markup in
      let cells = row.enumerated().map { index, cell -> Markup in
        index == 0 ? "<th scope=\"row\">\(cell)</th>" : "<td>\(cell)</td>"
      }
      return "<tr>\(cells.assembled())</tr>\n"
    }
    return """
      <div class="scroll" role="region" aria-label="\(caption)" tabindex="0">
      <table><caption>\(caption)</caption>
      <thead><tr>\(titles.assembled())</tr></thead>
      <tbody>
      \(lines.assembled())</tbody></table></div>

      """
  }

  static func list(_ items: [Markup], none: String) -> Markup {
    if items.isEmpty { return "<p class=\"empty\">\(none)</p>\n" }
    return "<ul>\(items.map { "<li>\($0)</li>\n" as Markup }.assembled())</ul>\n"
  }

  /// A bar of one or more parts, each with its class, beside its figures in the table.
  static func bar(_ parts: [(className: Markup, value: Int)], of total: Int) -> Markup {
    let width = 200
    var start = 0
    var shapes: Markup = ""
    var sum = 0
    for (className, value) in parts where value > 0 && total > 0 {
      sum += value
      let end = sum * width / total
      shapes += """
        <g class="series \(className)"><rect x="\(start)" y="0" width="\(end - start)" \
        height="14"/></g>
        """
      start = end
    }
    return """
      <svg viewBox="0 0 \(width) 14" width="\(width)" height="14" aria-hidden="true">\
      \(shapes)</svg>
      """
  }
}
