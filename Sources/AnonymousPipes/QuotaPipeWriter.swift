internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

/// The end of a ``QuotaPipe`` that is written. One thread at a time may use it; any may close it.
public final class QuotaPipeWriter: Sendable {
  private let io: DescriptorIO
  private let state: QuotaPipeState
  private let waitsForRoom = Atomic<Bool>(true)

  init(_ io: DescriptorIO, _ state: QuotaPipeState) {
    self.io = io
    self.state = state
  }

  /// Takes over an inherited end.
  public convenience init(adopting descriptor: consuming OwnedDescriptor, quota: Int) {
    self.init(
      DescriptorIO(adopting: descriptor), QuotaPipeState(quota: quota, place: .elsewhere))
  }

  /// The quota of the pipe, in bytes.
  public var quota: Int { state.quota }

  /// Whether a write that does not fit waits.
  public var waits: Bool {
    get { waitsForRoom.load(ordering: .relaxed) }
    set { waitsForRoom.store(newValue, ordering: .relaxed) }
  }

  /// The descriptor's number, for a child to inherit. It belongs to this object; tell it with
  /// ``leave()``.
  public var descriptor: Int32 { io.descriptor }

  /// Tells that another process has the end as well.
  public func leave() { state.writerLeaves() }

  /// Writes all bytes and waits until what is unread fits the quota.
  ///
  /// - Returns: How many bytes were written: all, or none when they do not fit and ``waits`` is
  ///   false.
  /// - Throws: `.noReader` when nobody can read any more; `.brokenPipe` when that happens while the
  ///   write waits; `.disconnected` when the reader has cut this end off; `.cancelled`, and the bytes
  ///   that are in the pipe stay there; `.closed`.
  public func write(_ bytes: Span<UInt8>) throws(TransportError) -> Int {
    try checkConnected("write to a pipe")
    if try isReaderGone() { throw TransportError(.noReader, "write to a pipe") }
    if bytes.isEmpty { return 0 }
    if !waits, try bytesWaiting() + bytes.count > state.quota { return 0 }
    let result = unsafe bytes.withUnsafeBytes { source -> Result<Void, SystemError> in
      do throws(SystemError) {
        var rest = unsafe source[...]
        while unsafe !rest.isEmpty {
          let count = try unsafe io.write(.init(rebasing: rest), deadline: .never)
          unsafe rest = rest.dropFirst(count)
        }
        return .success(())
      } catch { return .failure(error) }
    }
    try checkConnected("write to a pipe")
    try translating("write to a pipe") { () throws(SystemError) in try result.get() }
    try state.wait { () throws(TransportError) in
      try checkConnected("write to a pipe")
      // `close()` may have come since the bytes were written.
      let unread = try bytesWaiting()
      if state.readerPlace == .elsewhere { return true }
      if try isReaderGone() { throw TransportError(.brokenPipe, "write to a pipe") }
      if unread <= state.quota { return true }
      try checkCancelled("write to a pipe")
      return false
    }
    return bytes.count
  }

  /// Waits until everything was read; returns at once when nobody is left to read it.
  ///
  /// - Throws: `.brokenPipe` when the reader closes while this waits; `.disconnected`, `.closed`.
  public func flush() throws(TransportError) {
    var pause: UInt32 = 500
    var hasWaited = false
    try state.wait { () throws(TransportError) in
      while true {
        try checkConnected("flush a pipe")
        if try bytesWaiting() == 0 { return true }
        if try isReaderGone() {
          if hasWaited { throw TransportError(.brokenPipe, "flush a pipe") }
          return true
        }
        hasWaited = true
        try checkCancelled("flush a pipe")
        if state.readerPlace == .here { return false }
        // The kernel does not tell when another process has emptied a pipe.
        usleep(pause)
        pause = min(2 * pause, 16_000)
      }
    }
  }

  /// Whether the reader has cut this end off.
  public var isDisconnected: Bool { state.isDisconnected }

  private func checkConnected(_ operation: String) throws(TransportError) {
    if isDisconnected { throw TransportError(.disconnected, operation) }
  }

  private func checkCancelled(_ operation: String) throws(TransportError) {
    if CancellableCalls.isCancelled { throw TransportError(.cancelled, operation) }
  }

  /// Closes the end. A thread inside a call leaves it with `.closed`.
  public func close() {
    io.close()
    state.writerCloses()
  }

  private func bytesWaiting() throws(TransportError) -> Int {
    try translating("look into a pipe") { () throws(SystemError) in try io.bytesWaiting(.write) }
  }

  /// Whether nobody can read any more.
  ///
  /// It asks the kernel only when it must: a process that is being started holds copies of all
  /// descriptors for a moment.
  public func isReaderGone() throws(TransportError) -> Bool {
    switch state.readerPlace {
    case .here: false
    case .closed, .disconnected: true
    case .elsewhere:
      try translating("look into a pipe") { () throws(SystemError) in
        try io.isOtherEndGone(.write)
      }
    }
  }
}
