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

/// A command that runs, and the end of the pipe that its output comes out of.
struct RunningCommand {
  let process: HANDLE
  let output: HANDLE

  /// Starts a command; `nil` when there is no such program.
  init?(_ commandLine: String) {
    // TASK 1: CreatePipe and CreateProcess. Who has which end open afterwards?
    unfinished("TASK 1: RunningCommand.init")
  }

  /// Hands out the lines of the output as they come, without their ends; the last line may have none.
  /// Stops when `take` says that nobody wants any more.
  func lines(_ take: ([UInt8]) -> Bool) {
    // TASK 2: hand out each line as soon as it is complete.
    unfinished("TASK 2: RunningCommand.lines")
  }

  /// Waits for the end and returns the exit code.
  func finish() -> DWORD {
    // TASK 3: wait for the end of the process, and return its exit code.
    unfinished("TASK 3: RunningCommand.finish")
  }
}

/// Runs one command for a client; whether the client is still there.
func run(_ commandLine: String, for pipe: HANDLE) -> Bool {
  // TASK 2: send the lines. TASK 3: send the exit code, or error. TASK 4: the client may leave.
  unfinished("TASK 2: run")
}

/// One client, from its first command to its last.
func converse(over pipe: HANDLE) {
  // TASK 1: run every command that the client sends, until fim.
  unfinished("TASK 1: converse")
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
    // When TASK 1 and TASK 2 are done, put this in the place of the line below:
    // serve(CommandLine.arguments[1])
    unfinished("TASK 1 and TASK 2: the server, in Sources/server/Server.swift")
  }
}

/// Says what is still to be written, and ends the program.
func unfinished(_ what: String) -> Never {
  say("not written yet: \(what)", to: STD_ERROR_HANDLE)
  exit(1)
}
