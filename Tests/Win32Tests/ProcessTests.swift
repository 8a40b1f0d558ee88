import Glibc
import TestSupport
import Testing
import Win32

@Suite struct CommandLineTests {
  @Test(
    "a command line is taken apart as Windows programs do it",
    arguments: [
      ("", []), ("  prog  ", ["prog"]), ("prog a b", ["prog", "a", "b"]),
      (#""a program" x"#, ["a program", "x"]), (#"c:\dir\prog "a b"c"#, [#"c:\dir\prog"#, "a bc"]),
      (#"p "a\\b" c"#, ["p", #"a\\b"#, "c"]), (#"p a\\\"b c"#, ["p", #"a\"b"#, "c"]),
      (#"p a\\\\"b c" d"#, ["p", #"a\\b c"#, "d"]), (#"p "" x"#, ["p", "", "x"]),
      (#"p "say ""hi""""#, ["p", #"say "hi""#]), (#"p "open end"#, ["p", "open end"]),
      ("p\ta\t\tb", ["p", "a", "b"]), (#"p \ \\"#, ["p", #"\"#, #"\\"#]),
      (#""p\" x"#, [#"p\"#, "x"]), ("p ümlaut", ["p", "ümlaut"]),
    ])
  func split(line: String, parts: [String]) {
    #expect(CommandLineParser.split(line) == parts)
  }
}

// One after the other: a child inherits every handle that is inheritable at that moment, also those
// of another test.
@Suite(.serialized) struct ProcessTests {
  /// Starts a program and returns its handle; `nil` when that fails.
  private func start(
    _ commandLine: String, inherits: BOOL = FALSE, standard: [HANDLE]? = nil,
    directory: String? = nil, environment: String? = nil, flags: DWORD = 0
  ) -> PROCESS_INFORMATION? {
    var info = STARTUPINFO()
    if let standard {
      info.dwFlags = STARTF_USESTDHANDLES
      (info.hStdInput, info.hStdOutput, info.hStdError) = (standard[0], standard[1], standard[2])
    }
    var block: [UInt8] = environment.map { Array($0.utf8) + [0, 0] } ?? []
    var process = PROCESS_INFORMATION()
    let started = block.withUnsafeMutableBytes { block in
      CreateProcess(
        nil, commandLine, nil, nil, inherits, flags, environment == nil ? nil : block.baseAddress,
        directory, &info, &process)
    }
    return started ? process : nil
  }

  private func close(_ process: PROCESS_INFORMATION?) {
    guard let process else { return }
    CloseHandle(process.hThread)
    CloseHandle(process.hProcess)
  }

  private func exitCode(_ process: PROCESS_INFORMATION?) -> DWORD? {
    guard let process else { return nil }
    #expect(WaitForSingleObject(process.hProcess, INFINITE) == WAIT_OBJECT_0)
    var code: DWORD = 0
    #expect(GetExitCodeProcess(process.hProcess, &code))
    close(process)
    return code
  }

  /// What a program writes to its standard output.
  private func output(
    _ commandLine: String, input: HANDLE = nil, directory: String? = nil,
    environment: String? = nil
  ) throws -> String {
    let (r, w) = makePipe()
    SetHandleInformation(w, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)
    let process = try #require(
      start(
        commandLine, inherits: TRUE, standard: [input, w, w], directory: directory,
        environment: environment))
    CloseHandle(w)
    var text = ""
    while case .bytes(let part) = read(r, 4096) { text += part }
    #expect(GetLastError() == ERROR_BROKEN_PIPE)
    _ = exitCode(process)
    CloseHandle(r)
    return text
  }

  @Test("a process runs, is still active, ends with its code, and can be waited for by its thread")
  func exitCodes() throws {
    #expect(exitCode(start(#"/bin/sh -c "exit 42""#)) == 42)
    let (r, w) = makePipe(inherited: true)
    let process = try #require(start("cat", inherits: TRUE, standard: [r, nil, nil]))
    var code: DWORD = 0
    #expect(GetExitCodeProcess(process.hProcess, &code))
    #expect(code == STILL_ACTIVE)
    #expect(WaitForSingleObject(process.hProcess, 0) == WAIT_TIMEOUT)
    #expect(GetProcessId(process.hProcess) == process.dwProcessId)
    #expect(error(GetExitCodeProcess(process.hThread, &code)) == "ERROR_INVALID_HANDLE")
    #expect(TerminateProcess(process.hProcess, 7777))
    #expect(WaitForSingleObject(process.hThread, INFINITE) == WAIT_OBJECT_0)
    #expect(error(TerminateProcess(process.hProcess, 1)) == "ERROR_ACCESS_DENIED")
    #expect(exitCode(process) == 7777)
    CloseHandle(r)
    CloseHandle(w)
  }

  @Test("a signal that TerminateProcess has not sent shows as 128 and its number")
  func signals() throws {
    #expect(exitCode(start(#"/bin/sh -c "kill -TERM $$""#)) == 143)
    #expect(exitCode(start(#"/bin/sh -c "kill -KILL $$""#)) == 137)
  }

  @Test("a process that nobody has a handle of is collected all the same")
  func collected() throws {
    let process = try #require(start("/bin/true"))
    let pid = pid_t(process.dwProcessId)
    close(process)
    while kill(pid, 0) == 0 { usleep(500) }
  }

  @Test("a program that cannot be started is an error of the call")
  func failures() throws {
    let directory = try Scratch()
    let file = CreateFile(directory.path + "/plain", GENERIC_WRITE, 0, nil, CREATE_NEW, 0, nil)
    #expect(write(file, "not a program") == "13")
    CloseHandle(file)
    func code(_ line: String?, app: String? = nil, directory: String? = nil, flags: DWORD = 0)
      -> String
    {
      error(CreateProcess(app, line, nil, nil, FALSE, flags, nil, directory, nil, nil))
    }
    #expect(code("/no/such/program") == "ERROR_FILE_NOT_FOUND")
    #expect(code("no-such-program-anywhere") == "ERROR_FILE_NOT_FOUND")
    #expect(code(nil, app: "sh") == "ERROR_FILE_NOT_FOUND")
    #expect(code(directory.path + "/plain") == "ERROR_ACCESS_DENIED")
    #expect(code(directory.path) == "ERROR_ACCESS_DENIED")
    chmod(directory.path + "/plain", 0o755)
    #expect(code(directory.path + "/plain") == "ERROR_BAD_EXE_FORMAT")
    #expect(code("") == "ERROR_FILE_NOT_FOUND")
    #expect(code("/bin/true", directory: "/no/such") == "ERROR_DIRECTORY")
    #expect(code("/bin/true", flags: CREATE_SUSPENDED) == "ERROR_NOT_SUPPORTED")
    #expect(code("x", app: "/bin/true") == "")
  }

  @Test("arguments, working directory and environment arrive")
  func surroundings() throws {
    #expect(try output(#"/bin/echo "a  b" c\"d"#) == "a  b c\"d\n")
    #expect(try output("/bin/pwd", directory: "/usr") == "/usr\n")
    let variables = try output("/usr/bin/env", environment: "A=1\0B=2").split(separator: "\n")
    #expect(variables.filter { !$0.hasPrefix("IPCLAB_HANDLES=") } == ["A=1", "B=2"])
    setenv("IPCLAB_TEST_INHERITED", "yes", 1)
    #expect(try output(#"/bin/sh -c "echo $IPCLAB_TEST_INHERITED""#) == "yes\n")
  }

  @Test("a child reads from a pipe and writes to a file")
  func redirection() throws {
    let directory = try Scratch()
    var attributes = SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = TRUE
    // Children of other tests may inherit it too, and have it open for longer.
    let all = FILE_SHARE_READ | FILE_SHARE_WRITE
    let file = CreateFile(
      directory.path + "/out", GENERIC_WRITE, all, &attributes, CREATE_ALWAYS, 0, nil)
    let (r, w) = makePipe()
    SetHandleInformation(r, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)
    let process = start("tr a-z A-Z", inherits: TRUE, standard: [r, file, file])
    CloseHandle(r)
    CloseHandle(file)
    #expect(write(w, "through a child") == "15")
    CloseHandle(w)
    #expect(exitCode(process) == 0)
    let result = CreateFile(directory.path + "/out", GENERIC_READ, all, nil, OPEN_EXISTING, 0, nil)
    #expect(read(result, 64) == "THROUGH A CHILD")
    CloseHandle(result)
  }

  @Test("a child has its standard descriptors and what it inherits, and nothing else")
  func exactness() throws {
    // What is inherited elsewhere in these tests must not come in between: a process of its own
    // would be needed for that, so only the numbers are looked at that are this test's.
    let listing = #"/bin/sh -c "for f in /proc/self/fd/*; do readlink $f; done""#
    let directory = try Scratch()
    func file(_ name: String, _ inherited: BOOL) -> HANDLE {
      var attributes = SECURITY_ATTRIBUTES()
      attributes.bInheritHandle = inherited
      return CreateFile(
        directory.path + "/" + name, GENERIC_WRITE, 0, &attributes, CREATE_NEW, 0, nil)
    }
    let handles = [file("inherited", TRUE), file("own", FALSE), file("withdrawn", TRUE)]
    SetHandleInformation(handles[2], HANDLE_FLAG_INHERIT, 0)
    let leaked = Glibc.open(directory.path + "/leaked", O_CREAT | O_WRONLY, 0o600)
    defer { _ = Glibc.close(leaked) }
    let text = try output(listing)
    #expect(text.contains(directory.path + "/inherited"))
    for name in ["own", "withdrawn", "leaked"] { #expect(!text.contains("/" + name + "\n")) }

    // Without inheritance there are the three, and what the shell itself opens for the listing.
    let place = CreateFile(directory.path + "/list", GENERIC_WRITE, 0, nil, CREATE_NEW, 0, nil)
    CloseHandle(place)
    let line = #"/bin/sh -c "ls -l /proc/self/fd > "# + directory.path + #"/list""#
    #expect(exitCode(start(line)) == 0)
    let list = CreateFile(directory.path + "/list", GENERIC_READ, 0, nil, OPEN_EXISTING, 0, nil)
    guard case .bytes(let lines) = read(list, 4096) else {
      Issue.record("no list")
      return
    }
    CloseHandle(list)
    let entries = lines.split(separator: "\n").filter { $0.contains(" -> ") }
    // 0, 1 and 2, and the directory that is being listed.
    #expect(entries.count == 4, "\(lines)")
    for handle in handles { CloseHandle(handle) }
  }

  @Test("a standard handle that is not inherited is there and gives nothing")
  func notInherited() throws {
    let (r, w) = makePipe()
    let process = start(#"/bin/sh -c "echo x""#, inherits: TRUE, standard: [nil, w, nil])
    #expect(exitCode(process) != 0)
    CloseHandle(w)
    #expect(read(r, 16) == .error("ERROR_BROKEN_PIPE"))
    CloseHandle(r)
  }

  @Test("a write end that leaks into a child keeps the pipe open until the child ends")
  func leakedEnd() throws {
    let (r, w) = makePipe(inherited: true)
    let process = try #require(start("sleep 1000", inherits: TRUE))
    CloseHandle(w)
    let reader = try Background { read(r, 16) }
    reader.waitUntilAsleep()
    #expect(reader.outcome == nil)
    #expect(TerminateProcess(process.hProcess, 0))
    #expect(try reader.value() == .error("ERROR_BROKEN_PIPE"))
    close(process)
    CloseHandle(r)
  }

  @Test("an end of a named pipe can be a child's standard input and output")
  func namedPipe() throws {
    let name = Names.fresh()
    var attributes = SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = TRUE
    let server = CreateNamedPipe(name, PIPE_ACCESS_DUPLEX, 0, 1, 4096, 4096, 0, &attributes)
    let client = open(name)
    let process = try #require(start("cat", inherits: TRUE, standard: [server, server, server]))
    CloseHandle(server)
    #expect(write(client, "there and back") == "14")
    var text = ""
    while text.count < 14, case .bytes(let part) = read(client, 64) { text += part }
    #expect(text == "there and back")
    #expect(TerminateProcess(process.hProcess, 0))
    // The child had the last of the end.
    #expect(read(client, 64) == .error("ERROR_BROKEN_PIPE"))
    close(process)
    CloseHandle(client)
  }

  @Test("a child whose input is a named pipe sees the end when the other side closes")
  func namedPipeEnds() throws {
    let name = Names.fresh()
    let server = makeServer(name)
    SetHandleInformation(server, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)
    let client = open(name)
    let (r, w) = makePipe(inherited: true)
    let process = try #require(start("cat", inherits: TRUE, standard: [server, w, w]))
    CloseHandle(w)
    #expect(write(client, "last words") == "10")
    CloseHandle(client)
    #expect(read(r, 64) == "last words")
    #expect(exitCode(process) == 0)
    CloseHandle(r)
    CloseHandle(server)
  }

  @Test("what an ended child has not read stays in the named pipe")
  func namedPipeStays() throws {
    let name = Names.fresh()
    let server = makeServer(name)
    SetHandleInformation(server, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)
    let client = open(name)
    let process = try #require(start("/bin/true", inherits: TRUE, standard: [server, nil, nil]))
    #expect(exitCode(process) == 0)
    #expect(write(client, "for others") == "10")
    #expect(read(server, 64) == "for others")
    CloseHandle(client)
    CloseHandle(server)
  }

  @Test("a child that uses this module finds what it has inherited under the same handles")
  func adoption() async {
    await #expect(processExitsWith: .exitCode(7)) {
      // What a parent does, done by this process to itself before it uses a handle.
      var ends: [Int32] = [-1, -1]
      precondition(Glibc.pipe(&ends) == 0)
      func item(_ value: Int, _ end: Int32, _ kind: String, of file: Int32) -> String {
        var status = stat()
        fstat(file, &status)
        return "\(value):\(end):\(kind):\(DWORD(0x12_019F)):64:\(status.st_dev):\(status.st_ino)"
      }
      let items = [
        item(20, ends[0], "reader", of: ends[0]), item(24, ends[1], "writer", of: ends[1]), "x",
        item(28, 999, "file", of: ends[0]), item(32, 2, "file", of: 2),
        // Another file than the parent meant.
        item(36, ends[0], "reader", of: 2),
      ]
      setenv("IPCLAB_HANDLES", items.joined(separator: ","), 1)
      precondition(write(HANDLE(24), "hello") == "5")
      precondition(read(HANDLE(20), 64) == "hello")
      for value in [28, 32, 36] {
        precondition(read(HANDLE(value), 1) == .error("ERROR_INVALID_HANDLE"))
      }
      precondition(getenv("IPCLAB_HANDLES") == nil)
      precondition(fcntl(ends[0], F_GETFD) == FD_CLOEXEC)
      var flags: DWORD = 0
      precondition(GetHandleInformation(HANDLE(20), &flags) && flags == HANDLE_FLAG_INHERIT)
      precondition(CreateEvent(nil, TRUE, FALSE, nil).value > 24)
      CloseHandle(HANDLE(24))
      precondition(read(HANDLE(20), 64) == .error("ERROR_BROKEN_PIPE"))
      ExitProcess(7)
    }
  }

  @Test("the standard handles read and write, and closing one lets the other side see the end")
  func standardHandles() async {
    await #expect(processExitsWith: .exitCode(3)) {
      var (input, output): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
      precondition(Glibc.pipe(&input) == 0 && Glibc.pipe(&output) == 0)
      dup2(input[0], 0)
      dup2(output[1], 1)
      _ = (Glibc.close(input[0]), Glibc.close(output[1]))
      precondition(GetStdHandle(7) == INVALID_HANDLE_VALUE)
      let (hIn, hOut) = (GetStdHandle(STD_INPUT_HANDLE), GetStdHandle(STD_OUTPUT_HANDLE))
      precondition(hIn == GetStdHandle(STD_INPUT_HANDLE))
      precondition(GetFileType(hOut) == FILE_TYPE_PIPE)
      _ = Glibc.write(input[1], "abc", 3)
      precondition(read(hIn, 2) == "ab")
      var available: DWORD = 0
      precondition(PeekNamedPipe(hIn, nil, 0, nil, &available, nil) && available == 1)
      precondition(write(hOut, "xyz") == "3")
      CloseHandle(hOut)
      var bytes = [UInt8](repeating: 0, count: 8)
      precondition(Glibc.read(output[0], &bytes, 8) == 3)
      precondition(Glibc.read(output[0], &bytes, 8) == 0)
      // The number is not free for the next file.
      precondition(fcntl(1, F_GETFD) != -1)
      ExitProcess(3)
    }
  }
}
