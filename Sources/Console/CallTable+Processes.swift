internal import Win32

extension CallTable {
  static let processes: [Call] = [
    Call(
      "CreatePipe", "Creates a pipe without a name.",
      [
        Parameter("r", .freshHandle("r"), "a name for the end that is read"),
        Parameter("w", .freshHandle("w"), "a name for the end that is written"),
        Parameter("size", .value("0"), "quota in bytes; 0: 4096"), .inherit,
      ],
      example: ["CreatePipe r=r w=w inherit=1"]
    ) { call throws(Mistake) in
      var attributes = try call.attributes()
      let size = try call.number("size")
      var (read, write): (HANDLE, HANDLE) = (nil, nil)
      let ok = unsafe CreatePipe(&read, &write, &attributes, size)
      let reply = Reply(ok: ok)
      if ok {
        call.session.bind(call.text("r"), read, .readEnd)
        call.session.bind(call.text("w"), write, .writeEnd)
      }
      return reply
    },
    Call(
      "CreateProcess", "Starts a program. It gets the handles that are inherited.",
      [
        Parameter("h", .freshHandle("proc"), "a name for the process"),
        Parameter("command", .required, #"the program and its arguments: command="sort -r""#),
        .input, .output, .errors,
      ],
      errors: ["ERROR_FILE_NOT_FOUND": "there is no such program"],
      example: [#"CreateProcess h=proc command="ls -l" stdout=w"#]
    ) { call throws(Mistake) in
      try call.start(commandLine: call.text("command"))
    },
    Call(
      "SpawnChild", "Starts a small program to try things with.",
      [
        Parameter("h", .freshHandle("proc"), "a name for the process"),
        Parameter(
          "child", .value("cat"),
          "cat (upper case; exit code 109 at the end), echo:TEXT, exit:N or sleep"),
        .input, .output, .errors,
      ],
      example: ["CreatePipe r=r w=w inherit=1", "SpawnChild h=proc child=echo:hello stdout=w"]
    ) { call throws(Mistake) in
      guard ConsoleChild.Kind(call.text("child")) != nil else {
        throw Mistake("child is cat, echo:TEXT, exit:N or sleep, not “\(call.text("child"))”")
      }
      let words = [
        call.session.childProgram, ConsoleChild.command, String(GetCurrentProcessId()),
        call.text("child"),
      ]
      return try call.start(
        commandLine: words.map(CommandLineText.quoted).joined(separator: " "))
    },
    Call(
      "GetExitCode", aliases: ["GetExitCodeProcess"],
      "Tells the code that a process has ended with.",
      [.process], example: ["GetExitCode h=proc"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      var code: DWORD = 0
      var reply = Reply(ok: unsafe GetExitCodeProcess(handle, &code))
      if reply.isSuccess == true { reply["code"] = .number(Int(code)) }
      return reply
    },
    Call(
      "TerminateProcess", "Ends a process at once.",
      [.process, Parameter("code", .value("1"), "its exit code")],
      example: ["TerminateProcess h=proc"]
    ) { call throws(Mistake) in
      let (handle, code) = (try call.handle("h"), try call.number("code"))
      return Reply(ok: TerminateProcess(handle, code))
    },
    Call(
      "ExitProcess", "Ends the console at once: its handles go as if it had crashed.",
      [
        Parameter("code", .value("0"), "the exit code"),
        Parameter("hard", .value("0"), "1: kills itself"),
      ],
      example: ["ExitProcess"]
    ) { _ throws(Mistake) in Reply(ok: true) },
  ]
}

extension Parameter {
  fileprivate static let input = Parameter("stdin", .none, "its standard input; without: nothing")
  fileprivate static let output = Parameter("stdout", .none, "its standard output")
  fileprivate static let errors = Parameter("stderr", .none, "its standard error")
}

extension Invocation {
  /// Starts a program with the standard handles that the line names.
  ///
  /// Those that it does not name are the console's own for a person, so that the output is seen;
  /// not so in the protocol, whose output is the agent's.
  fileprivate func start(commandLine: String) throws(Mistake) -> Reply {
    let (input, output) = (try optionalHandle("stdin"), try optionalHandle("stdout"))
    let errors = try optionalHandle("stderr")
    var attributes = SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = TRUE
    let nothing = unsafe CreateFile(
      "/dev/null", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &attributes,
      OPEN_EXISTING, 0, nil)
    defer { CloseHandle(nothing) }
    let seen = session.isForPeople
    var startup = STARTUPINFO()
    startup.dwFlags = STARTF_USESTDHANDLES
    startup.hStdInput = input ?? nothing
    startup.hStdOutput = output ?? (seen ? GetStdHandle(STD_OUTPUT_HANDLE) : nothing)
    startup.hStdError = errors ?? (seen ? GetStdHandle(STD_ERROR_HANDLE) : nothing)
    var process = PROCESS_INFORMATION()
    let ok = unsafe CreateProcess(
      nil, commandLine, nil, nil, TRUE, 0, nil, nil, &startup, &process)
    let reply = Reply(ok: ok)
    if ok {
      CloseHandle(process.hThread)
      session.bind(text("h"), process.hProcess, .process)
    }
    return reply
  }
}

/// Command lines as `CommandLineToArgv` takes them apart.
enum CommandLineText {
  /// A word in quotation marks. Backslashes count only before a quotation mark.
  static func quoted(_ word: String) -> String {
    var result = "\""
    var backslashes = 0
    for character in word {
      if character == "\\" {
        backslashes += 1
        continue
      }
      if character == "\"" {
        result += String(repeating: "\\", count: 2 * backslashes + 1)
      } else {
        result += String(repeating: "\\", count: backslashes)
      }
      backslashes = 0
      result.append(character)
    }
    return result + String(repeating: "\\", count: 2 * backslashes) + "\""
  }
}
