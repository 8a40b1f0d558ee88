internal import Console
internal import IPCSystem

/// `ipclab console`: Win32 calls, typed one per line.
enum ConsoleCommand {
  static let command = Command(
    name: "console", summary: "Make Win32 pipe calls by hand, one per line",
    help: #"""
      Usage: ipclab console [FILE|-] [--protocol json]

      Makes the Win32 calls that you type, one per line, and shows result, error, data and the
      pipe's state. In a second terminal it is a second process. `help` lists the calls, `help CALL`
      explains one. FILE is a script of such lines; - is standard input.

        --protocol json   be an agent for conformance cases: lines of actor TAB call TAB name=value,
                          one line of JSON for each

      Examples:
        ipclab console                     then type: CreateNamedPipe mode=TYPE_MESSAGE
        ipclab console lesson.txt
        echo 'help ReadFile' | ipclab console -

      Exit codes:
        0    done
        1    an `expect` of the script was not met
        2    usage, or a line of the script makes no sense
        3    the script cannot be read
        130  interrupted

      """#,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words, options: ["--protocol"])
    let protocolName = try arguments.name("--protocol", among: ["json"], kind: "protocol")
    if arguments.operands.count > 1 { throw UsageError("one script at a time") }
    let program = try Workplace.executable()
    do {
      if protocolName != nil {
        guard arguments.operands.isEmpty else {
          throw UsageError("an agent reads standard input: give no script with --protocol")
        }
        return try ProtocolAgent.run(childProgram: program)
      }
      let path = arguments.operands.first ?? "-"
      return try InteractiveConsole.run(
        path == "-" ? .standardInput : .file(path), childProgram: program)
    } catch let error as SystemError {
      throw EnvironmentError(error.description)
    }
  }
}
