internal import IPCSystem
internal import IPCTransport
internal import NamedPipes

/// An end of a named pipe.
final class NamedPipeFile: PipeFile, @unchecked Sendable {
  let end: any NamedPipeEnd

  init(_ end: any NamedPipeEnd, isOverlapped: Bool) {
    self.end = end
    super.init(isOverlapped: isOverlapped)
  }

  /// The server's end, for what a client cannot do.
  func instance() throws(Failure) -> NamedPipeInstance {
    guard let instance = end as? NamedPipeInstance else { throw Failure(ERROR_INVALID_FUNCTION) }
    return instance
  }

  override func read(
    into buffer: UnsafeMutableRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Transfer {
    try unsafe filling(buffer) { (span) throws(TransportError) in
      try end.read(into: &span, deadline: .never)
    }
  }

  override func write(
    _ bytes: UnsafeRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Int {
    let source = unsafe bytes.bindMemory(to: UInt8.self)
    return try translating { () throws(TransportError) in
      unsafe try end.write(Span(_unsafeElements: source), deadline: .never)
    }
  }

  override func flush() throws(Failure) {
    try translating { () throws(TransportError) in try end.flush(deadline: .never) }
  }

  /// Writes a request and reads the answer.
  func transact(
    _ request: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Failure) -> Transfer {
    let source = unsafe request.bindMemory(to: UInt8.self)
    return try unsafe filling(buffer) { (span) throws(TransportError) in
      unsafe try end.transact(Span(_unsafeElements: source), into: &span, deadline: .never)
    }
  }

  private func filling(
    _ buffer: UnsafeMutableRawBufferPointer,
    _ body: (inout OutputSpan<UInt8>) throws(TransportError) -> Bool
  ) throws(Failure) -> Transfer {
    let target = unsafe buffer.bindMemory(to: UInt8.self)
    return try translating { () throws(TransportError) in
      var span = unsafe OutputSpan(buffer: target, initializedCount: 0)
      let hasMore = try body(&span)
      return Transfer(count: unsafe span.finalize(for: target), hasMore: hasMore)
    }
  }

  override func start(
    _ work: Work, completion: @escaping @Sendable () -> Void
  ) -> (any RunningWork)? {
    switch work {
    case .read(let limit):
      return RunningPipeWork(end.startRead(upTo: limit) { _ in completion() })
    case .write(let bytes):
      return RunningPipeWork(end.startWrite(bytes) { _ in completion() })
    case .transact(let bytes, let limit):
      return RunningPipeWork(end.startTransact(bytes, upTo: limit) { _ in completion() })
    case .connect:
      guard let instance = end as? NamedPipeInstance, instance.waitMode == .wait else { return nil }
      return RunningPipeWork(
        instance.startWaitForClient { _ in completion() }, waitingFor: instance)
    }
  }

  override func peek(upTo limit: Int) throws(Failure) -> PeekResult {
    let peek = try translating { () throws(TransportError) in try end.peek(upTo: limit) }
    return PeekResult(
      bytes: peek.bytes, available: peek.available, leftInMessage: peek.leftInMessage)
  }

  override func size() throws(Failure) -> Int {
    guard end.access.contains(.read) else { return 0 }
    do throws(Failure) { return try peek(upTo: 0).available } catch {
      if error.code == ERROR_BROKEN_PIPE || error.code == ERROR_BAD_PIPE { return 0 }
      throw error
    }
  }

  override func verifyAttached() throws(Failure) {
    if end.isCutOff { throw Failure(ERROR_PIPE_NOT_CONNECTED) }
  }

  override var info: PipeInfo {
    let info = end.info
    return PipeInfo(
      flags: (info.side == .server ? PIPE_SERVER_END : PIPE_CLIENT_END)
        | (info.kind == .message ? PIPE_TYPE_MESSAGE : PIPE_TYPE_BYTE),
      outQuota: info.outboundQuota, inQuota: info.inboundQuota,
      maxInstances: info.maxInstances.map { DWORD($0) } ?? PIPE_UNLIMITED_INSTANCES)
  }

  override var mode: DWORD {
    (end.readMode == .message ? PIPE_READMODE_MESSAGE : PIPE_READMODE_BYTE)
      | (end.waitMode == .noWait ? PIPE_NOWAIT : PIPE_WAIT)
  }

  override func setMode(_ mode: DWORD) throws(Failure) {
    try translating { () throws(TransportError) in
      try end.setMode(
        read: mode & PIPE_READMODE_MESSAGE != 0 ? .message : .byte,
        wait: mode & PIPE_NOWAIT != 0 ? .noWait : .wait)
    }
  }

  override var instanceCount: Int { end.instanceCount }

  override func lastHandleWasClosed() { end.close() }
}

/// An operation on a named pipe.
private struct RunningPipeWork: RunningWork {
  let operation: PipeOperation
  let instance: NamedPipeInstance?

  init(_ operation: PipeOperation, waitingFor instance: NamedPipeInstance? = nil) {
    self.operation = operation
    self.instance = instance
  }

  var outcome: WorkOutcome? {
    switch operation.outcome {
    case .success(let transfer):
      return WorkOutcome(
        bytes: transfer.bytes, count: transfer.count,
        error: transfer.hasMore ? ERROR_MORE_DATA : ERROR_SUCCESS)
    // An operation that was going on when its own end was closed: Windows says this.
    case .failure(let error) where error.code == .closed:
      return WorkOutcome(error: ERROR_BROKEN_PIPE)
    case .failure(let error): return WorkOutcome(error: Failure(error).code)
    case nil:
      // A client's call may have returned before the one who took the client has told everybody.
      switch instance?.state {
      case .connected, .closing: return WorkOutcome()
      default: return nil
      }
    }
  }

  func cancel() { operation.cancel() }
}
