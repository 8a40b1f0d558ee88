internal import AnonymousPipes
internal import IPCSystem
internal import IPCTransport

/// An end of a pipe, of either kind: what `PeekNamedPipe` and the like work on.
class PipeFile: FileObject, @unchecked Sendable {
  override var type: DWORD { FILE_TYPE_PIPE }

  /// What is waiting to be read.
  func peek(upTo limit: Int) throws(Failure) -> PeekResult {
    throw Failure(ERROR_ACCESS_DENIED)
  }

  /// Fails on a client's end that its server has disconnected: nothing works on it any more.
  func verifyAttached() throws(Failure) {}

  /// How many bytes could be read; `GetFileSize` tells that of a pipe.
  func size() throws(Failure) -> Int { 0 }

  /// What the pipe was created with.
  var info: PipeInfo { PipeInfo(flags: 0, outQuota: 0, inQuota: 0, maxInstances: 1) }

  /// The read mode and the wait mode: `PIPE_READMODE_MESSAGE | PIPE_NOWAIT`.
  var mode: DWORD { 0 }

  /// Changes the modes.
  func setMode(_ mode: DWORD) throws(Failure) {}

  /// How many instances there are.
  var instanceCount: Int { 1 }
}

/// What can be read, without having been read.
struct PeekResult {
  var bytes: [UInt8]
  var available: Int
  var leftInMessage: Int
}

/// What `GetNamedPipeInfo` tells.
struct PipeInfo {
  var flags: DWORD
  var outQuota: Int
  var inQuota: Int
  var maxInstances: DWORD
}

/// The end of an anonymous pipe that is read. As in Windows, it is the server's end.
final class QuotaPipeReadingFile: PipeFile, @unchecked Sendable {
  private let end: QuotaPipeReader
  private let standardNumber: Int32?

  init(_ end: QuotaPipeReader, standardNumber: Int32? = nil) {
    self.end = end
    self.standardNumber = standardNumber
    super.init(isOverlapped: false)
  }

  override func read(
    into buffer: UnsafeMutableRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Transfer {
    let target = unsafe buffer.bindMemory(to: UInt8.self)
    return try translating { () throws(TransportError) in
      var span = unsafe OutputSpan(buffer: target, initializedCount: 0)
      try end.read(into: &span)
      return Transfer(count: unsafe span.finalize(for: target))
    }
  }

  override func peek(upTo limit: Int) throws(Failure) -> PeekResult {
    let (bytes, available) = try translating { () throws(TransportError) in
      try end.peek(upTo: limit)
    }
    return PeekResult(bytes: bytes, available: available, leftInMessage: -bytes.count)
  }

  /// Whether the end that is written is closed.
  func isOtherEndGone() throws(Failure) -> Bool {
    try translating { () throws(TransportError) in try end.isWriterGone() }
  }

  /// Cuts the end that is written off.
  func disconnect() throws(Failure) {
    try translating { () throws(TransportError) in try end.disconnect() }
  }

  /// Whether that was done.
  var isDisconnected: Bool { end.isDisconnected }

  override func size() throws(Failure) -> Int {
    do throws(Failure) { return try peek(upTo: 0).available } catch {
      if error.code == ERROR_BROKEN_PIPE || error.code == ERROR_BAD_PIPE { return 0 }
      throw error
    }
  }

  override var info: PipeInfo {
    PipeInfo(
      flags: PIPE_SERVER_END | PIPE_TYPE_BYTE, outQuota: end.quota, inQuota: end.quota,
      maxInstances: 1)
  }

  override var mode: DWORD { end.waits ? PIPE_WAIT : PIPE_NOWAIT }

  override func setMode(_ mode: DWORD) throws(Failure) {
    if mode & PIPE_READMODE_MESSAGE != 0 { throw Failure(ERROR_INVALID_PARAMETER) }
    end.waits = mode & PIPE_NOWAIT == 0
  }

  override func lastHandleWasClosed() {
    end.close()
    if let standardNumber { StandardStreams.abandon(standardNumber) }
  }

  override func bequeath() -> Bequest? {
    if isDisconnected { return nil }
    end.leave()
    return Bequest(copying: end.descriptor, .reader, quota: end.quota)
  }
}

/// The end of an anonymous pipe that is written. As in Windows, it is the client's end.
final class QuotaPipeWritingFile: PipeFile, @unchecked Sendable {
  private let end: QuotaPipeWriter
  private let standardNumber: Int32?

  init(_ end: QuotaPipeWriter, standardNumber: Int32? = nil) {
    self.end = end
    self.standardNumber = standardNumber
    super.init(isOverlapped: false)
  }

  override func write(
    _ bytes: UnsafeRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Int {
    let source = unsafe bytes.bindMemory(to: UInt8.self)
    return try translating { () throws(TransportError) in
      unsafe try end.write(Span(_unsafeElements: source))
    }
  }

  override func flush() throws(Failure) {
    try translating { () throws(TransportError) in try end.flush() }
  }

  override func verifyAttached() throws(Failure) {
    if end.isDisconnected { throw Failure(ERROR_PIPE_NOT_CONNECTED) }
  }

  override var instanceCount: Int { (try? end.isReaderGone()) == true ? 0 : 1 }

  override var info: PipeInfo {
    PipeInfo(
      flags: PIPE_CLIENT_END | PIPE_TYPE_BYTE, outQuota: end.quota, inQuota: end.quota,
      maxInstances: 1)
  }

  override var mode: DWORD { end.waits ? PIPE_WAIT : PIPE_NOWAIT }

  override func setMode(_ mode: DWORD) throws(Failure) {
    if mode & PIPE_READMODE_MESSAGE != 0 { throw Failure(ERROR_INVALID_PARAMETER) }
    end.waits = mode & PIPE_NOWAIT == 0
  }

  override func lastHandleWasClosed() {
    end.close()
    if let standardNumber { StandardStreams.abandon(standardNumber) }
  }

  override func bequeath() -> Bequest? {
    end.leave()
    return Bequest(copying: end.descriptor, .writer, quota: end.quota)
  }
}
