internal import FoundationEssentials
internal import IPCSystem
internal import LabResults
internal import LabRunner

/// `ipclab doctor`: what on this machine will disturb or limit a run.
enum DoctorCommand {
  static let command = Command(
    name: "doctor", summary: "Say what on this machine will disturb or limit a run",
    help: """
      Usage: ipclab doctor

      Looks at processors, load, kernel limits and the runtime directory. Exit code 0 when a run is
      possible, 3 when it is not.

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words)
    if let word = arguments.operands.first { throw UsageError("takes no “\(word)”") }
    let runtime = try Workplace.runtime()
    let machine = MachineSurvey.environment()
    var rows = [
      ("kernel", machine.kernel), ("system", machine.operatingSystem),
      (
        "processor",
        "\(machine.processor), \(machine.processorCount) of them usable, \(machine.architecture)"
      ),
      ("memory", "\(machine.memoryBytes / (1 << 20)) MiB"),
      ("clock reading", "\(Int(machine.timerOverheadNanoseconds.rounded())) ns each"),
      ("runtime directory", runtime.path), ("build", BuildMode.current),
    ]
    rows += machine.settings.map { ($0.name, $0.value) }
    Output.data(TextTable.described(rows) + "\n")
    if machine.warnings.isEmpty {
      Output.data("Nothing that would disturb a run was found.\n")
    } else {
      Output.data("What will disturb or limit a run:\n")
      for warning in machine.warnings {
        Output.data("- " + TextTable.wrapped(warning, indent: "  ", width: 100).dropFirst(2) + "\n")
      }
    }
    return Exit.done
  }
}
