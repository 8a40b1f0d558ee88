import Glibc
import Win32

/// Writes a line to a standard stream at once, without the buffer that `print` has on a pipe.
func say(_ text: String, to stream: DWORD = STD_OUTPUT_HANDLE) {
  let bytes = Array((text + "\n").utf8)
  WriteFile(GetStdHandle(stream), bytes, DWORD(bytes.count), nil, nil)
}

/// Sends one message.
func send(_ bytes: [UInt8], to pipe: HANDLE) -> Bool {
  WriteFile(pipe, bytes, DWORD(bytes.count), nil, nil)
}

/// Receives one message of any length; `nil` when the other end has closed.
func receive(from pipe: HANDLE) -> String? {
  var message: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 512)
  while true {
    var count: DWORD = 0
    let isComplete = ReadFile(pipe, &buffer, DWORD(buffer.count), &count, nil)
    message += buffer.prefix(Int(count))
    if isComplete { return String(decoding: message, as: UTF8.self) }
    if GetLastError() != ERROR_MORE_DATA { return nil }
  }
}

/// Taken while there are handles that a child would inherit: every child inherits all of them, also
/// those that another thread has made for another child. That one's output would not come to its end
/// before both have ended.
let starting = CreateMutex(nil, FALSE, nil)

/// A command that runs, and the end of the pipe that its output comes out of.
struct RunningCommand {
  let process: HANDLE
  let output: HANDLE

  /// Starts a command; `nil` when there is no such program.
  init?(_ commandLine: String) {
    WaitForSingleObject(starting, INFINITE)
    defer { ReleaseMutex(starting) }
    // The child inherits its end of the pipe and nothing else: an end that the server kept open for
    // writing would keep the output from ever coming to its end.
    var inheritable = SECURITY_ATTRIBUTES()
    inheritable.bInheritHandle = TRUE
    var output: HANDLE = nil
    var childsEnd: HANDLE = nil
    guard CreatePipe(&output, &childsEnd, &inheritable, 0) else { return nil }
    SetHandleInformation(output, HANDLE_FLAG_INHERIT, 0)
    let nothing = CreateFile(
      "/dev/null", GENERIC_READ, FILE_SHARE_READ, &inheritable, OPEN_EXISTING, 0, nil)
    defer {
      CloseHandle(childsEnd)
      CloseHandle(nothing)
    }

    var startup = STARTUPINFO()
    startup.dwFlags = STARTF_USESTDHANDLES
    startup.hStdInput = nothing
    startup.hStdOutput = childsEnd
    startup.hStdError = childsEnd
    var information = PROCESS_INFORMATION()
    guard
      CreateProcess(nil, commandLine, nil, nil, TRUE, 0, nil, nil, &startup, &information)
    else {
      CloseHandle(output)
      return nil
    }
    CloseHandle(information.hThread)
    process = information.hProcess
    self.output = output
  }

  /// Hands out the lines of the output as they come, without their ends; the last line may have none.
  /// Stops when `take` says that nobody wants any more.
  func lines(_ take: ([UInt8]) -> Bool) {
    var line: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    var count: DWORD = 0
    while ReadFile(output, &buffer, DWORD(buffer.count), &count, nil), count > 0 {
      for byte in buffer.prefix(Int(count)) {
        if byte == UInt8(ascii: "\n") {
          if !take(line) { return }
          line = []
        } else {
          line.append(byte)
        }
      }
    }
    if !line.isEmpty { _ = take(line) }
  }

  /// Waits for the end and returns the exit code.
  func finish() -> DWORD {
    CloseHandle(output)
    WaitForSingleObject(process, INFINITE)
    var code: DWORD = 0
    GetExitCodeProcess(process, &code)
    CloseHandle(process)
    return code
  }
}

/// Runs one command for a client; whether the client is still there.
func run(_ commandLine: String, for pipe: HANDLE) -> Bool {
  guard let command = RunningCommand(commandLine) else {
    return send(Array("error".utf8), to: pipe)
  }
  var isWanted = true
  command.lines { line in
    isWanted = send([UInt8(ascii: "|")] + line, to: pipe)
    return isWanted
  }
  // Nobody reads any more what a command writes whose client has left.
  if !isWanted { TerminateProcess(command.process, 1) }
  let code = command.finish()
  return isWanted && send(Array("exit \(code)".utf8), to: pipe)
}

/// One client, from its first command to its last.
func converse(over pipe: HANDLE) {
  while let request = receive(from: pipe) {
    if request == "fim" {
      _ = send(Array("FIM".utf8), to: pipe)
      break
    }
    if !run(request, for: pipe) { break }
  }
  // The client must have its last answer before it is cut off.
  FlushFileBuffers(pipe)
  DisconnectNamedPipe(pipe)
  CloseHandle(pipe)
}

/// A new instance of the pipe, to which a client can connect from now on.
func listen(on name: String) -> HANDLE {
  let pipe = CreateNamedPipe(
    name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT,
    PIPE_UNLIMITED_INSTANCES, 4096, 4096, 0, nil)
  if pipe == INVALID_HANDLE_VALUE {
    say("cannot create \(name): \(ErrorName(GetLastError()))", to: STD_ERROR_HANDLE)
    exit(1)
  }
  return pipe
}

/// Gives every client that comes a thread of its own.
func serve(_ name: String) -> Never {
  var next = listen(on: name)
  while true {
    let pipe = next
    let hasClient = ConnectNamedPipe(pipe, nil) || GetLastError() == ERROR_PIPE_CONNECTED
    // The next client must find an instance even if this conversation is over at once.
    next = listen(on: name)
    guard hasClient else {
      CloseHandle(pipe)
      continue
    }
    let thread = CreateThread(
      nil, 0,
      { _ in
        converse(over: pipe)
        return 0
      }, nil, 0, nil)
    CloseHandle(thread)
  }
}

@main struct Server {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      say("usage: server PIPE", to: STD_ERROR_HANDLE)
      exit(2)
    }
    serve(CommandLine.arguments[1])
  }
}
