import Glibc
import Win32

/// Opens the pipe for messages both ways; waits for an instance when all have clients.
///
/// - Returns: The handle; `nil` when the pipe cannot be opened.
func open(_ name: String) -> HANDLE? {
  while true {
    let hPipe = CreateFile(name, GENERIC_READ | GENERIC_WRITE, 0, nil, OPEN_EXISTING, 0, nil)
    if hPipe != INVALID_HANDLE_VALUE {
      var mode = PIPE_READMODE_MESSAGE
      if SetNamedPipeHandleState(hPipe, &mode, nil, nil) { return hPipe }
      CloseHandle(hPipe)
      return nil
    }
    if GetLastError() != ERROR_PIPE_BUSY || !WaitNamedPipe(name, 5000) { return nil }
  }
}

/// Sends one request and receives its answer.
///
/// - Returns: The answer; `nil` when the server is gone.
func ask(_ request: [UInt8], _ hPipe: HANDLE) -> [UInt8]? {
  var answer = [UInt8](repeating: 0, count: 64 * 1024)
  var count: DWORD = 0
  if !TransactNamedPipe(
    hPipe, request, DWORD(request.count), &answer, DWORD(answer.count), &count, nil)
  {
    return nil
  }
  return Array(answer[..<Int(count)])
}

/// Sends the lines of standard input, prints the answers, and returns the exit status.
func converse(_ name: String) -> Int32 {
  guard let hPipe = open(name) else {
    complain("client: cannot open \(name): \(lastError())")
    return 1
  }
  defer { CloseHandle(hPipe) }
  while true {
    let line = readLine() ?? "fim"
    guard let answer = ask(Array(line.utf8), hPipe) else {
      complain("client: the server is gone: \(lastError())")
      return 1
    }
    writeLine(answer)
    if line == "fim" { return 0 }
  }
}

guard CommandLine.arguments.count == 2 else {
  complain(#"usage: client \\.\pipe\NAME"#)
  exit(2)
}
exit(converse(CommandLine.arguments[1]))
