internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

/// One instance of a named pipe: the server's end, for one client at a time.
///
/// A server that talks to several clients at once makes several instances of the name. An instance
/// listens from its creation on, so a client may connect, write and even leave before the server
/// calls ``waitForClient(deadline:)``.
///
/// The name belongs to its instances: it exists from the creation of the first to the end of the
/// last, also when that comes by kill -9.
public final class NamedPipeInstance: Sendable {
  /// The name.
  public let name: PipeName
  /// What the first instance of the name laid down.
  public let options: NamedPipes.Options

  private let directory: NameDirectory
  private let names: NameState
  private let shared: Mutex<Shared>

  private struct Shared: ~Copyable {
    var state = NamedPipeState.listening
    var owner: NameOwner?
    var listener: Listening?
    var channel: PipeChannel?
  }

  /// A listening socket and its file.
  private struct Listening {
    let io: DescriptorIO
    let fileName: String
  }

  /// Creates an instance, which listens from now on.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - runtime: Where names are kept.
  ///   - options: What holds for the name if this is its first instance.
  /// - Throws: `.invalidArgument` when the name has pipes of another kind.
  /// - Note: Win32 `CreateNamedPipe`.
  public init(
    _ name: PipeName, in runtime: RuntimeDirectory, options: NamedPipes.Options
  ) throws(TransportError) {
    self.name = name
    do throws(SystemError) {
      let registry = try NamedPipes.registry(runtime)
      let directory = registry.directory(of: name.base)
      if !directory.exists { registry.sweep() }
      let joined = try registry.withName(name.base, creating: true) {
        (directory) throws(SystemError) in try Self.join(directory, options)
      }
      guard let joined else { throw SystemError(code: ENOENT, call: "mkdir") }
      let listener = try Self.listen(joined.owner.number, in: directory, joined.names)
      self.directory = directory
      names = joined.names
      self.options = joined.names.options
      shared = Mutex(Shared(owner: joined.owner, listener: listener))
    } catch { throw TransportError(error, "create an instance of \(name)") }
    if self.options.kind != options.kind {
      close()
      throw TransportError(
        .invalidArgument, "create an instance of \(name)",
        remedy: "The first instance has the other kind of pipe; all must have the same.")
    }
  }

  /// A new instance's share in its name. Make it with the directory locked.
  private struct Joined: ~Copyable {
    let names: NameState
    let owner: NameOwner
  }

  private static func join(
    _ directory: NameDirectory, _ options: NamedPipes.Options
  ) throws(SystemError) -> Joined {
    directory.removeDeadOwners()
    let isFirst = directory.livingOwners().isEmpty
    let names = try NameState(in: directory, layingDown: isFirst ? options : nil)
    return Joined(names: names, owner: try directory.addOwner())
  }

  deinit { close() }

  /// Where the instance stands.
  public var state: NamedPipeState { shared.withLock { $0.state } }

  /// Makes the socket of an instance.
  ///
  /// A backlog of 0 admits exactly one client: to connect is to claim the instance.
  private static func listen(
    _ owner: Int, in directory: NameDirectory, _ names: NameState
  ) throws(SystemError) -> Listening {
    let socket = try LocalSocket.make(.seqpacket)
    let fileName = "\(owner).\(names.nextTurn())\(NamedPipes.listenerSuffix)"
    try directory.bind(socket.raw, to: fileName)
    try LocalSocket.listen(socket.raw, backlog: 0)
    names.announceChange()
    return Listening(io: DescriptorIO(adopting: socket), fileName: fileName)
  }

  // MARK: - Clients

