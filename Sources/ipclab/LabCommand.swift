internal import Console
internal import Coursework
internal import Glibc

/// `ipclab lab`: coursework, for students and for instructors.
enum LabCommand {
  static let command = Command(
    name: "lab", summary: "Do exercises, check them, and grade them", help: "", run: { run($0) })

  /// What students use.
  private static let student = [
    LabListCommand.command, LabStartCommand.command, LabCheckCommand.command,
    LabHintCommand.command, LabExplainCommand.command, LabWatchCommand.command,
    LabResetCommand.command, LabProgressCommand.command,
  ]
  /// What instructors use.
  private static let instructor = [LabGradeCommand.command, LabSelftestCommand.command]

  private static func run(_ words: [String]) -> Int32 {
    let all = student + instructor
    guard let name = words.first else {
      Output.message(overview)
      return Exit.usage
    }
    if ["--help", "-h", "help"].contains(name) {
      guard let other = all.first(where: { $0.name == words.dropFirst().first }) else {
        Output.data(overview)
        return Exit.done
      }
      Output.data(other.help)
      return Exit.done
    }
    guard let command = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name)
      Output.message(
        "ipclab lab: no command is called “\(name)”" + Suggestion.phrase(for: name, among: names)
          + ". Commands: \(names.joined(separator: ", ")). See ipclab lab --help.")
      return Exit.usage
    }
    return CommandTable.perform(
      command, Array(words.dropFirst()), called: "ipclab lab \(command.name)")
  }

  private static var overview: String {
    """
    Exercises in which programs talk to each other through pipes, mailslots, shared memory and
    sockets. Each comes with a starter, hints, and checks that say what is wrong.

    Usage: ipclab lab COMMAND [OPTIONS]

    For students:
    \(CommandTable.rows(student))
    For instructors:
    \(CommandTable.rows(instructor))
    Start here:
      ipclab lab list             what there is
      ipclab lab start 1          a folder with the starter of lab 1
      ipclab lab check            in that folder: what works, and what to do next

    Labs/STUDENTS.md is the guide for the first ten minutes, Labs/INSTRUCTORS.md the one for courses.

    """
  }
}

/// What the commands of `ipclab lab` have in common.
enum LabPlace {
  /// The option that says where the labs are.
  static let option = "--labs"

  /// The labs.
  static func catalogue(_ arguments: Arguments) throws -> LabCatalogue {
    let variable = Output.variable("IPCLAB_LABS")
    let chosen = arguments.text(option) ?? (variable.isEmpty ? nil : variable)
    return try LabCatalogue(
      path: LabCatalogue.find(chosen: chosen, executable: try Workplace.executable()),
      builtIn: BuiltInChecks.ids)
  }

  /// The word for a lab on the command line; `nil` when there is none.
  static func word(_ arguments: Arguments) throws -> String? {
    if arguments.operands.count > 1 {
      throw UsageError("one lab at a time, not “\(arguments.operands.joined(separator: " "))”")
    }
    return arguments.operands.first
  }

  /// The lab that is meant, and the student's folder of it if there is one here.
  static func lab(_ word: String?, in catalogue: LabCatalogue) throws -> (LabFolder, StudentFolder?)
  {
    let folders = try StudentFolder.around(".")
    if let word {
      let lab = try catalogue.lab(word)
      return (lab, folders.first { $0.labID == lab.lab.id })
    }
    if let own = try StudentFolder.enclosing(".") { return (try catalogue.lab(own.labID), own) }
    if folders.count == 1 { return (try catalogue.lab(folders[0].labID), folders[0]) }
    if folders.isEmpty {
      throw UsageError(
        "this is not the folder of a lab, and there is none in it. Start one with: "
          + "ipclab lab start 1")
    }
    let names = folders.map { "cd \(relative($0.path))" }.joined(separator: ", or ")
    throw UsageError("which lab? Go to its folder first (\(names)), or give its number.")
  }

  /// The lab that is meant with the student's folder of it.
  static func work(
    _ word: String?, in catalogue: LabCatalogue
  ) throws -> (LabFolder, StudentFolder) {
    let (lab, folder) = try lab(word, in: catalogue)
    guard let folder else {
      throw UsageError(
        "there is no folder of lab \(lab.lab.order) (\(lab.lab.title)) here. Start it with: "
          + "ipclab lab start \(lab.lab.order)")
    }
    return (lab, folder)
  }

  /// The commands of programs that are not Swift, by the programs' names.
  static func commands(_ arguments: Arguments, of lab: Lab) throws -> [String: String] {
    var commands: [String: String] = [:]
    for text in arguments.texts("--command") {
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw UsageError("--command wants NAME='COMMAND', not “\(text)”")
      }
      let name = try Arguments.known(
        parts[0], among: lab.programNames, kind: "program of lab \(lab.order)")
      commands[name] = parts[1]
    }
    return commands
  }

  /// A path as one would type it from here.
  static func relative(_ path: String) -> String {
    let here = LabCatalogue.absolute(".")
    if path == here { return "." }
    if path.hasPrefix(here + "/") { return String(path.dropFirst(here.count + 1)) }
    return path
  }
}
