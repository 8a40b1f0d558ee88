public import IPCSystem
public import IPCTransport

/// What is known of a pipe at one of its ends.
///
/// - Note: Win32 `GetNamedPipeInfo`.
public struct NamedPipeInfo: Sendable, Equatable {
  /// Which end of a pipe.
  public enum Side: Sendable {
    /// The end that was created.
    case server
    /// The end that was opened.
    case client
  }

  /// Which end this is.
  public var side: Side
  /// The pipe's type.
  public var kind: NamedPipes.Kind
  /// Quota from server to client, in bytes.
  public var outboundQuota: Int
  /// Quota from client to server, in bytes.
  public var inboundQuota: Int
  /// How many instances the name can have; `nil` for any number.
  public var maxInstances: Int?
}

/// What a client may do with its end.
public struct PipeAccess: OptionSet, Sendable {
  /// The rights as bits.
  public let rawValue: UInt32
  /// Creates a set of rights.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Read data, and peek.
  public static let read = PipeAccess(rawValue: 1)
  /// Write data, and flush.
  public static let write = PipeAccess(rawValue: 2)
  /// Ask for state and info.
  public static let readAttributes = PipeAccess(rawValue: 4)
  /// Change the read mode and the wait mode.
  public static let writeAttributes = PipeAccess(rawValue: 8)
  /// Everything.
  public static let all: PipeAccess = [.read, .write, .readAttributes, .writeAttributes]
}

/// What can be read, without having been read.
///
/// - Note: Win32 `PeekNamedPipe`.
public struct PipePeek: Sendable, Equatable {
  /// A copy of the beginning: on a pipe of messages, of the first message.
  public var bytes: [UInt8]
  /// Bytes that can be read, of all messages.
  public var available: Int
  /// Bytes of the first message behind ``bytes``. On a pipe of bytes the negative count of
  /// ``bytes``: that is what Win32 returns there.
  public var leftInMessage: Int

  /// Creates a value.
  public init(bytes: [UInt8], available: Int, leftInMessage: Int) {
    self.bytes = bytes
    self.available = available
    self.leftInMessage = leftInMessage
  }
}

/// One end of a named pipe: what the server's and the client's ends have in common.
///
/// Calls from several threads are served in order. A call that waits leaves with `.closed` when
/// another thread closes the end.
public protocol NamedPipeEnd: AnyObject, Sendable {
  /// The name.
  var name: PipeName { get }
  /// The pipe's properties.
  var info: NamedPipeInfo { get }
  /// How many instances the name has now, in all processes.
  var instanceCount: Int { get }
  /// What this end may do.
  var access: PipeAccess { get }
  /// The other end's process and user, as the kernel recorded them; `nil` when there is none.
  var peer: PeerIdentity? { get }
  /// Closes this end. Safe to call twice.
  func close()

  /// The connection, for the calls that all ends have.
  var connection: NamedPipeConnection { get }
}

extension NamedPipeEnd {
  /// Whether reads give messages or bytes. Each end has its own mode.
  public var readMode: NamedPipes.Kind { connection.modes.withLock { $0.read } }

  /// Whether calls on this end wait.
  public var waitMode: NamedPipes.WaitMode { connection.modes.withLock { $0.wait } }

  /// Whether this is a client's end that its server has disconnected: all that is left is to close it.
  public var isCutOff: Bool {
    info.side == .client && connection.current?.isDisconnected == true
  }

  /// Changes how this end reads and whether its calls wait; `nil` leaves a mode as it is.
  ///
  /// - Throws: `.accessDenied` without the right to write attributes; `.invalidArgument` for reading
  ///   messages from a pipe of bytes; `.disconnected` on a client that was disconnected.
  /// - Note: Win32 `SetNamedPipeHandleState`.
  public func setMode(
    read: NamedPipes.Kind?, wait: NamedPipes.WaitMode?
  ) throws(TransportError) {
    try require(.writeAttributes, "change the mode of \(name)")
    if isCutOff { throw TransportError(.disconnected, "change the mode of \(name)") }
    if read == .message && info.kind == .byte {
      throw TransportError(
        .invalidArgument, "change the mode of \(name)",
        remedy: "A pipe of bytes cannot be read as messages.")
    }
    connection.modes.withLock {
      if let read { $0.read = read }
      if let wait { $0.wait = wait }
    }
  }

