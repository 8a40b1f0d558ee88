public import IPCSystem
public import IPCTransport

/// TCP without delay: a byte stream each way between any two hosts.
///
/// - Note: `tcp(7)`; `TCP_NODELAY` is set on every connection, or small messages would wait for the
///   acknowledgement of earlier ones. Addresses are IPv4, written `127.0.0.1:4711`; port 0 lets the
///   kernel choose, and ``AddressedListener/endpoint`` says what it chose.
public struct TCP: Transport {
  /// Creates the transport; it has no state.
  public init() {}

  /// Identity.
  public var mechanism: Mechanism {
    Mechanism(
      id: "tcp", title: "TCP socket", family: .socket,
      summary: "A connected byte stream over IP, without delay; messages are framed by length.",
      sources: ["tcp(7)", "ip(7)"])
  }

  /// Claims.
  public var capabilities: Capabilities {
    Capabilities(
      direction: .bothWays, boundaries: .notKept, shortRead: .restStays, zeroLength: .noEffect,
      largest: .unlimited, reach: .anyHost, readers: .one, writerDeath: .endOfFile,
      readerDeath: .error, nameAfterKill: .usable, identity: .none, access: .everyone,
      maximumMessage: FramedStream.maximumMessage)
  }

  /// A loopback port that stays reserved until the server has bound it.
  public func rendezvous(
    clients: Int, scratch: ScratchDirectory
  ) throws(TransportError) -> Rendezvous {
    try InternetMeeting.make(.tcp, clients: clients)
  }

  /// Listens at an address.
  ///
  /// - Throws: `.nameInUse` when somebody listens there, `.invalidArgument` for an address without a
  ///   port.
  public func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener {
    defer { endpoint.closeDescriptors() }
    do throws(SystemError) {
      let socket = try InternetSocket.make(.tcp)
      try InternetSocket.bind(socket.raw, .tcp, to: try .parse(endpoint.address))
      try LocalSocket.listen(socket.raw, backlog: SocketListener.backlog)
      let address = try InternetSocket.localAddress(of: socket.raw)
      return SocketListener(adopting: socket, address: "\(address)") {
        client throws(SystemError) in
        try InternetSocket.sendWithoutDelay(client.raw)
        return Self.converse(client)
      }
    } catch { throw addressError(error, "listen at \(endpoint.address)") }
  }

  /// Connects to an address.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    do throws(SystemError) {
      let socket = try InternetSocket.make(.tcp)
      try InternetSocket.connect(
        socket.raw, to: try .parse(endpoint.address), deadline: deadline)
      return Self.converse(socket)
    } catch { throw addressError(error, "connect to \(endpoint.address)") }
  }

  private static func converse(_ socket: consuming OwnedDescriptor) -> FramedStream {
    let io = DescriptorIO(adopting: socket)
    return FramedStream(input: io, output: io)
  }

  /// A loopback port, reserved for the life of the rendezvous.
  public func nativeRendezvous(scratch: ScratchDirectory) throws(TransportError) -> Rendezvous {
    try InternetMeeting.makeNative(.tcp)
  }

  /// A bare TCP socket.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    try NativeSocket.open(.tcp, role, at: endpoint, deadline)
  }
}

/// Meetings at a port of the loopback interface.
enum InternetMeeting {
  /// The server inherits the reservation and drops it when it has bound the port itself.
  static func make(
    _ kind: InternetSocket.Kind, clients: Int
  ) throws(TransportError) -> Rendezvous {
    let reserved = try translating("reserve a port") { () throws(SystemError) in
      try InternetSocket.reserve(kind)
    }
    let address = "\(reserved.address)"
    return Rendezvous(
      server: Endpoint(address: address, descriptors: [reserved.socket.release()]),
      clients: Array(repeating: Endpoint(address: address), count: clients))
  }

  /// Several readers may try the same endpoint, so none of them can own the reservation.
  static func makeNative(_ kind: InternetSocket.Kind) throws(TransportError) -> Rendezvous {
    let reserved = try translating("reserve a port") { () throws(SystemError) in
      try InternetSocket.reserve(kind)
    }
    let endpoint = Endpoint(address: "\(reserved.address)")
    let number = reserved.socket.release()
    return Rendezvous(server: endpoint, clients: [endpoint]) {
      OwnedDescriptor(adopting: number).close()
    }
  }
}
