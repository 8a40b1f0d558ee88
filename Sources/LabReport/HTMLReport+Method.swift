internal import LabResults

extension HTMLReport {
  /// What the A/A control says.
  var noise: Markup {
    guard let noise = document.noise else {
      return empty("No noise grade: the run had no A/A control with two trials of each entry.")
    }
    let rows = noise.comparisons.map { comparison -> Markup in
      let quantity: Quantity =
        model.scenario(comparison.scenario).map { Metric.primary(of: $0) } == .p50
        ? .duration : .rate
      return """
        <th scope="row">\(model.title(of: comparison.mechanism))</th><td>\(comparison.scenario)</td>\
        <td>\(Placement.title(comparison.placement))</td><td>\(Quantity.size(comparison.size))</td>\
        <td>\(quantity.format(comparison.first))</td><td>\(quantity.format(comparison.second))</td>\
        <td>\(Quantity.percent(comparison.relativeDifference))</td>\
        <td>\(comparison.p99Difference.map(Quantity.percent) ?? "–")</td>\
        <td>\(comparison.cpuDifference.map(Quantity.percent) ?? "–")</td>
        """
    }
    let comparisons: Markup =
      rows.isEmpty
      ? empty("The control has no comparisons.")
      : table(
        caption: "A mechanism compared with itself",
        head: [
          "Mechanism", "Scenario", "Placement", "Size", "First", "Second", "Difference",
          "of the p99", "of processor time",
        ],
        rows: rows, className: "figures")
    return """
      <p>Grade: <strong>\(noise.grade)</strong>. \(noise.explanation)</p>
      <p>In every scenario and placement one mechanism takes part twice, as if it were two (A/A \
      control), with the smallest messages. What differs between the two entries is noise; a \
      difference of that size between other mechanisms means nothing.</p>
      \(comparisons)
      """
  }

  /// The machine.
  var environment: Markup {
    let environment = document.environment
    let facts = [
      ("Kernel", environment.kernel), ("Operating system", environment.operatingSystem),
      ("Architecture", environment.architecture), ("Processor", environment.processor),
      ("Processors allowed", "\(environment.processorCount)"),
      ("Hypervisor", environment.hypervisor ?? "none reported"),
      ("Memory", Quantity.bytes.format(Double(environment.memoryBytes))),
      ("One clock reading", Quantity.duration.format(environment.timerOverheadNanoseconds)),
    ]
    let terms = facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" as Markup }
    let warnings: Markup =
      environment.warnings.isEmpty
      ? "<p>Nothing was found that disturbs a run.</p>"
      : """
      <h3>What may disturb the figures</h3>
      <ul>\(environment.warnings.map { "<li>\($0)</li>" as Markup }.assembled())</ul>
      """
    let rows = environment.settings.map {
      "<th scope=\"row\"><code>\($0.name)</code></th><td>\($0.value)</td>" as Markup
    }
    let settings: Markup =
      rows.isEmpty
      ? empty("No settings were recorded.")
      : table(caption: "Kernel limits and settings", head: ["Setting", "Value"], rows: rows)
    return "<dl>\(terms.assembled())</dl>\n\(warnings)\n\(settings)"
  }

  /// How the figures came about, and how to get them again.
  var method: Markup {
    let run = document.run
    let trials = document.cells.flatMap(\.trials)
    func total(_ field: (Trial) -> Int) -> String {
      Quantity.fixed(trials.reduce(0.0) { $0 + Double(field($1)) }, decimals: 0)
    }
    let seedHint: Markup =
      run.commandLine.contains { $0.hasPrefix("--seed") }
      ? "" : " Add <code>--seed \(String(run.seed))</code> for the same order and payloads."
    return """
      <ul>
      <li><strong>The unit is the trial</strong>, not the message: messages within a trial depend on \
      each other. Each figure is the median of its trials, with the lowest and the highest trial. \
      \(run.plannedTrials) trials were planned for each cell, \(trials.count) took place.</li>
      <li><strong>Order.</strong> The trials of all mechanisms are interleaved in random order from \
      the seed, so that a slow minute of the machine falls on all of them.</li>
      <li><strong>Fresh processes.</strong> Server and every client of every trial are processes of \
      their own, released together by a start barrier. Untimed warm-up operations precede the timed \
      section.</li>
      <li><strong>Placement</strong> decides which mechanism wins, so it is a dimension of every \
      result: both processes on one core, on two cores, or unpinned.</li>
      <li><strong>Closed loop.</strong> In echo a client sends the next message when it has the answer \
      to the last. A stall delays all later messages and is counted once (coordinated omission), so \
      these percentiles are not what clients with a schedule of their own would see.</li>
      <li><strong>Percentiles</strong> are given only with at least ten samples beyond them. Anything \
      further out would be one outlier under a better name.</li>
      <li><strong>Messages</strong>, not bytes, are what is sent. Where a mechanism keeps no \
      boundaries (pipes, FIFOs, stream sockets) each has its length, four bytes, in front of it. \
      That costs most where a message alone would just fill a page, as 4096 bytes do in a pipe.</li>
      <li><strong>Payloads</strong> are checked: length and sequence stamp of every message as it \
      arrives, the whole content by checksum in the warm-up and in the last message, outside of the \
      timed section. In this run: \(total(\.sequenceChecked)) messages by length and sequence, \
      \(total(\.checksumChecked)) by checksum, \(total(\.lost)) lost.</li>
      <li><strong>Waiting.</strong> Mechanisms that poll show low latency and use a core for it. They \
      are marked, and ranked only among themselves.</li>
      </ul>
      <h3>Do it again</h3>
      <pre tabindex="0"><code>\(commandLine)</code></pre>
      <p>Seed \(String(run.seed)), ipclab \(run.toolVersion), \(run.build) build, \(run.startedAt) to \
      \(run.finishedAt).\(seedHint)</p>
      """
  }

  private var commandLine: String {
    document.run.commandLine.map(ShellWord.quoted).joined(separator: " ")
  }

  /// The mechanisms and where they are documented.
  var mechanisms: Markup {
    guard !document.mechanisms.isEmpty else { return empty("No mechanism took part.") }
    let rows = document.mechanisms.map { mechanism -> Markup in
      let sources = mechanism.sources.map { "<li>\($0)</li>" as Markup }
      let list: Markup = sources.isEmpty ? "–" : "<ul>\(sources.assembled())</ul>"
      return """
        \(rowHead(mechanism))<td><code>\(mechanism.id)</code></td><td>\(mechanism.waiting)</td>\
        <td>\(mechanism.summary)</td><td>\(list)</td>
        """
    }
    return table(
      caption: "The mechanisms that took part",
      head: ["Mechanism", "Id", "Waiting", "What it is", "Documented in"], rows: rows)
  }
}
