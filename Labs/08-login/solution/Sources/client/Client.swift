import Glibc
import Win32

/// Writes a line to a standard stream at once, without the buffer that `print` has on a pipe.
func say(_ text: String, to stream: DWORD = STD_OUTPUT_HANDLE) {
  let bytes = Array((text + "\n").utf8)
  WriteFile(GetStdHandle(stream), bytes, DWORD(bytes.count), nil, nil)
}

/// Sends one message.
func send(_ text: String, to pipe: HANDLE) -> Bool {
  let bytes = Array(text.utf8)
  return WriteFile(pipe, bytes, DWORD(bytes.count), nil, nil)
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

/// Opens the pipe, waiting for an instance when all have clients; reads messages.
func open(_ name: String) -> HANDLE {
  while true {
    let pipe = CreateFile(name, GENERIC_READ | GENERIC_WRITE, 0, nil, OPEN_EXISTING, 0, nil)
    if pipe != INVALID_HANDLE_VALUE {
      var mode = PIPE_READMODE_MESSAGE
      SetNamedPipeHandleState(pipe, &mode, nil, nil)
      return pipe
    }
    if GetLastError() != ERROR_PIPE_BUSY || !WaitNamedPipe(name, 5000) {
      say("cannot open \(name): \(ErrorName(GetLastError()))", to: STD_ERROR_HANDLE)
      exit(1)
    }
  }
}

/// Sends a request and prints the answer to it; ends the program when the server has gone.
func ask(_ request: String, over pipe: HANDLE) -> String {
  guard send(request, to: pipe), let answer = receive(from: pipe) else {
    say("the server has gone", to: STD_ERROR_HANDLE)
    exit(1)
  }
  say(answer)
  return answer
}

@main struct Client {
  static func main() {
    guard CommandLine.arguments.count == 4 else {
      say("usage: client PIPE NAME PASSWORD", to: STD_ERROR_HANDLE)
      exit(2)
    }
    let pipe = open(CommandLine.arguments[1])
    let login = "login \(CommandLine.arguments[2]) \(CommandLine.arguments[3])"
    if ask(login, over: pipe) == "refused" { exit(1) }
    while let line = readLine(), line != "fim" { _ = ask(line, over: pipe) }
    _ = ask("fim", over: pipe)
    CloseHandle(pipe)
  }
}
