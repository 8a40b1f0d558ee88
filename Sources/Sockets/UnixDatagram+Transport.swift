public import IPCSystem
public import IPCTransport

/// Local datagram sockets: whole messages that, unlike UDP's, are neither lost nor reordered, with
/// a sender that waits when the receiver is slow.
///
/// A named datagram socket mixes the messages of all its clients. For a conversation each client
/// therefore makes a pair of datagram sockets connected to each other and hands one to the server,
/// over a seqpacket connection that then stays as tether: datagram sockets have no end of file, so
/// the kernel's hang-up on the tether stands in for it. Messages touch only the datagram sockets.
///
/// - Note: `unix(7)`, `SOCK_DGRAM`. The queue holds `net.unix.max_dgram_qlen` + 1 messages (11 by
///   default), whatever their size; then the sender waits.
public struct UnixDatagram: Transport {
  /// Creates the transport; it has no state.
  public init() {}

  private static let hello = Array("ipclab unix-datagram 1".utf8)
  private static let maximumMessage = PacketConnection.largestMessage(.datagram)

  /// Identity.
  public var mechanism: Mechanism {
    Mechanism(
      id: "unix-datagram", title: "Unix datagram socket", family: .socket,
      summary: "Local messages with their boundaries, reliable and in order, few in the queue.",
      sources: ["unix(7)", "socketpair(2)"])
  }

  /// Claims.
  public var capabilities: Capabilities {
    Capabilities(
      direction: .bothWays, boundaries: .kept, shortRead: .restLost, zeroLength: .delivered,
      largest: .setting("net.core.wmem_default"), reach: .anyProcess, readers: .one,
      writerDeath: .nothing, readerDeath: .error, nameAfterKill: .left, identity: .pidAndUser,
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
      return DatagramListener(
        try HandshakeListener(path: endpoint.address), endpoint: endpoint, hello: Self.hello)
    } catch { throw addressError(error, "listen at \(endpoint.address)") }
  }

  /// Connects to a path.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    do throws(SystemError) {
      let tether = try LocalSocket.make(.seqpacket)
      try LocalSocket.connect(tether.raw, to: endpoint.address, deadline: deadline)
      let pair = try LocalSocket.pair(.datagram)
      try LocalSocket.send(Self.hello, descriptors: [pair.second.raw], over: tether.raw)
      pair.second.close()
      return try PacketConnection(adopting: pair.first, tether: tether)
    } catch { throw addressError(error, "connect to \(endpoint.address)") }
  }

  /// A bare datagram socket: the reader's has the name, the writer's is connected to it.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    try NativeDatagram.open(role, at: endpoint)
  }
}

/// Accepts clients that hand over a datagram socket.
final class DatagramListener: AddressedListener {
  let endpoint: Endpoint
  private let clients: HandshakeListener
  private let hello: [UInt8]

  init(_ clients: HandshakeListener, endpoint: Endpoint, hello: [UInt8]) {
    self.clients = clients
    self.endpoint = Endpoint(address: endpoint.address)
    self.hello = hello
  }

  func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    do throws(SystemError) {
      while true {
        var client = try clients.accept(deadline: deadline)
        // Whoever says something else, or hands over something else, is sent away.
        guard client.hello.bytes == hello, client.hello.descriptorCount == 1,
          let socket = client.hello.takeDescriptor(), SocketCalls.isLocal(socket, .datagram),
          (try? Descriptors.setNonblocking(socket.raw, false)) != nil
        else { continue }
        return try PacketConnection(adopting: socket, tether: client.tether)
      }
    } catch { throw TransportError(error, "accept at \(endpoint.address)") }
  }

  func close() { clients.close() }
}
