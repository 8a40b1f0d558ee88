import Glibc
import Win32

/// Sends a text as one message.
func send(_ text: String, to hPipe: HANDLE) -> Bool {
  let message = Array(text.utf8)
  return WriteFile(hPipe, message, DWORD(message.count), nil, nil)
}

/// Serves the lines of standard input to one reader and returns the exit status.
func serve(_ name: String) -> Int32 {
  let hPipe = CreateNamedPipe(
    name, PIPE_ACCESS_OUTBOUND, PIPE_TYPE_MESSAGE | PIPE_WAIT, 1, 64 * 1024, 0, 0, nil)
  if hPipe == INVALID_HANDLE_VALUE {
    complain("writer: cannot create \(name): \(lastError())")
    return 1
  }
  defer { CloseHandle(hPipe) }

  // A reader that came between the two calls is as welcome as one that comes now.
  if !ConnectNamedPipe(hPipe, nil) && GetLastError() != ERROR_PIPE_CONNECTED {
    complain("writer: cannot wait for a reader: \(lastError())")
    return 1
  }

  while true {
    // The end of the input ends the conversation as the word does.
    let line = readLine() ?? "fim"
    if !send(line, to: hPipe) {
      complain("writer: the reader is gone: \(lastError())")
      return 1
    }
    if line == "fim" { break }
  }

  // Disconnecting discards what is unread: first let the reader read it all.
  FlushFileBuffers(hPipe)
  DisconnectNamedPipe(hPipe)
  return 0
}

guard CommandLine.arguments.count == 2 else {
  complain(#"usage: writer \\.\pipe\NAME"#)
  exit(2)
}
exit(serve(CommandLine.arguments[1]))