  /// Reads from the other end and appends to `buffer`.
  ///
  /// In message mode this is one message, or as much of it as there is room for: the rest stays for
  /// the next read. In byte mode it is what is there, at least one byte; an empty message gives none.
  ///
  /// - Returns: Whether the message has more bytes than fitted (Win32 `ERROR_MORE_DATA`).
  /// - Throws: `.endOfFile` when the other end has closed and all was read; `.listening` on a server's
  ///   end before a client came; `.disconnected`; `.accessDenied`; `.wouldBlock` when this end does
  ///   not wait; `.timedOut`, which loses nothing; `.closed`.
  /// - Note: Win32 `ReadFile`.
  public func read(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) -> Bool {
    try require(.read, "read from \(name)")
    let modes = connection.modes.withLock { $0 }
    return try connection.link().append(
      to: &buffer, .init(joined: modes.read == .byte, noWait: modes.wait == .noWait),
      deadline: deadline)
  }

  /// Writes one message, or bytes, and waits until what is unread of it is within the quota. The
  /// other end can read all of it at once.
  ///
  /// - Returns: How many bytes were written: all, or when this end does not wait and they do not fit,
  ///   0, or on a pipe of bytes what reads that wait take at once. Writing no bytes to a pipe of bytes
  ///   has no effect.
  /// - Throws: `.noReader` when the other end had closed, `.brokenPipe` when it closed while this
  ///   waited; `.listening`, `.disconnected`, `.accessDenied`, `.closed`; `.timedOut`, and then what
  ///   was not read of it never will be.
  /// - Note: Win32 `WriteFile`.
  public func write(_ bytes: Span<UInt8>, deadline: Deadline) throws(TransportError) -> Int {
    try require(.write, "write to \(name)")
    let link = try connection.link()
    if bytes.isEmpty && info.kind == .byte {
      if let error = link.writeObstacle() { throw error }
      return 0
    }
    let noWait = waitMode == .noWait
    return try link.write(
      bytes, noWait: noWait, splits: info.kind == .byte, deadline: deadline)
  }

  /// What could be read now, at most `limit` bytes of it, without reading it. It costs no system call
  /// while nothing has changed, and waits for nothing but the end of a write that is going on: 10 ms
  /// at most, after which there may be fewer bytes than are available.
  ///
  /// - Throws: `.endOfFile` when the other end has closed and all was read; `.invalidState` on a
  ///   server's end without a client; `.disconnected`, `.accessDenied`, `.closed`.
  /// - Note: Win32 `PeekNamedPipe`. It goes by the pipe's type, not by the read mode.
  public func peek(upTo limit: Int) throws(TransportError) -> PipePeek {
    try require(.read, "peek into \(name)")
    return try connection.link(orInvalidState: "peek into \(name)")
      .peek(upTo: limit, joined: info.kind == .byte)
  }

  /// Writes a request and reads the answer, on an end in message mode that has nothing to read.
  ///
  /// - Returns: Whether the answer has more bytes than fitted; they can be read.
  /// - Throws: `.unreadInput`, and nothing was written; `.invalidState` in byte mode, without a
  ///   client, or when the other end had closed; else as reading and writing do.
  /// - Note: Win32 `TransactNamedPipe`.
  public func transact(
    _ request: Span<UInt8>, into answer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) -> Bool {
    let link = try transactionLink()
    // The answer may come before all of the request was read, so that does not wait for the quota.
    if try link.write(request, noWait: true, splits: false, deadline: deadline) < request.count {
      let sending = unsafe link.startWrite(
        request.withUnsafeBytes { unsafe Array($0) }, completion: nil)
      if case .failure(let error)? = sending.outcome { throw error }
    }
    return try link.append(to: &answer, .init(joined: false), deadline: deadline)
  }

