internal import Glibc
public import IPCSystem
public import IPCTransport

/// One instance of a named pipe: the server's end, for one client at a time.
///
/// A server that talks to several clients at once makes several instances of the name. An instance
/// listens from its creation on: a client may connect, write and even leave before the server calls
/// ``waitForClient(deadline:)``.
///
/// The name belongs to its instances: it exists from the creation of the first to the end of the
/// last, also when that comes by kill -9.
///
/// A server with a thread for each client:
/// ```swift
/// while true {
///   let instance = try NamedPipeInstance(name, in: runtime, options: .init(kind: .message))
///   do { try instance.waitForClient(deadline: .never) } catch where error.code == .alreadyConnected {}
///   Thread.detachNewThread { serve(instance); instance.close() }
/// }
/// ```
/// A server that uses tasks makes its instances ahead and gives each a task:
/// ```swift
/// await withThrowingTaskGroup { group in
///   for instance in instances {
///     group.addTask {
///       while true {
///         try await instance.waitForClient()
///         while let request = try? await instance.read(upTo: 4096), !request.bytes.isEmpty {
///           try await instance.write(answer(to: request.bytes))
///         }
///         try instance.disconnect()
///       }
///     }
///   }
/// }
/// ```
public final class NamedPipeInstance: NamedPipeEnd {
  /// The name.
  public let name: PipeName
  /// The instance's properties; kind and maximum are those that the first instance laid down.
  public let info: NamedPipeInfo
  /// What this end may do, which follows from the pipe's direction.
  public let access: PipeAccess
  /// The connection with the client.
  public let connection: NamedPipeConnection

  private let options: NamedPipes.Options
  private let directory: NameDirectory
  private let names: NameState
  /// Who may connect, as the first instance has it.
  private let admission: NamedPipes.AccessControl
  private let isAttended: Bool
  private let shared: Locked<Shared>

  private struct Shared: ~Copyable {
    var state = NamedPipeState.listening
    var owner: NameOwner?
    var listener: Listening?
    /// Waits for a client that have not ended.
    var waits: [PipeOperation] = []
    /// What a client that was taken is still to be told.
    var greeting: Welcome.Greeting?
  }

  /// A listening socket, its file and its watch.
  private struct Listening {
    let io: DescriptorIO
    let fileName: String
    var token: UInt64?
  }

  /// Creates an instance, which listens from now on.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - runtime: Where names are kept.
  ///   - options: What the instance is like.
  /// - Throws: `.invalidArgument` for options that no pipe can have; `.accessDenied` when the name
  ///   has instances and this was to be the first, or goes another way, or this process is not a
  ///   member of the group that is to have access; `.instancesBusy` when it has as many as it can
  ///   have.
  /// - Note: Win32 `CreateNamedPipe`.
  public convenience init(
    _ name: PipeName, in runtime: RuntimeDirectory, options: NamedPipes.Options
  ) throws(TransportError) {
    try self.init(name, runtime, options, attended: true)
  }

  /// - Parameter attended: Whether clients are taken when they come, by ``PeerWatcher``; otherwise
  ///   they wait for ``takeClient()``.
  init(
    _ name: PipeName, _ runtime: RuntimeDirectory, _ options: NamedPipes.Options, attended: Bool
  ) throws(TransportError) {
    try options.check(name)
    let operation = "create an instance of \(name)"
    self.name = name
    isAttended = attended
    let share = try InstanceShare.join(name, runtime, options, operation)
    directory = share.directory
    names = share.names
    let terms = share.names.terms
    var options = options
    options.kind = terms.kind
    if terms.kind == .byte { options.readMode = .byte }
    self.options = options
    admission = terms.access
    info = NamedPipeInfo(
      side: .server, kind: terms.kind, outboundQuota: options.outboundQuota,
      inboundQuota: options.inboundQuota, maxInstances: terms.maxInstances)
    access =
      switch options.direction {
      case .inbound: [.read, .readAttributes]
      case .outbound: [.write, .readAttributes, .writeAttributes]
      case .duplex: .all
      }
    connection = NamedPipeConnection(
      name, .none(.listening), .init(read: options.readMode, wait: options.waitMode))
    shared = Locked(Shared(owner: share.takeOwner()))
    let failure = shared.withLock { listen(&$0) }
    if let failure {
      close()
      throw TransportError(failure, operation)
    }
  }

  deinit { close() }

  /// Where the instance stands.
  public var state: NamedPipeState {
    let state = shared.withLock { $0.state }
    if state == .connected, let link = connection.current, link.peerIsGone() { return .closing }
    return state
  }

