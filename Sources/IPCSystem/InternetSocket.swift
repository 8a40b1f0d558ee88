internal import CIPCShims
internal import Glibc

/// An IPv4 address and a port, written `127.0.0.1:4711`.
public struct InternetAddress: Sendable, Hashable, CustomStringConvertible {
  /// The address, in network byte order.
  private let host: UInt32
  /// The port, in host byte order.
  public let port: UInt16

  init(_ raw: sockaddr_in) {
    host = raw.sin_addr.s_addr
    port = UInt16(bigEndian: raw.sin_port)
  }

  /// Any free port of the same interface.
  var withAnyPort: InternetAddress {
    var raw = sockaddr_in()
    raw.sin_addr.s_addr = host
    return InternetAddress(raw)
  }

  /// Any free port of this machine's loopback interface.
  public static var anyLoopbackPort: InternetAddress {
    var raw = sockaddr_in()
    raw.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return InternetAddress(raw)
  }

  /// Reads `host:port`; the host is a dotted address or a name to look up.
  ///
  /// - Throws: `EINVAL` without a port, `EADDRNOTAVAIL` when the name has no IPv4 address.
  public static func parse(_ text: String) throws(SystemError) -> InternetAddress {
    guard let colon = text.lastIndex(of: ":"),
      let port = UInt16(text[text.index(after: colon)...]), colon != text.startIndex,
      !text[..<colon].contains(":")
    else { throw SystemError(code: EINVAL, call: "address \(text)") }
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_INET
    var list: UnsafeMutablePointer<addrinfo>?
    let result = unsafe getaddrinfo(String(text[..<colon]), nil, &hints, &list)
    defer { if unsafe list != nil { unsafe freeaddrinfo(list) } }
    guard result == 0, let first = unsafe list?.pointee.ai_addr else {
      throw SystemError(code: EADDRNOTAVAIL, call: "getaddrinfo(\(text))")
    }
    var raw = unsafe first.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
      unsafe $0.pointee
    }
    raw.sin_port = port.bigEndian
    return InternetAddress(raw)
  }

  /// `127.0.0.1:4711`.
  public var description: String {
    let bytes = unsafe withUnsafeBytes(of: host) { unsafe Array($0) }
    return bytes.map(String.init).joined(separator: ".") + ":\(port)"
  }

  func withRaw<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var raw = sockaddr_in()
    raw.sin_family = sa_family_t(AF_INET)
    raw.sin_port = port.bigEndian
    raw.sin_addr.s_addr = host
    return unsafe withUnsafePointer(to: &raw) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}

/// TCP and UDP sockets over IPv4.
public enum InternetSocket {
  /// Socket types.
  public enum Kind: Sendable {
    /// A byte stream.
    case tcp
    /// Datagrams.
    case udp
  }

  /// Creates an unbound socket; a TCP socket sends without delay (`TCP_NODELAY`).
  public static func make(_ kind: Kind) throws(SystemError) -> OwnedDescriptor {
    let type = kind == .tcp ? SOCK_STREAM : SOCK_DGRAM
    let socket = OwnedDescriptor(
      adopting: try checked("socket") { cipc_socket(AF_INET, Int32(type.rawValue), 0) })
    if kind == .tcp { try sendWithoutDelay(socket.raw) }
    return socket
  }

  /// Sends small segments at once instead of collecting them. Wraps `TCP_NODELAY`.
  public static func sendWithoutDelay(_ socket: Int32) throws(SystemError) {
    try SocketCalls.set(
      socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1, "setsockopt(TCP_NODELAY)")
  }

  /// A port that nobody else gets, and that nothing sent to it reaches, until the server that holds
  /// the reservation has bound it with ``bind(_:_:to:)``.
  @frozen public struct Reservation: ~Copyable {
    /// The reserved address.
    public let address: InternetAddress
    /// The socket that reserves it. Keep it open until the server has bound the address.
    public var socket: OwnedDescriptor
  }

  /// Reserves a port of the loopback interface.
  public static func reserve(_ kind: Kind) throws(SystemError) -> Reservation {
    let socket = try make(kind)
    try reuseAddress(socket.raw, true)
    try bindOnly(socket.raw, to: .anyLoopbackPort)
    let address = try localAddress(of: socket.raw)
    // Connected to itself, a UDP socket receives only what it sends: the reservation takes nothing
    // from the server, and whoever writes to a server that is gone is told.
    if kind == .udp { try connect(socket.raw, to: address) }
    return Reservation(address: address, socket: socket)
  }

