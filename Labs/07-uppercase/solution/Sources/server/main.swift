import Glibc
import Win32

/// Receives one message, whatever its length.
///
/// - Returns: The message; `nil` when the client is gone.
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

/// The letters a to z as capitals; every other byte as it is.
func uppercase(_ bytes: [UInt8]) -> [UInt8] {
  bytes.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) ? $0 - 32 : $0 }
}

/// Talks with one client until it says "fim" or is gone, and lets the instance go.
func converse(_ hPipe: HANDLE) {
  while let request = receive(from: hPipe) {
    let answer = uppercase(request)
    if !WriteFile(hPipe, answer, DWORD(answer.count), nil, nil) { break }
    if request == Array("fim".utf8) {
      // The client must have the answer before it is cut off.
      FlushFileBuffers(hPipe)
      break
    }
  }
  DisconnectNamedPipe(hPipe)
  CloseHandle(hPipe)
}

/// Makes an instance for the next client, and a thread for each that comes; returns when it cannot.
func serve(_ name: String) -> Int32 {
  while true {
    let hPipe = CreateNamedPipe(
      name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT,
      PIPE_UNLIMITED_INSTANCES, 64 * 1024, 64 * 1024, 0, nil)
    if hPipe == INVALID_HANDLE_VALUE {
      complain("server: cannot create \(name): \(lastError())")
      return 1
    }
    if !ConnectNamedPipe(hPipe, nil) && GetLastError() != ERROR_PIPE_CONNECTED {
      // It came and left again: no reason to stop.
      CloseHandle(hPipe)
      continue
    }
    let hThread = CreateThread(
      nil, 0,
      { _ in
        converse(hPipe)
        return 0
      }, nil, 0, nil)
    if hThread == nil {
      complain("server: no thread for a client: \(lastError())")
      CloseHandle(hPipe)
    }
    CloseHandle(hThread)
  }
}

guard CommandLine.arguments.count == 2 else {
  complain(#"usage: server \\.\pipe\NAME"#)
  exit(2)
}
exit(serve(CommandLine.arguments[1]))