  /// How many instances the name has now, in all processes.
  public var instanceCount: Int { directory.countLivingOwners() }

  /// The client's process and user; `nil` when there is none.
  public var peer: PeerIdentity? { connection.current?.peer }

  // MARK: - Clients

  /// Makes the instance's socket, with the state locked.
  ///
  /// A backlog of 0 admits exactly one client: to connect is to claim the instance.
  private func listen(_ shared: inout Shared) -> SystemError? {
    guard let owner = shared.owner?.number else {
      return SystemError(code: EBADF, call: "listen")
    }
    do throws(SystemError) {
      let socket = try LocalSocket.make(.seqpacket)
      let fileName = "\(owner).\(names.nextTurn())\(NamedPipes.listenerSuffix)"
      try directory.listen(socket.raw, at: fileName, admission.visibility, backlog: 0)
      let io = DescriptorIO(adopting: socket)
      var token: UInt64?
      if isAttended {
        token = try PeerWatcher.shared.watchInput(io.descriptor) { [weak self] in
          _ = try? self?.takeClient()
        }
      }
      shared.listener = Listening(io: io, fileName: fileName, token: token)
    } catch { return error }
    shared.state = .listening
    names.announceChange()
    return nil
  }

  /// Waits for a client. After ``disconnect()`` the instance listens again.
  ///
  /// - Throws: `.alreadyConnected` when a client came before this call, which is as good;
  ///   `.noReader` when it has left already: what it wrote can be read, and the instance must be
  ///   disconnected before the next can come; `.listening` on an end that does not wait; `.timedOut`,
  ///   `.closed`, `.disconnected` when another thread disconnected meanwhile.
  /// - Note: Win32 `ConnectNamedPipe`.
  public func waitForClient(deadline: Deadline) throws(TransportError) {
    if waitMode == .noWait { return try listenWithoutWaiting() }
    if !isAttended { return try waitUnattended(deadline) }
    let operation = startWaitForClient { _ in }
    do { _ = try operation.wait(deadline: deadline) } catch {
      if error.code == .timedOut || error.code == .cancelled { operation.cancel() }
      throw error
    }
  }

  /// Starts to wait for a client; it ends as ``waitForClient(deadline:)`` does.
  public func startWaitForClient(
    completion: @escaping PipeOperation.Completion
  ) -> PipeOperation {
    let operation = PipeOperation(completion)
    let failure = shared.withLock { shared -> TransportError? in
      switch shared.state {
      case .connected, .closing:
        return connection.current?.peerIsGone() == false
          ? TransportError(.alreadyConnected, "wait for a client of \(name)")
          : TransportError(
            .noReader, "wait for a client of \(name)",
            remedy: "The last client has left; disconnect the instance first.")
      case .disconnected:
        if shared.owner == nil { return TransportError(.closed, "wait for a client of \(name)") }
        connection.change(.none(.listening))
        if let error = listen(&shared) {
          return TransportError(error, "wait for a client of \(name)")
        }
      case .listening: break
      }
      operation.attach(look: {}, abort: { [weak self] in self?.abort(operation) })
      shared.waits.append(operation)
      return nil
    }
    if let failure { operation.finish(.failure(failure)) }
    return operation
  }

  /// Waits for a client; returns also when one is there already. Cancelling the task cancels that.
  ///
  /// - Throws: `TransportError`, as ``waitForClient(deadline:)``; `.cancelled`.
  public func waitForClient() async throws {
    do {
      _ = try await PipeOperation.finishing { startWaitForClient(completion: $0) }
    } catch let error as TransportError where error.code == .alreadyConnected {}
  }

  private func abort(_ operation: PipeOperation) {
    let waited = shared.withLock { shared in
      let before = shared.waits.count
      shared.waits.removeAll { $0 === operation }
      return shared.waits.count < before
    }
    if waited {
      operation.finish(.failure(TransportError(.cancelled, "wait for a client of \(name)")))
    }
  }

  /// - Note: Win32 `ConnectNamedPipe` on a pipe with `PIPE_NOWAIT`.
  private func listenWithoutWaiting() throws(TransportError) {
    let operation = startWaitForClient { _ in }
    if operation.cancel() { throw TransportError(.listening, "wait for a client of \(name)") }
    _ = try operation.wait(deadline: .immediate)
  }

