internal import Console
internal import Coursework
internal import LabRunner

/// A command of the program.
struct Command: Sendable {
  let name: String
  let summary: String
  /// What `--help` prints; empty when the command does that itself.
  let help: String
  let run: @Sendable (_ words: [String]) throws -> Int32
}

/// The list of commands, and what is common to them: help, errors, exit codes.
enum CommandTable {
  static let all: [Command] = [
    RunCommand.command, ReportCommand.command, FeaturesCommand.command, ListCommand.command,
    DoctorCommand.command, MeasureCommand.command, PipelineCommand.command,
    ConsoleCommand.command, TalkCommand.listen, TalkCommand.connect, ObjectsCommand.command,
    ReadersWritersCommand.command, ConformanceCommand.command, LabCommand.command,
  ]

  /// Runs the command that the words name and returns the exit code.
  static func run(_ words: [String]) -> Int32 {
    guard let name = words.first else {
      Output.message(overview)
      return Exit.usage
    }
    let rest = Array(words.dropFirst())
    switch name {
    case "--help", "-h":
      Output.data(overview)
      return Exit.done
    case "help":
      return rest.isEmpty ? run(["--help"]) : run([rest[0], "--help"])
    case "--version":
      Output.data("ipclab \(Version.current) (\(BuildMode.current) build)\n")
      return Exit.done
    default:
      break
    }
    guard let command = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name)
      Output.message(
        "ipclab: no command is called “\(name)”" + Suggestion.phrase(for: name, among: names)
          + ". Commands: \(names.joined(separator: ", ")). See ipclab --help.")
      return Exit.usage
    }
    return perform(command, rest, called: "ipclab \(name)")
  }

  /// Runs a command, or shows its help, and turns what it throws into a message and an exit code.
  static func perform(_ command: Command, _ words: [String], called title: String) -> Int32 {
    if !command.help.isEmpty && words.contains(where: { $0 == "--help" || $0 == "-h" }) {
      Output.data(command.help)
      return Exit.done
    }
    do {
      return try command.run(words)
    } catch let error as UsageError {
      Output.message("\(title): \(error.description)\nSee \(title) --help.")
      return Exit.usage
    } catch let error as EnvironmentError {
      Output.message("\(title): \(error.description)")
      return Exit.environment
    } catch is InterruptedError {
      return Exit.interrupted
    } catch let error as CourseworkError {
      Output.message("\(title): \(error.description)")
      return error.kind == .usage ? Exit.usage : Exit.environment
    } catch {
      Output.message("\(title): \(error)")
      return Exit.failed
    }
  }

  /// Commands with what they do, one per line.
  static func rows(_ commands: [Command]) -> String {
    TextTable.text(commands.map { [$0.name, $0.summary] }, indent: "  ")
  }

  static var overview: String {
    """
    ipclab compares the ways in which processes talk to each other: pipes, FIFOs, named pipes,
    mailslots, shared memory, sockets, message queues. It runs the same scenarios over all of them,
    in real processes, and writes a report to decide from.

    Usage: ipclab COMMAND [OPTIONS]

    Commands:
    \(rows(all))
    Start here:
      ipclab run --quick                    a first report in half a minute
      ipclab run                            the whole comparison, under five minutes
      ipclab list transports                what can be compared
      ipclab measure fifo --size 64         one figure
      ipclab console                        named pipes, call by call
      ipclab listen tcp                     talk by hand; connect in another terminal
      ipclab objects                        what is alive, and whose it is
      ipclab readers-writers                processes that share memory, and what a guard is for
      ipclab lab list                       exercises, and what you did of them
      ipclab COMMAND --help                 options and examples of a command

    Exit codes: 0 done, 1 failed, 2 usage, 3 environment, 130 interrupted.

    """
  }
}

/// The program's version.
enum Version {
  static let current = "0.1.0"
}

/// The command line makes no sense: exit code 2.
struct UsageError: Error {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Something around the program stands in the way: exit code 3.
struct EnvironmentError: Error {
  let description: String
  init(_ description: String) { self.description = description }
}
