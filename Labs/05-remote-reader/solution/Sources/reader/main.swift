import Glibc
import Win32

/// Opens the pipe. It waits for a writer that has not made it yet, and for an instance that is free;
/// a computer that is not there will not be there in a moment either.
///
/// - Returns: The handle; `nil` when the pipe cannot be opened.
func open(_ name: String) -> HANDLE? {
  for _ in 0..<100 {
    let hPipe = CreateFile(
      name, GENERIC_READ | FILE_WRITE_ATTRIBUTES, 0, nil, OPEN_EXISTING, 0, nil)
    if hPipe != INVALID_HANDLE_VALUE { return hPipe }
    switch GetLastError() {
    case ERROR_FILE_NOT_FOUND: Sleep(50)
    case ERROR_PIPE_BUSY:
      // The name is the remote one here too. Another reader may be faster: hence the loop.
      if !WaitNamedPipe(name, 5000) { return nil }
    default: return nil
    }
  }
  return nil
}

/// Receives one message, whatever its length.
///
/// - Returns: The message; `nil` when the writer is gone.
func receive(from hPipe: HANDLE) -> [UInt8]? {
  var message: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while true {
    var count: DWORD = 0
    let isWhole = ReadFile(hPipe, &buffer, DWORD(buffer.count), &count, nil)
    if !isWhole && GetLastError() != ERROR_MORE_DATA { return nil }
    message += buffer[..<Int(count)]
    if isWhole { return message }
  }
}

/// Prints the lines of a writer and returns the exit status.
func printLines(of base: String, on computer: String) -> Int32 {
  let name = #"\\"# + computer + #"\pipe\"# + base
  guard let hPipe = open(name) else {
    let isUnknown = GetLastError() == ERROR_BAD_NETPATH
    complain("reader: cannot open \(name): \(lastError())")
    return isUnknown ? 3 : 1
  }
  defer { CloseHandle(hPipe) }

  var mode = PIPE_READMODE_MESSAGE
  if !SetNamedPipeHandleState(hPipe, &mode, nil, nil) {
    complain("reader: cannot read \(name) by messages: \(lastError())")
    return 1
  }

  while let message = receive(from: hPipe) {
    if message == Array("fim".utf8) { return 0 }
    writeLine(message)
  }
  complain("reader: the writer is gone: \(lastError())")
  return 1
}

guard CommandLine.arguments.count == 3 else {
  complain("usage: reader COMPUTER NAME")
  exit(2)
}
exit(printLines(of: CommandLine.arguments[2], on: CommandLine.arguments[1]))
