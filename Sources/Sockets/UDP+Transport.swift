public import IPCSystem
public import IPCTransport

/// UDP: whole messages between any two hosts, of which any may get lost.
///
/// A client says hello to the server's port and is answered from a socket of its own, to which it
/// connects; from then on both sides have connected sockets. The hello is repeated until the
/// deadline, because it may get lost; nothing else ever is. A receiver that is too slow loses
/// messages and nobody is told: what protects a conversation from that is its own business.
///
/// When the peer is gone, the kernel answers a message to its port with “connection refused”, which
/// the *next* call reports as `.brokenPipe`. A receiver that only waits learns nothing: use a
/// deadline.
///
/// - Note: `udp(7)`. IPv4 carries at most 65507 bytes in a datagram.
public struct UDP: Transport {
  /// Creates the transport; it has no state.
  public init() {}

  /// Longest message, in bytes: an IPv4 packet less its headers.
  public static let maximumMessage = 65507

  /// Identity.
  public var mechanism: Mechanism {
    Mechanism(
      id: "udp", title: "UDP socket", family: .socket,
      summary: "Datagrams over IP between connected sockets; they can be lost.",
      sources: ["udp(7)", "ip(7)"])
  }

  /// Claims.
  public var capabilities: Capabilities {
    Capabilities(
      direction: .bothWays, boundaries: .kept, shortRead: .restLost, zeroLength: .delivered,
      largest: .bytes(Self.maximumMessage), full: .loses, reach: .anyHost, readers: .one,
      writerDeath: .nothing, readerDeath: .error, nameAfterKill: .usable, identity: .none,
      access: .everyone, maximumMessage: Self.maximumMessage, reliable: false)
  }

  /// A loopback port that stays reserved until the server has bound it.
  public func rendezvous(
    clients: Int, scratch: ScratchDirectory
  ) throws(TransportError) -> Rendezvous {
    try InternetMeeting.make(.udp, clients: clients)
  }

  /// Waits for hellos at an address.
  ///
  /// - Throws: `.nameInUse` when somebody has the port.
  public func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener {
    defer { endpoint.closeDescriptors() }
    do throws(SystemError) {
      let socket = try InternetSocket.make(.udp)
      try InternetSocket.bind(socket.raw, .udp, to: try .parse(endpoint.address))
      let address = try InternetSocket.localAddress(of: socket.raw)
      return UDPListener(adopting: socket, address: address)
    } catch { throw addressError(error, "listen at \(endpoint.address)") }
  }

  /// Says hello until the server answers.
  ///
  /// - Throws: `.notFound` when this or the other host says that nobody has the port, `.timedOut`
  ///   when no answer came.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    do throws(SystemError) {
      return try UDPConnection(
        adopting: try UDPHandshake.greet(try .parse(endpoint.address), deadline))
    } catch { throw addressError(error, "connect to \(endpoint.address)") }
  }

  /// A loopback port, reserved for the life of the rendezvous.
  public func nativeRendezvous(scratch: ScratchDirectory) throws(TransportError) -> Rendezvous {
    try InternetMeeting.makeNative(.udp)
  }

  /// A bare UDP socket: the reader's has the port, the writer's is connected to it.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    try NativeUDP.open(role, at: endpoint)
  }
}
