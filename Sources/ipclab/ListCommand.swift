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
    Output.data(TextTable.described(rows))
    return Exit.done
  }
}
