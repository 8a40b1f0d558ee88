internal import AnonymousPipes
internal import IPCSystem
internal import IPCTransport

/// `ipclab pipeline`: runs programs connected by pipes and says how each of them ended.
enum PipelineCommand {
  // Its words belong to programs, and --help may be one of theirs: it shows its help itself.
  static let command = Command(
    name: "pipeline", summary: "Run programs connected by pipes", help: "", run: run)

  private static let help = """
    Usage: ipclab pipeline -- PROGRAM ARGS '|' PROGRAM ARGS ...

    Runs the programs at the same time, each reading what the one before it writes. The first
    reads standard input, the last writes standard output. Afterwards one line per program on
    standard error says how it ended. Quote the |, or the shell takes it.

    Examples:
      ipclab pipeline -- cat README.md '|' sort '|' head -3
      ipclab pipeline -- yes '|' head -1        # yes is ended by SIGPIPE, which is as it should be

    Exit codes:
      0    every program returned 0, or was ended by SIGPIPE because a later one had read enough
      1    a program failed
      2    usage
      3    a program could not be started
      130  interrupted

    """

  private static func run(_ words: [String]) throws -> Int32 {
    var words = words
    if let first = words.first, ["--help", "-h", "help"].contains(first) {
      Output.data(help)
      return Exit.done
    }
    if words.first == "--" {
      words.removeFirst()
    } else if let first = words.first, first.hasPrefix("-") {
      throw UsageError("no option is called \(first)")
    }
    let stages: [Pipeline.Stage]
    do throws(TransportError) { stages = try Pipeline.parse(words: words) } catch {
      throw UsageError(error.remedy ?? error.description)
    }
    do {
      // The programs stay in the terminal's group: Ctrl-C reaches them as well.
      let signals = try InterruptSignals()
      let running = try Pipeline(
        stages, input: .inherit, output: .inherit, hasOwnGroup: false
      ).start()
      let outcome = try running.wait(interruptedBy: signals.descriptor)
      report(outcome)
      if outcome.ending == .cancelled { return Exit.interrupted }
      return outcome.isSuccess ? Exit.done : Exit.failed
    } catch let error as TransportError {
      throw EnvironmentError("cannot \(error.operation): \(error.remedy ?? error.description)")
    } catch {
      throw EnvironmentError("\(error)")
    }
  }

  private static func report(_ outcome: Pipeline.Outcome) {
    let rows = outcome.stages.map { [$0.program, "pid \($0.pid)", "\($0.status)"] }
    StandardError.write(TextTable.text(rows))
    if outcome.ending == .cancelled { Output.message("interrupted") }
  }
}