  private func waitUnattended(_ deadline: Deadline) throws(TransportError) {
    let operation = startWaitForClient { _ in }
    if operation.isOver { return _ = try operation.wait(deadline: .immediate) }
    do {
      repeat { try waitForArrival(deadline: deadline) } while try !takeClient()
    } catch {
      operation.cancel()
      throw error
    }
  }

  /// Waits until a client has claimed this instance, and leaves it to be taken.
  func waitForArrival(deadline: Deadline) throws(TransportError) {
    guard let listener = shared.withLock({ $0.listener }) else {
      throw TransportError(.closed, "wait for a client of \(name)")
    }
    try translating("wait for a client of \(name)") { () throws(SystemError) in
      try listener.io.waitForInput(deadline: deadline)
    }
  }

  /// Takes the client that has claimed this instance.
  ///
  /// - Returns: `false` for a client that may not have it: that was told so, and the instance listens
  ///   again, as if nobody had come.
  @discardableResult
  func takeClient() throws(TransportError) -> Bool {
    var waits: [PipeOperation] = []
    var isTaken = false
    let failure = shared.withLock { shared -> SystemError? in
      guard let listener = shared.listener else {
        return SystemError(code: EBADF, call: "accept")
      }
      // Whatever comes of it, this socket has served.
      shared.listener = nil
      directory.remove(listener.fileName)
      defer { listener.io.close() }
      do throws(SystemError) {
        let socket = try LocalSocket.acceptOnly(listener.io.descriptor)
        guard admission.admits(try LocalSocket.peer(of: socket.raw)) else {
          // When it knows, the next can come.
          let failure = listen(&shared)
          try? LocalSocket.send(Welcome.refusal, descriptors: [], over: socket.raw)
          return failure
        }
        let prepared = try Welcome.prepare(socket, options)
        connection.change(.link(prepared.link))
        shared.state = shared.state.after(.clientTaken) ?? shared.state
        try? shared.owner?.note(PipeNote.connected(prepared.link.peer?.pid).text)
        shared.greeting = consume prepared
      } catch { return listen(&shared) ?? error }
      waits = shared.waits.take()
      isTaken = true
      return nil
    }
    if let failure { throw TransportError(failure, "accept a client of \(name)") }
    // When the client's call returns, the server's waits are over.
    for wait in waits { wait.finish(.success(PipeTransfer())) }
    greet()
    return isTaken
  }

  /// Ends the connection with the client; nothing that was not read can be read any more. Flush
  /// first where that matters.
  ///
  /// - Throws: `.disconnected` when it is disconnected already; `.closed`.
  /// - Note: Win32 `DisconnectNamedPipe`.
  public func disconnect() throws(TransportError) {
    greet()
    var waits: [PipeOperation] = []
    let failure = shared.withLock { shared -> TransportError? in
      if shared.owner == nil { return TransportError(.closed, "disconnect \(name)") }
      guard let next = shared.state.after(.disconnect) else {
        return TransportError(.disconnected, "disconnect \(name)")
      }
      shared.state = next
      try? shared.owner?.note(PipeNote.disconnected.text)
      waits = endListening(&shared)
      return nil
    }
    if let failure { throw failure }
    connection.change(.none(.disconnected))?.end(.disconnected)
    for wait in waits {
      wait.finish(.failure(TransportError(.disconnected, "wait for a client of \(name)")))
    }
  }

  private func endListening(_ shared: inout Shared) -> [PipeOperation] {
    if let listener = shared.listener {
      if let token = listener.token { PeerWatcher.shared.stop(token) }
      directory.remove(listener.fileName)
      listener.io.close()
      shared.listener = nil
    }
    return shared.waits.take()
  }

  /// Tells a client that was taken so, if nobody has yet. A server may write, disconnect or close as
  /// soon as its wait is over: by then the client must have its end, or what was written is lost.
  private func greet() { shared.withLock { $0.greeting.take()?.send() } }

  /// Closes the instance and, with the last one, removes the name. What it wrote can still be read.
  /// Threads inside a call leave it with `.closed`. Safe to call twice.
  public func close() {
    greet()
    var waits: [PipeOperation] = []
    let owner = shared.withLock { shared -> NameOwner? in
      waits = endListening(&shared)
      shared.state = .disconnected
      return shared.owner.take()
    }
    guard owner != nil else { return }
    connection.change(.none(.closed))?.end(.closed)
    _ = consume owner
    // Who waits for an instance now finds one less, or no name.
    names.announceChange()
    for wait in waits {
      wait.finish(.failure(TransportError(.closed, "wait for a client of \(name)")))
    }
  }
}