  /// Waits until the other end has read everything that was written; returns at once when it has
  /// closed.
  ///
  /// - Throws: `.accessDenied` without the right to write; `.disconnected` on a client that was
  ///   disconnected; `.brokenPipe` when the other end closes while this waits; `.timedOut`, `.closed`.
  /// - Note: Win32 `FlushFileBuffers`.
  public func flush(deadline: Deadline) throws(TransportError) {
    let operation = try startFlush { _ in }
    do { _ = try operation.wait(deadline: deadline) } catch {
      operation.cancel()
      throw error
    }
  }

  // MARK: - Asynchronous operations

  /// Starts to read at most `limit` bytes.
  ///
  /// - Parameter completion: Runs once when it is over, on any thread, perhaps before this returns.
  public func startRead(
    upTo limit: Int, completion: @escaping PipeOperation.Completion
  ) -> PipeOperation {
    starting(completion) { () throws(TransportError) in
      try require(.read, "read from \(name)")
      let modes = connection.modes.withLock { $0 }
      return try connection.link().startRead(
        limit: limit, joined: modes.read == .byte, noWait: modes.wait == .noWait,
        completion: completion)
    }
  }

  /// Starts to write a copy of `bytes`. It is over when what is unread of it is within the quota.
  public func startWrite(
    _ bytes: [UInt8], completion: @escaping PipeOperation.Completion
  ) -> PipeOperation {
    starting(completion) { () throws(TransportError) in
      try require(.write, "write to \(name)")
      let link = try connection.link()
      if bytes.isEmpty && info.kind == .byte {
        if let error = link.writeObstacle() { throw error }
        let operation = PipeOperation(completion)
        operation.finish(.success(PipeTransfer()))
        return operation
      }
      return link.startWrite(
        bytes, noWait: waitMode == .noWait, splits: info.kind == .byte, completion: completion)
    }
  }

  /// Starts to write a request and to read the answer, at most `limit` bytes of it.
  public func startTransact(
    _ request: [UInt8], upTo limit: Int, completion: @escaping PipeOperation.Completion
  ) -> PipeOperation {
    starting(completion) { () throws(TransportError) in
      let link = try transactionLink()
      let sending = link.startWrite(request, completion: nil)
      if case .failure(let error)? = sending.outcome { throw error }
      return link.startRead(limit: limit, joined: false, completion: completion)
    }
  }

  /// Starts to wait until the other end has read everything.
  public func startFlush(
    completion: @escaping PipeOperation.Completion
  ) throws(TransportError) -> PipeOperation {
    try require(.write, "flush \(name)")
    guard let link = try connection.linkForFlush() else {
      let operation = PipeOperation(completion)
      operation.finish(.success(PipeTransfer()))
      return operation
    }
    return link.startFlush(completion: completion)
  }

  /// Reads at most `limit` bytes. Cancelling the task cancels the read.
  ///
  /// - Throws: `TransportError`, as ``read(into:deadline:)`` does; `.cancelled`.
  public func read(upTo limit: Int) async throws -> PipeTransfer {
    try await PipeOperation.finishing { startRead(upTo: limit, completion: $0) }
  }

  /// Writes `bytes`. Cancelling the task takes back what was not read.
  ///
  /// - Throws: `TransportError`, as ``write(_:deadline:)`` does; `.cancelled`.
  public func write(_ bytes: [UInt8]) async throws {
    _ = try await PipeOperation.finishing { startWrite(bytes, completion: $0) }
  }

  /// Writes a request and reads the answer. Cancelling the task stops waiting for the answer.
  ///
  /// - Throws: `TransportError`, as ``transact(_:into:deadline:)`` does; `.cancelled`.
  public func transact(_ request: [UInt8], upTo limit: Int) async throws -> PipeTransfer {
    try await PipeOperation.finishing { startTransact(request, upTo: limit, completion: $0) }
  }

  // MARK: - Inside

