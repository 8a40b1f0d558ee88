internal import LabResults

/// The document as tables for a spreadsheet or a script.
///
/// RFC 4180: lines end with CR LF, a field with a comma, a quote or a line break is quoted. Numbers
/// have a point and no grouping. A figure that does not exist is an empty field, never 0.
package enum CSVReport {
  /// One row per cell, measured or not.
  static func results(_ document: ResultDocument) -> String {
    let waiting = Dictionary(
      document.mechanisms.map { ($0.id, $0.waiting) }, uniquingKeysWith: { a, _ in a })
    let spreads: [(String, (Summary) -> Spread?)] = [
      ("p50_ns", \.p50), ("p90_ns", \.p90), ("p99_ns", \.p99), ("p999_ns", \.p999),
      ("max_ns", \.max), ("messages_per_second", \.messagesPerSecond),
      ("bytes_per_second", \.bytesPerSecond), ("cpu_ns_per_message", \.cpuNanosecondsPerMessage),
      ("switches_per_message", \.switchesPerMessage),
      ("writes_per_second", \.writesPerSecond),
    ]
    var rows: [[String]] = [
      [
        "mechanism", "waiting", "scenario", "placement", "size_bytes", "clients", "status",
        "reason",
        "good_trials", "failed_trials",
      ] + spreads.flatMap { ["\($0.0)_median", "\($0.0)_low", "\($0.0)_high"] } + ["lost"]
    ]
    for cell in document.cells {
      let good = cell.goodTrials.count
      var row = [
        cell.mechanism, waiting[cell.mechanism] ?? "", cell.scenario, cell.placement,
        "\(cell.size)", "\(cell.clients)", cell.status.rawValue, cell.reason ?? "",
        "\(good)", "\(cell.trials.count - good)",
      ]
      for (_, spread) in spreads {
        let spread = cell.summary.flatMap(spread)
        row += [number(spread?.median), number(spread?.low), number(spread?.high)]
      }
      row.append(cell.summary.map { "\($0.lost)" } ?? "")
      rows.append(row)
    }
    return table(rows)
  }

  /// One row per trial, with the key of its cell.
  static func trials(_ document: ResultDocument) -> String {
    var rows: [[String]] = [
      [
        "mechanism", "scenario", "placement", "size_bytes", "clients", "order", "seed", "failure",
        "count", "warmup", "elapsed_ns", "samples", "min_ns", "p50_ns", "p90_ns", "p99_ns",
        "p999_ns", "max_ns", "mean_ns", "messages_per_second", "bytes_per_second", "lost",
        "sequence_checked", "checksum_checked", "server_user_ns", "server_system_ns",
        "server_voluntary_switches", "server_involuntary_switches", "client_user_ns",
        "client_system_ns", "client_voluntary_switches", "client_involuntary_switches",
        "writes",
      ]
    ]
    for cell in document.cells {
      for trial in cell.trials {
        let key = [
          cell.mechanism, cell.scenario, cell.placement, "\(cell.size)", "\(cell.clients)",
          "\(trial.order)", "\(trial.seed)", trial.failure ?? "", "\(trial.count)",
          "\(trial.warmup)",
        ]
        let figures = trial.failure == nil ? figures(of: trial) : []
        let missing = rows[0].count - key.count - figures.count
        rows.append(key + figures + Array(repeating: "", count: missing))
      }
    }
    return table(rows)
  }

  /// One row per probe and mechanism.
  static func features(_ document: ResultDocument) -> String {
    var rows = [["probe", "mechanism", "verdict", "claim", "observed", "evidence"]]
    for result in document.features {
      rows.append([
        result.probe, result.mechanism, result.verdict.rawValue, result.claim, result.observed,
        result.evidence.joined(separator: "\n"),
      ])
    }
    return table(rows)
  }

  /// A field as RFC 4180 writes it.
  package static func field(_ text: String) -> String {
    // By bytes: CR LF is one Character, which equals neither CR nor LF.
    guard text.utf8.contains(where: { Array(",\"\r\n".utf8).contains($0) }) else { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { quoted += "\"" }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
  }

  /// Rows of fields as the text of a file.
  package static func table(_ rows: [[String]]) -> String {
    rows.map { $0.map(field).joined(separator: ",") + "\r\n" }.joined()
  }

  private static func figures(of trial: Trial) -> [String] {
    let latency = trial.latency
    func whole(_ value: UInt64?) -> String { value.map { "\($0)" } ?? "" }
    return [
      "\(trial.elapsedNanoseconds)", latency.map { "\($0.samples)" } ?? "", whole(latency?.min),
      whole(latency?.p50), whole(latency?.p90), whole(latency?.p99), whole(latency?.p999),
      whole(latency?.max), number(latency?.mean), number(trial.messagesPerSecond),
      number(trial.bytesPerSecond), "\(trial.lost)", "\(trial.sequenceChecked)",
      "\(trial.checksumChecked)",
    ]
      + [trial.serverUsage, trial.clientUsage].flatMap {
        [
          "\($0.userNanoseconds)", "\($0.systemNanoseconds)", "\($0.voluntarySwitches)",
          "\($0.involuntarySwitches)",
        ]
      } + [trial.writes.map { "\($0)" } ?? ""]
  }

  /// The shortest text that reads back as the same number.
  private static func number(_ value: Double?) -> String {
    guard let value else { return "" }
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