  /// Waits for a client; returns at once when there is one. After ``disconnect()`` it listens again.
  ///
  /// - Throws: `.timedOut`; `.closed`; `.brokenPipe` when the last client has gone and was not
  ///   disconnected yet.
  /// - Note: Win32 `ConnectNamedPipe`.
  public func waitForClient(deadline: Deadline) throws(TransportError) {
    switch state {
    case .connected: return
    case .closing: throw TransportError(.brokenPipe, "wait for a client of \(name)")
    case .disconnected: try listenAgain()
    case .listening: break
    }
    try waitForArrival(deadline: deadline)
    try takeClient()
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
  func takeClient() throws(TransportError) {
    let failure = shared.withLock { shared -> SystemError? in
      guard let listener = shared.listener else {
        return SystemError(code: EBADF, call: "accept")
      }
      do throws(SystemError) {
        let socket = try LocalSocket.acceptOnly(listener.io.descriptor)
        shared.channel = try Self.welcome(socket, quota: options.quota)
        shared.state = shared.state.after(.clientTaken) ?? shared.state
      } catch { return error }
      shared.listener = nil
      directory.remove(listener.fileName)
      listener.io.close()
      return nil
    }
    if let failure { throw TransportError(failure, "accept a client of \(name)") }
  }

  /// Hands the control page to a client. One that is gone already does not matter: what it wrote
  /// can still be read.
  private static func welcome(
    _ socket: consuming OwnedDescriptor, quota: Int
  ) throws(SystemError) -> PipeChannel {
    try LocalSocket.setBuffers(socket.raw, bytes: PipeChannel.socketBuffer(quota: quota))
    let created = try SharedMapping.create(name: "ipclab-pipe", size: ControlPage.size)
    try? LocalSocket.send(Welcome.bytes, descriptors: [created.file.raw], over: socket.raw)
    let page = ControlPage(mapping: created.mapping)
    return PipeChannel(socket: socket, side: .server, quota: quota, page: page)
  }

  private func listenAgain() throws(TransportError) {
    let failure = shared.withLock { shared -> SystemError? in
      guard let next = shared.state.after(.listen), let number = shared.owner?.number else {
        return SystemError(code: EBADF, call: "listen")
      }
      do throws(SystemError) {
        shared.listener = try Self.listen(number, in: directory, names)
      } catch { return error }
      shared.state = next
      return nil
    }
    if let failure { throw TransportError(failure, "listen at \(name)") }
  }

  /// Ends the connection with the client; nothing that was not read can be read any more.
  ///
  /// - Throws: `.invalidArgument` when it is disconnected already.
  /// - Note: Win32 `DisconnectNamedPipe`.
  public func disconnect() throws(TransportError) {
    let done = shared.withLock { shared in
      guard let next = shared.state.after(.disconnect) else { return false }
      shared.state = next
      endConnection(&shared)
      return true
    }
    if !done { throw TransportError(.invalidArgument, "disconnect \(name)") }
  }

  private func endConnection(_ shared: inout Shared) {
    if let listener = shared.listener {
      directory.remove(listener.fileName)
      listener.io.close()
      shared.listener = nil
    }
    shared.channel?.close()
    shared.channel = nil
  }

  /// Closes the instance and, with the last one, removes the name. Threads inside a call leave it
  /// with `.closed`. Safe to call twice.
  public func close() {
    let owner = shared.withLock { shared -> NameOwner? in
      endConnection(&shared)
      shared.state = .disconnected
      return shared.owner.take()
    }
    guard owner != nil else { return }
    _ = consume owner
    // Who waits for an instance now finds one less, or no name.
    names.announceChange()
  }

  // MARK: - Transfer

  /// The connection with the client.
  func channel() throws(TransportError) -> PipeChannel {
    guard let channel = shared.withLock({ $0.channel }) else {
      throw TransportError(.closed, "use \(name)")
    }
    return channel
  }

  /// Reads from the client. See ``NamedPipeClient/read(into:deadline:)``.
  public func read(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) -> Bool {
    do {
      return try channel().read(into: &buffer, kind: options.kind, deadline: deadline)
    } catch {
      noteClosing(error)
      throw error
    }
  }

  /// Writes to the client. See ``NamedPipeClient/write(_:deadline:)``.
  public func write(_ bytes: Span<UInt8>, deadline: Deadline) throws(TransportError) -> Int {
    do {
      return try channel().write(bytes, kind: options.kind, deadline: deadline)
    } catch {
      noteClosing(error)
      throw error
    }
  }

  private func noteClosing(_ error: TransportError) {
    guard error.code == .endOfFile || error.code == .brokenPipe else { return }
    shared.withLock { $0.state = $0.state.after(.clientClosed) ?? $0.state }
  }

  /// The client's process; `nil` when there is no client.
  public var peer: PeerIdentity? { shared.withLock { $0.channel }?.peer }
}