  private func require(
    _ right: PipeAccess, _ operation: @autoclosure () -> String
  ) throws(TransportError) {
    if access.contains(right) { return }
    throw TransportError(
      .accessDenied, operation(), remedy: "This end was not made or opened for that.")
  }

  private func transactionLink() throws(TransportError) -> PipeLink {
    let operation = "transact on \(name)"
    try require([.read, .write], operation)
    let link = try connection.link(orInvalidState: operation)
    if let error = link.obstacle("transact on a pipe") { throw error }
    if info.kind != .message || readMode != .message || link.peerIsGone() {
      throw TransportError(
        .invalidState, operation, remedy: "It needs a pipe of messages that is read as messages.")
    }
    if try !link.isEmpty() { throw TransportError(.unreadInput, operation) }
    return link
  }

  private func starting(
    _ completion: @escaping PipeOperation.Completion,
    _ start: () throws(TransportError) -> PipeOperation
  ) -> PipeOperation {
    do { return try start() } catch {
      let operation = PipeOperation(completion)
      operation.finish(.failure(error))
      return operation
    }
  }
}

extension PipeOperation {
  /// Runs an operation to its end, for tasks.
  static func finishing(
    _ start: (@escaping Completion) -> PipeOperation
  ) async throws -> PipeTransfer {
    let running = Locked<PipeOperation?>(nil)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let operation = start { continuation.resume(with: $0.finished) }
        running.withLock { $0 = operation }
        if Task.isCancelled { operation.cancel() }
      }
    } onCancel: {
      running.withLock { $0 }?.cancel()
    }
  }

  /// The outcome of an operation that is over.
  private var finished: Result<PipeTransfer, any Error> {
    outcome?.mapError { $0 } ?? .failure(TransportError(.cancelled, "use the pipe"))
  }
}

/// The connection of an end, if it has one, and the modes that stay when it has not.
public final class NamedPipeConnection: Sendable {
  struct Modes {
    var read: NamedPipes.Kind
    var wait: NamedPipes.WaitMode
  }

  /// Why an end has no connection.
  enum Absence {
    case listening
    case disconnected
    case closed
  }

  enum State {
    case link(PipeLink)
    case none(Absence)
  }

  let modes: Locked<Modes>
  private let state: Locked<State>
  private let name: PipeName

  init(_ name: PipeName, _ state: State, _ modes: Modes) {
    self.name = name
    self.state = Locked(state)
    self.modes = Locked(modes)
  }

  /// Changes the state and returns the link that there was.
  @discardableResult
  func change(_ new: State) -> PipeLink? {
    state.withLock { state in
      defer { state = new }
      if case .link(let link) = state { return link }
      return nil
    }
  }

  /// The link, if there is one.
  var current: PipeLink? {
    state.withLock { if case .link(let link) = $0 { link } else { nil } }
  }

  /// The link to transfer over.
  func link() throws(TransportError) -> PipeLink {
    switch state.withLock({ $0 }) {
    case .link(let link): return link
    case .none(.listening): throw TransportError(.listening, "use \(name)")
    case .none(.disconnected): throw TransportError(.disconnected, "use \(name)")
    case .none(.closed): throw TransportError(.closed, "use \(name)")
    }
  }

  /// The link, for operations that make no sense without a client.
  func link(orInvalidState operation: @autoclosure () -> String) throws(TransportError) -> PipeLink
  {
    switch state.withLock({ $0 }) {
    case .link(let link): return link
    case .none(.closed): throw TransportError(.closed, operation())
    case .none:
      throw TransportError(.invalidState, operation(), remedy: "There is no client.")
    }
  }

  /// The link to flush; `nil` when there is nothing to flush.
  func linkForFlush() throws(TransportError) -> PipeLink? {
    switch state.withLock({ $0 }) {
    case .link(let link):
      if let error = link.obstacle("flush a pipe") { throw error }
      return link
    case .none(.closed): throw TransportError(.closed, "flush \(name)")
    case .none: return nil
    }
  }
}
