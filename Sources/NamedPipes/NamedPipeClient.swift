internal import Glibc
public import IPCSystem
public import IPCTransport

/// A client's end of a named pipe.
public final class NamedPipeClient: Sendable {
  /// The name.
  public let name: PipeName
  /// What the server laid down.
  public let options: NamedPipes.Options

  let channel: PipeChannel

  /// Connects to a free instance of the name; among several, to the one that began to listen first.
  ///
  /// When all are taken, it sleeps until one listens. It does not wait for the server to take the
  /// client: what is written before is there when the server does.
  ///
  /// - Throws: `.notFound` at once when no server has the name. When all instances are taken:
  ///   `.instancesBusy` with ``Deadline/immediate``, `.timedOut` at another deadline.
  /// - Note: Win32 `CreateFile` and `WaitNamedPipe` in one.
  public init(
    _ name: PipeName, in runtime: RuntimeDirectory, deadline: Deadline
  ) throws(TransportError) {
    self.name = name
    let operation = "connect to \(name)"
    do throws(SystemError) {
      let directory = try NamedPipes.registry(runtime).directory(of: name.base)
      let claim = try Self.claim(in: directory, deadline)
      options = claim.options
      try LocalSocket.setBuffers(
        claim.socket.raw, bytes: PipeChannel.socketBuffer(quota: claim.options.quota))
      channel = PipeChannel(
        socket: claim.socket, side: .client, quota: claim.options.quota, page: nil)
    } catch {
      if error.code == ETIMEDOUT {
        throw TransportError(
          deadline == .immediate ? .instancesBusy : .timedOut, operation,
          remedy: "All instances have clients; the server must create or free one.")
      }
      throw TransportError(error, operation)
    }
  }

  /// A socket connected to an instance.
  private struct Claim: ~Copyable {
    let socket: OwnedDescriptor
    let options: NamedPipes.Options
  }

  private static func claim(
    in directory: NameDirectory, _ deadline: Deadline
  ) throws(SystemError) -> Claim {
    if let names = try? NameState(opening: directory), let socket = try firstFree(in: directory) {
      return Claim(socket: socket, options: names.options)
    }
    while true {
      // Nobody listens. Only with the directory locked is it certain whether anybody is alive.
      let living = try directory.withLock(creating: false) {
        (directory) throws(SystemError) -> Living? in
        let owners = directory.livingOwners()
        if !owners.isEmpty {
          return Living(names: try NameState(opening: directory), servers: Set(owners))
        }
        directory.removeDeadOwners()
        directory.removeIfUnowned()
        return nil
      }
      guard let living, let living else { throw SystemError(code: ENOENT, call: "connect") }
      let seen = living.names.generation
      if let socket = try firstFree(in: directory) {
        return Claim(socket: socket, options: living.names.options)
      }
      if deadline.hasPassed { throw SystemError(code: ETIMEDOUT, call: "connect") }
      try living.waitForChange(from: seen, deadline)
    }
  }

  /// Connects to the first instance, in the order in which they began to listen, that is free.
  private static func firstFree(in directory: NameDirectory) throws(SystemError) -> OwnedDescriptor?
  {
    let listening = directory.entries().compactMap { entry -> (turn: UInt32, name: String)? in
      guard entry.rest.hasSuffix(NamedPipes.listenerSuffix),
        let turn = UInt32(entry.rest.dropLast(NamedPipes.listenerSuffix.count))
      else { return nil }
      return (turn, entry.name)
    }
    if listening.isEmpty { return nil }
    let socket = try LocalSocket.make(.seqpacket)
    for instance in listening.sorted(by: { $0.turn < $1.turn }) {
      do {
        try directory.connect(socket.raw, to: instance.name)
        return socket
      } catch {
        // Gone, dead, or claimed by another client: the next one.
        guard [ENOENT, ECONNREFUSED, EAGAIN].contains(error.code) else { throw error }
      }
    }
    return nil
  }

  /// A name whose servers are alive.
  private struct Living {
    let names: NameState
    let servers: Set<Int32>

    /// Sleeps until an instance listens or goes away, or one of the servers dies.
    func waitForChange(from seen: UInt32, _ deadline: Deadline) throws(SystemError) {
      var watches: [(token: UInt64, descriptor: Int32)] = []
      defer {
        for watch in watches {
          PeerWatcher.shared.stop(watch.token, descriptor: watch.descriptor)
          OwnedDescriptor(adopting: watch.descriptor).close()
        }
      }
      for server in servers {
        // One that has died in the meantime: look again.
        guard let process = try? Processes.openPidfd(server) else { return }
        let names = self.names
        let token = try PeerWatcher.shared.watch(process.raw, pidfd: true) {
          names.announceChange()
        }
        watches.append((token, process.release()))
      }
      names.wait(while: seen, deadline: deadline)
    }
  }

  deinit { close() }

  /// Waits until the server has taken this client.
  ///
  /// - Throws: `.timedOut`, `.closed`, `.brokenPipe` when the instance was closed instead.
  public func waitForServer(deadline: Deadline) throws(TransportError) {
    try channel.awaitPage(deadline: deadline)
  }

  /// Reads what one read gives, and appends it to `buffer`.
  ///
  /// On a pipe in message mode this is one message, or as much of it as there is room for: the rest
  /// stays for the next read. In byte mode it is what is there, at least one byte.
  ///
  /// - Returns: Whether the message has more bytes than fitted (Win32 `ERROR_MORE_DATA`).
  /// - Throws: `.endOfFile` when the other end has closed and all was read, `.timedOut`, `.closed`,
  ///   `.truncated` when the writer gave up in the middle of the message.
  /// - Note: Win32 `ReadFile`.
  public func read(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) -> Bool {
    try channel.read(into: &buffer, kind: options.kind, deadline: deadline)
  }

  /// Writes one message, or bytes, and returns how many bytes were taken.
  ///
  /// It waits while they and what is unread are more than the quota. In message mode it is all or
  /// nothing; in byte mode a deadline may end it with a part, and no bytes have no effect.
  ///
  /// - Throws: `.brokenPipe` when the other end is gone, `.timedOut`, `.closed`.
  /// - Note: Win32 `WriteFile`.
  public func write(_ bytes: Span<UInt8>, deadline: Deadline) throws(TransportError) -> Int {
    try channel.write(bytes, kind: options.kind, deadline: deadline)
  }

  /// The server's process: the one that made the instance.
  public var peer: PeerIdentity? { channel.peer }

  /// Closes this end. Threads inside a call leave it with `.closed`. Safe to call twice.
  public func close() { channel.close() }
}
