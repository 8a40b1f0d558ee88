import Glibc
import Win32

/// Writes a line to a standard stream at once, without the buffer that `print` has on a pipe.
func say(_ text: String, to stream: DWORD = STD_OUTPUT_HANDLE) {
  let bytes = Array((text + "\n").utf8)
  WriteFile(GetStdHandle(stream), bytes, DWORD(bytes.count), nil, nil)
}

/// Does one overlapped operation and waits for its end: its error, 0 for none, and how many bytes.
///
/// A handle without `FILE_FLAG_OVERLAPPED` does one thing at a time: while one thread waits in
/// `ReadFile`, a `WriteFile` of another waits behind it.
func finish(_ pipe: HANDLE, _ start: (LPOVERLAPPED) -> BOOL) -> (error: DWORD, count: Int) {
  let operation = UnsafeMutablePointer<OVERLAPPED>.allocate(capacity: 1)
  operation.initialize(to: OVERLAPPED())
  operation.pointee.hEvent = CreateEvent(nil, TRUE, FALSE, nil)
  defer {
    CloseHandle(operation.pointee.hEvent)
    operation.deallocate()
  }
  if !start(operation) {
    let error = GetLastError()
    guard error == ERROR_IO_PENDING || error == ERROR_MORE_DATA else { return (error, 0) }
  }
  var count: DWORD = 0
  let isDone = GetOverlappedResult(pipe, operation, &count, TRUE)
  return (isDone ? ERROR_SUCCESS : GetLastError(), Int(count))
}

/// Sends one message.
func send(_ text: String, to pipe: HANDLE) -> Bool {
  let bytes = Array(text.utf8)
  return bytes.withUnsafeBytes { bytes in
    finish(pipe) { WriteFile(pipe, bytes.baseAddress, DWORD(bytes.count), nil, $0) }.error
      == ERROR_SUCCESS
  }
}

/// Receives one message of any length; `nil` when the other end has closed.
func receive(from pipe: HANDLE) -> String? {
  var message: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 512)
  while true {
    let part = buffer.withUnsafeMutableBytes { buffer in
      finish(pipe) { ReadFile(pipe, buffer.baseAddress, DWORD(buffer.count), nil, $0) }
    }
    message += buffer.prefix(part.count)
    if part.error == ERROR_SUCCESS { return String(decoding: message, as: UTF8.self) }
    if part.error != ERROR_MORE_DATA { return nil }
  }
}

/// Opens the pipe, waiting for an instance when all have clients; reads messages.
func open(_ name: String) -> HANDLE {
  while true {
    let pipe = CreateFile(
      name, GENERIC_READ | GENERIC_WRITE, 0, nil, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nil)
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

/// Reads the keyboard and sends its lines, until `fim` or the end of the input.
func sendLines(over pipe: HANDLE) {
  while let line = readLine(), line != "fim" {
    if !send(line, to: pipe) { return }
  }
  _ = send("fim", to: pipe)
}

@main struct Client {
  static func main() {
    guard CommandLine.arguments.count == 4 else {
      say("usage: client PIPE NAME PASSWORD", to: STD_ERROR_HANDLE)
      exit(2)
    }
    let pipe = open(CommandLine.arguments[1])
    let login = "login \(CommandLine.arguments[2]) \(CommandLine.arguments[3])"
    guard send(login, to: pipe), let answer = receive(from: pipe) else {
      say("the server has gone", to: STD_ERROR_HANDLE)
      exit(1)
    }
    say(answer)
    if answer == "refused" { exit(1) }

    // The keyboard has a thread of its own, so that what comes from the server is shown at once.
    let keyboard = CreateThread(
      nil, 0,
      { _ in
        sendLines(over: pipe)
        return 0
      }, nil, 0, nil)
    while let message = receive(from: pipe) { say(message) }
    // The server ends the conversation after `fim`. If it has ended without, somebody may still be
    // at the keyboard, and it is no use to wait for the next line.
    exit(WaitForSingleObject(keyboard, 500) == WAIT_OBJECT_0 ? 0 : 1)
  }
}
