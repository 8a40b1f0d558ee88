internal import IPCTransport
internal import LabResults
internal import LabRunner
internal import TransportCatalog

/// `ipclab list`: what there is.
enum ListCommand {
  static let command = Command(
    name: "list", summary: "List transports, scenarios or probes",
    help: """
      Usage: ipclab list transports|scenarios|probes

      Examples:
        ipclab list transports
        ipclab list probes

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words)
    guard let what = arguments.operands.first, arguments.operands.count == 1 else {
      throw UsageError("list what? transports, scenarios or probes")
    }
    let kinds = ["transports", "scenarios", "probes"]
    let rows: [(String, String)] =
      switch try Arguments.known(what, among: kinds, kind: "list") {
      case "transports": TransportCatalog.all.map { ($0.mechanism.id, $0.mechanism.summary) }
      case "scenarios": ScenarioCatalog.all.map { ($0.info.id, $0.info.summary) }
      default: ProbeCatalog.all.map { ($0.info.id, $0.info.question) }
      }
    Output.data(table(rows))
    return Exit.done
  }

  /// Two columns; the second is wrapped to 100 columns.
  static func table(_ rows: [(String, String)], width: Int = 100) -> String {
    let indent = (rows.map(\.0.count).max() ?? 0) + 2
    var text = ""
    for (name, description) in rows {
      var line = name + String(repeating: " ", count: indent - name.count)
      for word in description.split(separator: " ") {
        if line.count + word.count > width && line.count > indent {
          text += line.trimmed + "\n"
          line = String(repeating: " ", count: indent)
        }
        line += word + " "
      }
      text += line.trimmed + "\n"
    }
    return text
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
