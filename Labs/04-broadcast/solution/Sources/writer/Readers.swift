import Win32

/// The instances that have a reader. The main thread adds to them, the console's thread writes to
/// them: a mutex keeps the two apart.
final class Readers: @unchecked Sendable {
  private let mutex = CreateMutex(nil, FALSE, nil)
  private var pipes: [HANDLE] = []
  private var hasEnded = false

  /// Greets a reader and takes it in. Afterwards it gets every line.
  ///
  /// - Returns: Whether lines are still to come.
  func add(_ hPipe: HANDLE) -> Bool {
    WaitForSingleObject(mutex, INFINITE)
    defer { ReleaseMutex(mutex) }
    if hasEnded || !send("pronto", to: hPipe) {
      release(hPipe)
      return !hasEnded
    }
    pipes.append(hPipe)
    return true
  }

  /// Sends a line to every reader. Those that are gone, or too far behind, are let go.
  func broadcast(_ line: String) {
    WaitForSingleObject(mutex, INFINITE)
    defer { ReleaseMutex(mutex) }
    pipes.removeAll { hPipe in
      if send(line, to: hPipe) { return false }
      release(hPipe)
      return true
    }
  }

  /// Sends the last line and lets all readers go. What is unread of a pipe that was closed, and not
  /// disconnected, can still be read.
  func end() {
    broadcast("fim")
    WaitForSingleObject(mutex, INFINITE)
    defer { ReleaseMutex(mutex) }
    hasEnded = true
    for hPipe in pipes { CloseHandle(hPipe) }
    pipes.removeAll()
  }

  /// Sends one message, without ever waiting for the reader.
  ///
  /// - Returns: Whether it was sent.
  private func send(_ text: String, to hPipe: HANDLE) -> Bool {
    let message = Array(text.utf8)
    var count: DWORD = 0
    // On a handle with PIPE_NOWAIT, a message that does not fit is not written, which is no error.
    return WriteFile(hPipe, message, DWORD(message.count), &count, nil)
      && Int(count) == message.count
  }

  private func release(_ hPipe: HANDLE) {
    DisconnectNamedPipe(hPipe)
    CloseHandle(hPipe)
  }
}
