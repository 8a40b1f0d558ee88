internal import LabResults

/// The report as Markdown tables.
struct MarkdownReport {
  private let model: ReportModel

  init(_ document: ResultDocument) { model = ReportModel(document) }

  private var document: ResultDocument { model.document }

  /// The whole text.
  func render() -> String {
    [
      head, disagreements, needs, featureNeeds, summary, costs, features, noise, environment,
      method,
    ].joined(separator: "\n")
  }

  /// Text that Markdown takes as text, in one line.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in PlainText.line(text).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\\", "|", "*", "_", "`", "[", "]", "~", "#", "!":
        result += "\\"
        result.unicodeScalars.append(scalar)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Text that may hold anything, in a code span whose fence no run of backticks in it can close.
  private static func code(_ text: String) -> String {
    let text = PlainText.line(text)
    let runs = text.split { $0 != "`" }
    let fence = String(repeating: "`", count: (runs.map(\.count).max() ?? 0) + 1)
    return "\(fence) \(text) \(fence)"
  }

  private func table(_ head: [String], _ rows: [[String]]) -> String {
    let lines = [head, head.map { _ in "---" }] + rows
    return lines.map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
  }

  private func title(_ mechanism: String) -> String { Self.escaped(model.title(of: mechanism)) }

  private func names(_ mechanisms: [String]) -> String {
    mechanisms.map(title).joined(separator: " · ")
  }

  // MARK: Sections

  private var head: String {
    let (run, environment) = (document.run, document.environment)
    let where_ = [environment.processor, environment.operatingSystem, environment.kernel]
      .filter { !$0.isEmpty }.map(Self.escaped).joined(separator: ", ")
    let banners = model.banners.map {
      "> **\(Self.escaped($0.title)).** \(Self.escaped($0.text))\n\n"
    }
    return """
      # IPC mechanisms compared

      \(PlainText.count(document.mechanisms.count, "mechanism")), \
      \(PlainText.count(document.scenarios.count, "scenario")), \
      \(PlainText.count(document.probes.count, "probe")). \(Self.escaped(run.startedAt)), \(where_).

      \(banners.joined())
      """
  }

  private var disagreements: String {
    let found = model.disagreements
    guard !found.isEmpty else { return "" }
    let items = found.map { result in
      let evidence = result.evidence.map { "  - \(Self.escaped($0))\n" }
      return "- **\(title(result.mechanism)), \(probeTitle(result.probe))**: claims "
        + "“\(Self.escaped(result.claim))”, observed “\(Self.escaped(result.observed))”\n"
        + evidence.joined()
    }
    return "## Disagreements between claim and observation\n\n\(items.joined())"
  }

  private var needs: String {
    var rows: [[String]] = []
    for need in model.needs {
      for waiting in model.waitings(for: need) {
        let answers = model.placements.map { placement in
          let outcome = model.outcome(need, waiting: waiting, placement: placement)
          let words = model.words(
            outcome, for: need, waiting: waiting, name: { model.title(of: $0) })
          return Self.escaped(words.line)
        }
        rows.append(
          ["\(need.title) (\(need.scenario), \(need.conditions))", waiting.word] + answers)
      }
    }
    let head = ["Need", "Waiting"] + model.placements.map { Self.escaped(Placement.title($0)) }
    let body = rows.isEmpty ? "Nothing was measured.\n" : table(head, rows)
    return "## Which mechanism for which need\n\n### Needs that figures answer\n\n\(body)"
  }

  private var featureNeeds: String {
    let rows = model.featureAnswers.map { answer in
      let others = (answer.others + answer.unknown).map {
        "“\(Self.escaped($0.answer))”: \(names($0.mechanisms))"
      }
      return [
        answer.need.title, answer.satisfied.isEmpty ? "none seen" : names(answer.satisfied),
        others.isEmpty ? "–" : others.joined(separator: "; "),
      ]
    }
    let note = model.reachNote.map { "\n\($0)\n" } ?? ""
    if rows.isEmpty { return "" }
    return "### Needs that probes answer\n\n" + table(["Need", "Yes", "Otherwise observed"], rows)
      + note
  }

  private var summary: String {
    var text = "## Summary\n\nMedian of the trials (lowest to highest).\n"
    for scenario in document.scenarios {
      let metric = Metric.primary(of: scenario)
      for placement in model.placements {
        let cells = document.cells.filter {
          $0.scenario == scenario.id && $0.placement == placement
        }
        guard !cells.isEmpty else { continue }
        let heading = "\(scenario.title), \(Placement.title(placement)): \(metric.title)"
        let keys = Set(cells.map { [$0.clients, $0.size] }).sorted {
          $0.lexicographicallyPrecedes($1)
        }
        let head = keys.map { key in
          key[0] > 1 ? "\(Quantity.size(key[1])), \(key[0]) clients" : Quantity.size(key[1])
        }
        let rows = document.mechanisms.map { mechanism in
          [Self.escaped(model.label(of: mechanism))]
            + keys.map { key in
              figure(
                metric,
                model.cell(
                  mechanism.id, scenario.id, placement: placement, size: key[1], clients: key[0]))
            }
        }
        text += "\n### \(Self.escaped(heading))\n\n" + table(["Mechanism"] + head, rows)
      }
    }
    return document.cells.isEmpty ? "## Summary\n\nThere are no figures.\n" : text
  }

