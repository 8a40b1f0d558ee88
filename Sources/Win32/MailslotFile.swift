internal import IPCSystem
internal import IPCTransport
internal import Mailslots
internal import SyncObjects

/// A mailslot as its reader has it.
final class MailslotServerFile: FileObject, @unchecked Sendable {
  let server: MailslotServer

  init(_ server: MailslotServer) {
    self.server = server
    // As in Windows, whether asked for or not.
    super.init(isOverlapped: true)
  }

  override func read(
    into buffer: UnsafeMutableRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Transfer {
    let target = unsafe buffer.bindMemory(to: UInt8.self)
    do throws(TransportError) {
      var span = unsafe OutputSpan(buffer: target, initializedCount: 0)
      try server.read(into: &span)
      return Transfer(count: unsafe span.finalize(for: target))
    } catch { throw Self.failure(error) }
  }

  static func failure(_ error: TransportError) -> Failure {
    error.code == .moreData ? Failure(ERROR_INSUFFICIENT_BUFFER) : Failure(error)
  }

  override func start(
    _ work: Work, completion: @escaping @Sendable () -> Void
  ) -> (any RunningWork)? {
    guard case .read(let limit) = work else { return nil }
    return RunningMailslotRead(server, limit, completion)
  }

  override func lastHandleWasClosed() { server.close() }
}

/// A read that goes on, on a thread of its own, after the call has returned.
private final class RunningMailslotRead: RunningWork {
  private let server: MailslotServer
  private let limit: Int
  private let cancellation = MailslotServer.Cancellation()
  private let result = Locked<WorkOutcome?>(nil)
  private let isOver = Event(.manual)

  init(
    _ server: MailslotServer, _ limit: Int, _ completion: @escaping @Sendable () -> Void
  ) {
    self.server = server
    self.limit = min(limit, Mailslots.maximumMessage)
    let deadline = server.readDeadline
    // What is there is read at once.
    let first = read(.immediate)
    if first.error != ERROR_SEM_TIMEOUT || deadline == .immediate {
      finish(first)
      return
    }
    do throws(SystemError) {
      try SystemThread.start {
        self.finish(self.read(deadline))
        completion()
      }
    } catch { finish(WorkOutcome(error: Failure(error).code)) }
  }

  private func read(_ deadline: Deadline) -> WorkOutcome {
    do throws(TransportError) {
      let bytes = try [UInt8](capacity: limit) { (buffer) throws(TransportError) in
        try server.read(into: &buffer, deadline: deadline, cancellation: cancellation)
      }
      return WorkOutcome(bytes: bytes, count: bytes.count)
    } catch {
      // Its own end was closed.
      let code = error.code == .closed ? ERROR_OPERATION_ABORTED : nil
      return WorkOutcome(error: code ?? MailslotServerFile.failure(error).code)
    }
  }

  private func finish(_ outcome: WorkOutcome) {
    result.withLock { $0 = outcome }
    isOver.set()
  }

  var outcome: WorkOutcome? { result.withLock { $0 } }

  /// Waits for the thread: until then a message may be on its way.
  func cancel() {
    if outcome != nil { return }
    server.cancel(cancellation)
    _ = Waiting.any(of: [isOver], deadline: .never)
  }
}

/// A mailslot, or all of a name, as a writer has it.
final class MailslotWriterFile: FileObject, @unchecked Sendable {
  private let target: Mailslots.Target
  private let timeout = Locked(MAILSLOT_WAIT_FOREVER)

  init(_ target: Mailslots.Target) {
    self.target = target
    super.init(isOverlapped: false)
  }

  /// Changes how long a write waits for room.
  func setTimeout(_ milliseconds: DWORD) { timeout.withLock { $0 = milliseconds } }

  override func read(
    into buffer: UnsafeMutableRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Transfer { throw Failure(ERROR_INVALID_PARAMETER) }

  override func write(
    _ bytes: UnsafeRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Int {
    switch target {
    case .one(let writer):
      let source = unsafe bytes.bindMemory(to: UInt8.self)
      let deadline = Waits.deadline(timeout.withLock { $0 })
      try translating { () throws(TransportError) in
        unsafe try writer.write(Span(_unsafeElements: source), deadline: deadline)
      }
    case .many(let broadcaster):
      let message = unsafe Array(bytes)
      _ = try translating { () throws(TransportError) in try broadcaster.write(message) }
    }
    return bytes.count
  }

  override func flush() throws(Failure) {}

  override func lastHandleWasClosed() {
    switch target {
    case .one(let writer): writer.close()
    case .many(let broadcaster): broadcaster.close()
    }
  }
}

/// Creating and opening mailslots.
enum MailslotOpening {
  static func name(_ text: String) throws(Failure) -> MailslotName {
    try translating { () throws(TransportError) in try MailslotName(text) }
  }

  /// The writer's end for a `CreateFile`; `nil` when the name is not meant for a mailslot.
  static func open(_ text: String, disposition: DWORD) throws(Failure) -> MailslotWriterFile? {
    guard MailslotName.isMeant(by: text) else { return nil }
    guard disposition == OPEN_EXISTING || disposition == OPEN_ALWAYS else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    let name = try name(text)
    let directory = try Win32Names.directory()
    return MailslotWriterFile(
      try translating { () throws(TransportError) in try Mailslots.open(name, in: directory) })
  }

  /// A time-out; `nil` for ever.
  static func duration(_ milliseconds: DWORD) -> Duration? {
    milliseconds == MAILSLOT_WAIT_FOREVER ? nil : .milliseconds(Int64(milliseconds))
  }

  static func milliseconds(_ duration: Duration?) -> DWORD {
    guard let duration else { return MAILSLOT_WAIT_FOREVER }
    let (seconds, attoseconds) = duration.components
    return DWORD(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
  }
}
