internal import LabResults

extension HTMLReport {
  /// The decision tables: needs that figures answer, then needs that probes answer.
  var decisions: Markup {
    """
    <p>Computed from this run, for this machine. A winner is named only when all its trials lie \
    beyond all trials of the others and its lead is greater than the difference that the A/A control \
    saw between equal things. Ranges are the lowest and the highest trial. Mechanisms that spin while \
    they wait, always or for a moment, buy latency with processor time, so they are never ranked \
    together with mechanisms that block.</p>
    \(figureNeeds)\(featureNeeds)
    """
  }

  private var figureNeeds: Markup {
    let (needs, placements) = (model.needs, model.placements)
    guard !needs.isEmpty else {
      return "<p class=\"empty\">No need can be answered with figures: nothing was measured.</p>\n"
    }
    let head: [Markup] = ["Need"] + placements.map { "\(Placement.title($0))" }
    let bodies = needs.map { needRows($0) }
    return """
      <div class="scroll" role="region" aria-label="Needs that figures answer" tabindex="0">
      <table class="needs"><caption>Needs that figures answer</caption>
      <thead><tr>\(head.map { "<th scope=\"col\">\($0)</th>" }.assembled())</tr></thead>
      \(bodies.assembled())</table></div>

      """
  }

  private func needRows(_ need: Need) -> Markup {
    let rows = model.waitings(for: need).map { waiting -> Markup in
      let cells = model.placements.map { placement -> Markup in
        let outcome = model.outcome(need, waiting: waiting, placement: placement)
        let words = model.words(outcome, for: need, waiting: waiting, name: model.title(of:))
        let kind: Markup =
          if case .clear = outcome { "win" } else { "open" }
        let figure: Markup =
          words.figure.isEmpty ? "" : "<span class=\"figure\">\(words.figure)</span> "
        return """
          <td data-label="\(Placement.title(placement))"><strong class="\(kind)">\(words.who)</strong> \
          \(figure)<span class="remark">\(words.remark)</span></td>
          """
      }
      return "<tr><th scope=\"row\">\(waiting.title)</th>\(cells.assembled())</tr>\n"
    }
    let leftOut = model.leftOut(need)
    let columns = model.placements.count + 1
    let note: Markup =
      leftOut.isEmpty
      ? ""
      : """
      <tr class="left-out"><td colspan="\(columns)"><details><summary>Left out: \
      \(leftOut.count)</summary><ul>\(leftOut.map(item).assembled())</ul></details></td></tr>

      """
    return """
      <tbody><tr class="need"><th scope="rowgroup" colspan="\(columns)">\(need.title) \
      <span class="conditions">\(need.scenario), \(need.conditions), \(need.metric.title)</span></th>\
      </tr>
      \(rows.assembled())\(note)</tbody>

      """
  }

  private func item(_ leftOut: LeftOut) -> Markup {
    """
    <li>\(model.title(of: leftOut.mechanism)), \(Placement.title(leftOut.placement)): \
    \(leftOut.reason)</li>
    """
  }

  private var featureNeeds: Markup {
    let answers = model.featureAnswers
    guard !answers.isEmpty else {
      return "<p class=\"empty\">No need can be answered with probes: none was executed.</p>\n"
    }
    let rows = answers.map { answer -> Markup in
      let others = (answer.others + answer.unknown).map { group -> Markup in
        "<li>“\(group.answer)”: \(names(group.mechanisms))</li>"
      }
      let list: Markup = others.isEmpty ? "–" : "<ul>\(others.assembled())</ul>"
      return """
        <th scope="row">\(answer.need.title)</th><td data-label="Yes">\(satisfied(answer))</td>\
        <td data-label="Otherwise observed">\(list)</td>
        """
    }
    let note = model.reachNote.map { "<p>\($0)</p>\n" as Markup } ?? ""
    return table(
      caption: "Needs that probes answer", head: ["Need", "Yes", "Otherwise observed"], rows: rows,
      className: "needs") + note
  }

  /// At most so many exceptions are named instead of those that meet the need.
  private static let fewExceptions = 4

  private func satisfied(_ answer: FeatureAnswer) -> Markup {
    let others = (answer.others + answer.unknown).flatMap(\.mechanisms)
    if answer.satisfied.isEmpty { return "<span class=\"remark\">none seen</span>" }
    if (1...Self.fewExceptions).contains(others.count), answer.satisfied.count > others.count {
      return "all but \(names(others))"
    }
    return "\(names(answer.satisfied))"
  }

  private func names(_ mechanisms: [String]) -> String {
    guard mechanisms.count < max(document.mechanisms.count, 3) else {
      return "all \(mechanisms.count)"
    }
    // A title may hold a comma itself.
    return mechanisms.map(model.title(of:)).joined(separator: " · ")
  }
}
