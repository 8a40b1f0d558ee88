internal import AnonymousPipes
internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// `ipclab pipeline`: runs programs connected by pipes and says how each of them ended.
enum PipelineCommand {
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

  /// Runs what the words say and returns the exit code.
  static func run(_ words: [String]) -> Int32 {
    if let first = words.first, ["--help", "-h", "help"].contains(first) {
      write(help, to: 1)
      return 0
    }
    let stages: [Pipeline.Stage]
    do throws(TransportError) {
      stages = try Pipeline.parse(words: words.first == "--" ? Array(words.dropFirst()) : words)
    } catch {
      write("ipclab pipeline: \(error.remedy ?? error.description).\n\n\(help)", to: 2)
      return 2
    }
    do {
      // The programs stay in the terminal's group: Ctrl-C reaches them as well.
      let signals = try InterruptSignals()
      let running = try Pipeline(
        stages, input: .inherit, output: .inherit, hasOwnGroup: false
      ).start()
      let outcome = try running.wait(interruptedBy: signals.descriptor)
      report(outcome)
      if outcome.ending == .cancelled { return 130 }
      return outcome.isSuccess ? 0 : 1
    } catch let error as TransportError {
      write(
        "ipclab pipeline: cannot \(error.operation): \(error.remedy ?? error.description)\n", to: 2)
      return 3
    } catch {
      write("ipclab pipeline: \(error)\n", to: 2)
      return 3
    }
  }

  private static func report(_ outcome: Pipeline.Outcome) {
    let width = outcome.stages.map(\.program.count).max() ?? 0
    var text = ""
    for stage in outcome.stages {
      let name = stage.program + String(repeating: " ", count: width - stage.program.count)
      text += "\(name)  pid \(stage.pid)  \(stage.status)\n"
    }
    if outcome.ending == .cancelled { text += "interrupted\n" }
    write(text, to: 2)
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count > 0 {
        bytes.removeFirst(count)
      } else if errno != EINTR {
        return
      }
    }
  }
}