  private func figure(_ metric: Metric, _ cell: Cell?) -> String {
    guard let spread = metric.spread(cell), let summary = cell?.summary else {
      return Self.escaped(cell?.absence ?? "not in this run")
    }
    let tail = metric == .p50 ? summary.p99.map { ", p99 \(metric.format($0))" } ?? "" : ""
    let lost = summary.lost > 0 ? ", lost \(summary.lost)" : ""
    return "\(metric.format(spread)) (\(metric.range(spread)))\(tail)\(lost)"
  }

  /// What a message costs, of the server and the client together.
  private var costs: String {
    var columns: [(title: String, figure: (String) -> String)] = []
    for scenario in ["echo", "stream"] {
      guard let size = model.sizes(of: scenario).first,
        let clients = model.clients(of: scenario).first
      else { continue }
      for placement in model.placements {
        columns.append(
          (
            "\(scenario) \(Quantity.size(size)), \(Placement.title(placement))",
            { mechanism in
              let cell = model.cell(
                mechanism, scenario, placement: placement, size: size, clients: clients)
              guard let time = Metric.cpu.spread(cell), let switches = Metric.switches.spread(cell)
              else { return "–" }
              return "\(Metric.cpu.format(time)) (\(Metric.cpu.range(time))), "
                + "\(Metric.switches.format(switches)) switches"
            }
          ))
      }
    }
    guard !columns.isEmpty else { return "" }
    let rows = document.mechanisms.map { mechanism in
      [Self.escaped(model.label(of: mechanism))] + columns.map { $0.figure(mechanism.id) }
    }
    return
      "## Processor time and context switches\n\nPer round trip and per streamed message, of "
      + "the server and the client together.\n\n"
      + table(["Mechanism"] + columns.map { Self.escaped($0.title) }, rows)
  }

  private func probeTitle(_ id: String) -> String {
    let probe = document.probes.first { $0.id == id }
    return Self.escaped(probe.map { $0.title.isEmpty ? $0.id : $0.title } ?? id)
  }

  private var features: String {
    guard !document.probes.isEmpty else { return "## Features\n\nNo probe was executed.\n" }
    let results = Dictionary(
      document.features.map { ([$0.mechanism, $0.probe], $0) }, uniquingKeysWith: { a, _ in a })
    let rows = document.mechanisms.map { mechanism in
      [Self.escaped(model.label(of: mechanism))]
        + document.probes.map { probe in
          guard let result = results[[mechanism.id, probe.id]] else { return "not probed" }
          return "\(result.verdict.symbol) \(Self.escaped(result.observed))"
        }
    }
    return "## Features\n\n✓ as claimed, ✗ not as claimed, – does not apply, ? not possible here, "
      + "\\! experiment failed\n\n"
      + table(["Mechanism"] + document.probes.map { probeTitle($0.id) }, rows)
  }

  private var noise: String {
    let text =
      document.noise.map { "\(Self.escaped($0.grade)). \(Self.escaped($0.explanation))" }
      ?? "No noise grade: the run had no A/A control with two trials of each entry."
    return "## Noise\n\n\(text)\n"
  }

  private var environment: String {
    let environment = document.environment
    let warnings = environment.warnings.map { "- \(Self.escaped($0))\n" }
    let settings = environment.settings.map { [Self.escaped($0.name), Self.escaped($0.value)] }
    return """
      ## Environment

      \(Self.escaped(environment.processor)), \(PlainText.count(environment.processorCount, "processor")), \
      \(Self.escaped(environment.architecture)), \
      \(Quantity.bytes.format(Double(environment.memoryBytes))) of memory; hypervisor: \
      \(Self.escaped(environment.hypervisor ?? "none reported")); one clock reading takes \
      \(Quantity.duration.format(environment.timerOverheadNanoseconds)).

      \(warnings.joined())
      \(settings.isEmpty ? "" : table(["Setting", "Value"], settings))
      """
  }

  private var method: String {
    let run = document.run
    return """
      ## Method

      The unit is the trial: each figure is the median of the trials with their range, \
      \(run.plannedTrials) planned for each cell. Trials of all mechanisms are interleaved in seeded \
      random order, each in fresh processes. Echo is a closed loop, so its percentiles suffer from \
      coordinated omission; they are given only with ten samples beyond them. Mechanisms that poll \
      are never ranked with mechanisms that block. Where a mechanism keeps no boundaries (pipes, FIFOs, \
      stream sockets) each message has its length, four bytes, in front of it.

      Command: \(Self.code(run.commandLine.map(ShellWord.quoted).joined(separator: " ")))

      Seed: \(run.seed), ipclab \(Self.escaped(run.toolVersion)), \(Self.escaped(run.build)) build.

      """
  }
}
