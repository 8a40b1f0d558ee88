internal import Win32

/// An `OVERLAPPED` with its event and its buffers, at addresses that stay until it is complete.
@safe final class PendingOperation: @unchecked Sendable {
  // The addresses never change. What is at them belongs to the call until the operation is
  // complete, and is only read after that.
  let overlapped: UnsafeMutablePointer<OVERLAPPED>
  /// What is sent.
  let input: UnsafeMutableRawPointer
  /// What is received.
  let output: UnsafeMutableRawPointer
  /// The length of what can be received, in bytes; `nil` when nothing is.
  let capacity: Int?

  /// Makes an operation of zeros with an event.
  init(sending bytes: [UInt8] = [], receiving capacity: Int? = nil) {
    self.capacity = capacity
    unsafe overlapped = .allocate(capacity: 1)
    unsafe overlapped.initialize(to: OVERLAPPED())
    unsafe overlapped.pointee.hEvent = CreateEvent(nil, TRUE, FALSE, nil)
    unsafe output = .allocate(byteCount: max(1, capacity ?? 0), alignment: 16)
    unsafe input = .allocate(byteCount: max(1, bytes.count), alignment: 16)
    unsafe bytes.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress {
        unsafe input.copyMemory(from: base, byteCount: bytes.count)
      }
    }
  }

  deinit {
    guard isComplete else { return }  // better lost than written to by somebody else
    CloseHandle(event)
    unsafe overlapped.deallocate()
    unsafe input.deallocate()
    unsafe output.deallocate()
  }

  /// The event that is set when the operation is complete.
  var event: HANDLE { unsafe overlapped.pointee.hEvent }

  /// Whether the buffers and the structure are free to be used.
  var isComplete: Bool { unsafe HasOverlappedIoCompleted(overlapped) }

  /// The first bytes of what a complete operation has received.
  func received(_ count: DWORD) -> [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: output, count: min(Int(count), capacity ?? 0)))
  }
}