  /// Binds a socket, also over a reservation or the remains of a server's connections.
  ///
  /// - Throws: `EADDRINUSE` when another socket serves there. For TCP this can also come from
  ///   `listen`.
  public static func bind(
    _ socket: Int32, _ kind: Kind, to address: InternetAddress
  ) throws(SystemError) {
    try reuseAddress(socket, true)
    try bindOnly(socket, to: address)
    // Two UDP sockets that both reuse the address could share it; from here on this one does not.
    if kind == .udp { try reuseAddress(socket, false) }
  }

  /// Binds a socket to a free port of the interface that `address` names.
  public static func bindBeside(
    _ socket: Int32, _ address: InternetAddress
  ) throws(SystemError) {
    try bindOnly(socket, to: address.withAnyPort)
  }

  private static func bindOnly(
    _ socket: Int32, to address: InternetAddress
  ) throws(SystemError) {
    try checked("bind") { unsafe address.withRaw { unsafe Glibc.bind(socket, $0, $1) } }
  }

  private static func reuseAddress(_ socket: Int32, _ on: Bool) throws(SystemError) {
    try SocketCalls.set(
      socket, SOL_SOCKET, SO_REUSEADDR, on ? 1 : 0, "setsockopt(SO_REUSEADDR)")
  }

  /// The address a socket is bound to. Wraps `getsockname(2)`.
  public static func localAddress(of socket: Int32) throws(SystemError) -> InternetAddress {
    var raw = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try checked("getsockname") {
      unsafe withUnsafeMutablePointer(to: &raw) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe getsockname(socket, $0, &length)
        }
      }
    }
    return InternetAddress(raw)
  }

  /// Connects; for UDP this only sets the peer. Wraps `connect(2)`.
  public static func connect(_ socket: Int32, to address: InternetAddress) throws(SystemError) {
    try retrying("connect") { unsafe address.withRaw { unsafe Glibc.connect(socket, $0, $1) } }
  }

  /// Connects a TCP socket, giving up at the deadline.
  ///
  /// - Throws: `ECONNREFUSED` when nobody listens there, `ETIMEDOUT` at the deadline.
  public static func connect(
    _ socket: Int32, to address: InternetAddress, deadline: Deadline
  ) throws(SystemError) {
    try Descriptors.setNonblocking(socket, true)
    do { try connect(socket, to: address) } catch {
      guard error.code == EINPROGRESS || error.code == EALREADY else { throw error }
      try waitForConnection(socket, deadline)
    }
    try Descriptors.setNonblocking(socket, false)
  }

  private static func waitForConnection(
    _ socket: Int32, _ deadline: Deadline
  ) throws(SystemError) {
    var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
    while true {
      let count = unsafe poll(&entry, 1, deadline.pollMilliseconds)
      if count > 0 { break }
      if count == 0 && deadline.hasPassed { throw SystemError(code: ETIMEDOUT, call: "connect") }
      if count == -1 && errno != EINTR { throw lastError("poll") }
    }
    let code = try SocketCalls.pendingError(of: socket)
    if code != 0 { throw SystemError(code: code, call: "connect") }
  }

  /// Lets an unconnected UDP socket hear that a datagram reached nobody. Wraps `IP_RECVERR`.
  public static func reportUnreachable(_ socket: Int32, _ on: Bool) throws(SystemError) {
    try SocketCalls.set(socket, Int32(IPPROTO_IP), IP_RECVERR, on ? 1 : 0, "setsockopt(IP_RECVERR)")
  }

  /// Sends a datagram to an address. Wraps `sendto(2)`.
  public static func send(
    _ bytes: [UInt8], over socket: DescriptorIO, to address: InternetAddress, deadline: Deadline
  ) throws(SystemError) {
    _ = try socket.perform("sendto", .write, deadline: deadline) { descriptor in
      unsafe address.withRaw {
        unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, $1)
      }
    }
  }

  /// A datagram and where it came from.
  public struct Datagram: Sendable {
    /// The bytes, cut to the buffer.
    public var bytes: [UInt8]
    /// Whether the datagram was longer than the buffer.
    public var wasCut: Bool
    /// The sender's address.
    public var source: InternetAddress
  }

  /// Receives a datagram of at most `limit` bytes. Wraps `recvfrom(2)`.
  public static func receive(
    limit: Int, from socket: DescriptorIO, deadline: Deadline
  ) throws(SystemError) -> Datagram {
    var bytes = [UInt8](repeating: 0, count: limit)
    var raw = sockaddr_in()
    let length = try socket.perform("recvfrom", .read, deadline: deadline) { descriptor in
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      return unsafe withUnsafeMutablePointer(to: &raw) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { source in
          unsafe bytes.withUnsafeMutableBytes {
            unsafe recvfrom(
              descriptor, $0.baseAddress, limit, Int32(MSG_TRUNC), source, &size)
          }
        }
      }
    }
    bytes.removeLast(limit - min(limit, length))
    return Datagram(bytes: bytes, wasCut: length > limit, source: InternetAddress(raw))
  }
}
