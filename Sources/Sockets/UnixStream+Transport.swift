public import IPCSystem
public import IPCTransport

/// A local stream socket: a byte stream each way between two processes, with a name in the file
/// system and a kernel that knows who the peer is.
///
/// - Note: `unix(7)`. The nearest Win32 thing is an `AF_UNIX` socket of Winsock.
public struct UnixStream: Transport {
  /// Creates the transport; it has no state.
  public init() {}

  /// Identity.
  public var mechanism: Mechanism {
    Mechanism(
      id: "unix-stream", title: "Unix stream socket", family: .socket,
      summary: "A connected local byte stream; messages are framed by length.",
      sources: ["unix(7)", "socket(2)"])
  }

  /// Claims.
  public var capabilities: Capabilities {
    Capabilities(
      direction: .bothWays, boundaries: .notKept, shortRead: .restStays, zeroLength: .noEffect,
      largest: .unlimited, reach: .anyProcess, readers: .one, writerDeath: .endOfFile,
      readerDeath: .error, nameAfterKill: .left, identity: .pidAndUser, access: .sameUser,
      maximumMessage: FramedStream.maximumMessage)
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
      let socket = try LocalSocket.make(.stream)
      try LocalSocket.claim(
        socket.raw, path: endpoint.address, backlog: SocketListener.backlog, stale: .replace)
      return SocketListener(
        adopting: socket, address: endpoint.address, path: endpoint.address
      ) { client throws(SystemError) in Self.converse(client) }
    } catch { throw addressError(error, "listen at \(endpoint.address)") }
  }

  /// Connects to a path.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    do throws(SystemError) {
      let socket = try LocalSocket.make(.stream)
      try LocalSocket.connect(socket.raw, to: endpoint.address, deadline: deadline)
      return Self.converse(socket)
    } catch { throw addressError(error, "connect to \(endpoint.address)") }
  }

  private static func converse(_ socket: consuming OwnedDescriptor) -> FramedStream {
    let io = DescriptorIO(adopting: socket)
    // The kernel keeps what was sent with each call apart: reading several at once saves it nothing.
    return FramedStream(input: io, output: io, identifiesPeer: true)
  }

  /// A bare stream socket.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    try NativeSocket.open(.local(.stream), role, at: endpoint, deadline)
  }
}
