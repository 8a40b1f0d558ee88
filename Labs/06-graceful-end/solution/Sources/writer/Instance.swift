import Win32

/// One instance of the pipe: a thread serves one reader after the other with it.
final class Instance: @unchecked Sendable {
  private let hPipe: HANDLE
  private let hall: Hall
  private let operation: UnsafeMutablePointer<OVERLAPPED>

  /// - Returns: `nil` when the instance cannot be made.
  init?(_ name: String, limit: DWORD, _ hall: Hall) {
    hPipe = CreateNamedPipe(
      name, PIPE_ACCESS_OUTBOUND | FILE_FLAG_OVERLAPPED, PIPE_TYPE_MESSAGE | PIPE_WAIT, limit,
      4096, 0, 0, nil)
    if hPipe == INVALID_HANDLE_VALUE { return nil }
    self.hall = hall
    operation = .allocate(capacity: 1)
    operation.initialize(to: OVERLAPPED())
    operation.pointee.hEvent = CreateEvent(nil, TRUE, FALSE, nil)
  }

  deinit {
    CloseHandle(operation.pointee.hEvent)
    operation.deallocate()
    CloseHandle(hPipe)
  }

  /// Serves readers until all is over. This is what the thread runs.
  func serve() {
    while waitForReader() {
      let mailbox = hall.enter()
      hall.leave(mailbox, lines: deliver(mailbox))
      DisconnectNamedPipe(hPipe)
    }
  }

  /// Waits for a reader or for the end, whichever comes first.
  ///
  /// - Returns: Whether a reader came.
  private func waitForReader() -> Bool {
    while WaitForSingleObject(hall.over, 0) == WAIT_TIMEOUT {
      if ConnectNamedPipe(hPipe, operation) { return true }
      switch GetLastError() {
      case ERROR_PIPE_CONNECTED: return true
      case ERROR_IO_PENDING:
        let events = [operation.pointee.hEvent, hall.over]
        if WaitForMultipleObjects(2, events, FALSE, INFINITE) != WAIT_OBJECT_0 {
          CancelIo(hPipe)
        }
        var count: DWORD = 0
        if GetOverlappedResult(hPipe, operation, &count, TRUE) { return true }
      default:
        // It came and left again.
        DisconnectNamedPipe(hPipe)
      }
    }
    return false
  }

  /// Sends what comes into the mailbox, up to and with "fim".
  ///
  /// - Returns: How many lines the reader got.
  private func deliver(_ mailbox: Mailbox) -> Int {
    guard send("pronto") else { return 0 }
    var count = 0
    while true {
      let line = mailbox.take()
      guard send(line) else { return count }
      if line == "fim" {
        FlushFileBuffers(hPipe)
        return count
      }
      count += 1
    }
  }

  private func send(_ text: String) -> Bool {
    let message = Array(text.utf8)
    return message.withUnsafeBytes { bytes in
      var count: DWORD = 0
      if WriteFile(hPipe, bytes.baseAddress, DWORD(bytes.count), nil, operation) { return true }
      return GetLastError() == ERROR_IO_PENDING
        && GetOverlappedResult(hPipe, operation, &count, TRUE)
    }
  }
}
