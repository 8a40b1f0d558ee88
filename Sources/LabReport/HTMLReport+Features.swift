internal import LabResults

extension HTMLReport {
  /// Disagreements, the matrix, and the evidence of every cell.
  var features: Markup {
    guard !document.probes.isEmpty else {
      return empty("No matrix: the run executed no probes.")
    }
    return "\(disagreements)\(matrix)\(evidence)"
  }

  private func probeTitle(_ id: String) -> String {
    document.probes.first { $0.id == id }.map { $0.title.isEmpty ? $0.id : $0.title } ?? id
  }

  private var disagreements: Markup {
    let found = model.disagreements
    guard !found.isEmpty else {
      return """
        <h3>Disagreements</h3>
        <p>None: every mechanism did what it claims in every experiment that could be made.</p>

        """
    }
    let items = found.map { result -> Markup in
      """
      <li><strong>\(model.title(of: result.mechanism)), \(probeTitle(result.probe)):</strong> claims \
      “\(result.claim)”, observed “\(result.observed)”.
      <details><summary>Evidence</summary>\(steps(result))</details></li>

      """
    }
    return "<h3>Disagreements</h3>\n<ul class=\"disagreements\">\n\(items.assembled())</ul>\n"
  }

  private func steps(_ result: FeatureResult) -> Markup {
    guard !result.evidence.isEmpty else { return "<p>No evidence was recorded.</p>" }
    return "<ol>\(result.evidence.map { "<li>\($0)</li>" as Markup }.assembled())</ol>"
  }

  private func sign(_ verdict: FeatureResult.Verdict) -> Markup {
    """
    <span class="sign \(verdict.rawValue)" aria-hidden="true">\(verdict.symbol)</span>\
    <span class="hidden">\(verdict.words): </span>
    """
  }

  private var matrix: Markup {
    let legend = [
      FeatureResult.Verdict.agrees, .disagrees, .notApplicable, .notPossibleHere, .failed,
    ].map { "\($0.symbol) \($0.words)" }.joined(separator: " · ")
    let results = Dictionary(
      document.features.map { ([$0.mechanism, $0.probe], $0) }, uniquingKeysWith: { a, _ in a })
    let numbers = Array(document.probes.indices)
    let count = (numbers.count + Self.mostProbes - 1) / Self.mostProbes
    let length = (numbers.count + count - 1) / count
    let tables = stride(from: 0, to: numbers.count, by: length).map { start -> Markup in
      let part = numbers[start..<min(start + length, numbers.count)]
      let rows = document.mechanisms.map { mechanism -> Markup in
        let cells = part.map { number -> Markup in
          matrixCell(results[[mechanism.id, document.probes[number].id]])
        }
        return "\(rowHead(mechanism))\(cells.assembled())"
      }
      let head = part.map { number -> Markup in
        "<a href=\"#evidence-\(number)\">\(probeTitle(document.probes[number].id))</a>"
      }
      let place = count > 1 ? ", part \(start / length + 1) of \(count)" : ""
      return table(
        caption: "Observed features\(place)", head: ["Mechanism"] + head, rows: rows,
        className: "matrix")
    }
    return """
      <h3>Feature matrix</h3>
      <p>Every cell is what an experiment observed on this machine, not what a manual says. The head \
      of a column leads to its evidence. \(legend)</p>
      \(tables.assembled())
      """
  }

  /// Probes that a table can have side by side on a wide screen.
  private static let mostProbes = 8

  private func matrixCell(_ result: FeatureResult?) -> Markup {
    guard let result else { return "<td class=\"absent\">not probed</td>" }
    let mark: Markup = result.verdict == .disagrees ? " class=\"wrong\"" : ""
    return "<td\(mark)>\(sign(result.verdict)) \(result.observed)</td>"
  }

  private var evidence: Markup {
    let blocks = document.probes.enumerated().map { number, probe -> Markup in
      let rows = model.features(of: probe.id).map { result -> Markup in
        """
        <th scope="row">\(model.title(of: result.mechanism))</th><td>\(result.claim)</td>\
        <td>\(sign(result.verdict)) \(result.observed)</td><td>\(steps(result))</td>
        """
      }
      let body: Markup =
        rows.isEmpty
        ? "<p class=\"empty\">The probe was executed on no mechanism.</p>"
        : table(
          caption: "Evidence: \(probeTitle(probe.id))",
          head: ["Mechanism", "Claim", "Observed", "Evidence"], rows: rows, className: "evidence")
      return """
        <details id="evidence-\(number)"><summary>\(probeTitle(probe.id))</summary>
        <p><strong>\(probe.question)</strong> \(probe.method)</p>
        \(body)</details>

        """
    }
    return "<h3>Evidence</h3>\n\(blocks.assembled())"
  }
}
