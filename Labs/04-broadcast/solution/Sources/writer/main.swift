import Glibc
import Win32

/// How many readers there can be at a time.
let mostReaders: DWORD = 10

/// Makes an instance; waits when there are as many as there can be.
///
/// - Returns: The instance; `nil` when it cannot be made.
func makeInstance(_ name: String) -> HANDLE? {
  while true {
    let hPipe = CreateNamedPipe(
      name, PIPE_ACCESS_OUTBOUND, PIPE_TYPE_MESSAGE | PIPE_WAIT, mostReaders, 64 * 1024, 0, 0, nil)
    if hPipe != INVALID_HANDLE_VALUE { return hPipe }
    if GetLastError() != ERROR_PIPE_BUSY { return nil }
    Sleep(20)
  }
}

/// Takes readers in for as long as there are lines, and returns the exit status.
func serve(_ name: String) -> Int32 {
  let readers = Readers()
  guard var hPipe = makeInstance(name) else {
    complain("writer: cannot create \(name): \(lastError())")
    return 1
  }

  // The console has a thread of its own: here the program waits for readers.
  let console = CreateThread(
    nil, 0,
    { _ in
      while let line = readLine(), line != "fim" { readers.broadcast(line) }
      readers.end()
      // Nobody else ends the thread that waits for readers.
      ExitProcess(0)
    }, nil, 0, nil)
  if console == nil {
    complain("writer: no thread for the console: \(lastError())")
    return 1
  }

  while true {
    if ConnectNamedPipe(hPipe, nil) || GetLastError() == ERROR_PIPE_CONNECTED {
      // From now on no write to this reader waits: a slow one must not stop the others.
      var mode = PIPE_READMODE_BYTE | PIPE_NOWAIT
      SetNamedPipeHandleState(hPipe, &mode, nil, nil)
      if !readers.add(hPipe) { Sleep(INFINITE) }
    } else {
      CloseHandle(hPipe)
    }
    guard let next = makeInstance(name) else {
      complain("writer: cannot create \(name): \(lastError())")
      return 1
    }
    hPipe = next
  }
}

guard CommandLine.arguments.count == 2 else {
  complain(#"usage: writer \\.\pipe\NAME"#)
  exit(2)
}
exit(serve(CommandLine.arguments[1]))
