public import IPCSystem
public import IPCTransport

/// A local seqpacket socket: connected like a stream, but every message stays whole.
///
/// - Note: `unix(7)`, `SOCK_SEQPACKET`. A message must fit the sender's socket buffer; the default
///   (`net.core.wmem_default`) less 32 bytes is the bare limit, and ``PacketConnection`` lets the
///   buffer grow for larger ones.
public struct UnixSeqpacket: Transport {
  /// Creates the transport; it has no state.
  public init() {}

  private static let maximumMessage = PacketConnection.largestMessage(.seqpacket)

  /// Identity.
  public var mechanism: Mechanism {
    Mechanism(
      id: "unix-seqpacket", title: "Unix seqpacket socket", family: .socket,
      summary: "Connected local messages with their boundaries, in order, with end of file.",
      sources: ["unix(7)", "socket(2)"])
  }

  /// Claims.
  public var capabilities: Capabilities {
    Capabilities(
      direction: .bothWays, boundaries: .kept, shortRead: .restLost, zeroLength: .delivered,
      largest: .setting("net.core.wmem_default"), reach: .anyProcess, readers: .one,
      writerDeath: .endOfFile, readerDeath: .error, nameAfterKill: .left, identity: .pidAndUser,
      access: .sameUser, maximumMessage: Self.maximumMessage)
  }

  /// A socket name in the scratch directory. See ``Transport/rendezvous(clients:scratch:)``.
  public func rendezvous(
    clients: Int, scratch: ScratchDirectory
  ) throws(TransportError) -> Rendezvous {
    SocketNames.meeting(clients: clients, at: try SocketNames.path(in: scratch))
  }

  /// Listens at a path, replacing the file of a dead server.
  ///
  /// - Throws: `.nameInUse` when somebody serves there.
  public func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener {
    do throws(SystemError) {
      let socket = try LocalSocket.make(.seqpacket)
      try LocalSocket.claim(
        socket.raw, path: endpoint.address, backlog: SocketListener.backlog, stale: .replace)
      return SocketListener(
        adopting: socket, address: endpoint.address, path: endpoint.address
      ) { client throws(SystemError) in try PacketConnection(adopting: client) }
    } catch { throw addressError(error, "listen at \(endpoint.address)") }
  }

  /// Connects to a path.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    do throws(SystemError) {
      let socket = try LocalSocket.make(.seqpacket)
      try LocalSocket.connect(socket.raw, to: endpoint.address, deadline: deadline)
      return try PacketConnection(adopting: socket)
    } catch { throw addressError(error, "connect to \(endpoint.address)") }
  }

  /// A bare seqpacket socket.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    try NativeSocket.open(.local(.seqpacket), role, at: endpoint, deadline)
  }
}
