internal import CIPCShims
internal import Glibc

/// Who is at the other end of a local socket, as the kernel recorded it at connect time.
public struct PeerIdentity: Sendable, Hashable, Codable {
  /// Process id.
  public let pid: Int32
  /// User id.
  public let uid: UInt32
  /// Group id.
  public let gid: UInt32

  /// Creates an identity.
  public init(pid: Int32, uid: UInt32, gid: UInt32) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
  }
}

/// AF_UNIX sockets: the parts that several mechanisms build on.
public enum LocalSocket {
  /// Socket types.
  public enum Kind: Sendable {
    /// A byte stream.
    case stream
    /// Connected messages.
    case seqpacket
    /// Unconnected messages.
    case datagram

    var raw: Int32 {
      switch self {
      case .stream: Int32(SOCK_STREAM.rawValue)
      case .seqpacket: Int32(SOCK_SEQPACKET.rawValue)
      case .datagram: Int32(SOCK_DGRAM.rawValue)
      }
    }
  }

  /// The longest path `bind` and `connect` take, in bytes.
  public static let longestPath = 107

  /// Creates an unbound socket.
  public static func make(_ kind: Kind) throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try checked("socket") { cipc_socket(AF_UNIX, kind.raw, 0) })
  }

  /// Two sockets connected to each other.
  @frozen public struct Pair: ~Copyable {
    /// One of them.
    public var first: OwnedDescriptor
    /// The other.
    public var second: OwnedDescriptor
  }

  /// Creates a connected pair. Wraps `socketpair(2)`.
  public static func pair(_ kind: Kind) throws(SystemError) -> Pair {
    var numbers: [Int32] = [-1, -1]
    try checked("socketpair") { unsafe cipc_socketpair(kind.raw, &numbers) }
    return Pair(
      first: OwnedDescriptor(adopting: numbers[0]), second: OwnedDescriptor(adopting: numbers[1]))
  }

  /// Binds a socket to a path. The file appears with the permissions the umask leaves.
  ///
  /// - Throws: `EADDRINUSE` when the path exists, `ENAMETOOLONG` above ``longestPath`` bytes.
  public static func bind(_ socket: Int32, to path: String) throws(SystemError) {
    try unsafe withAddress(path) { address, length in unsafe Glibc.bind(socket, address, length) }
      .orThrow("bind")
  }

  /// Starts to admit clients: `backlog` + 1 may wait to be accepted.
  public static func listen(_ socket: Int32, backlog: Int32) throws(SystemError) {
    try checked("listen") { Glibc.listen(socket, backlog) }
  }

  /// Connects to the socket at `path`.
  ///
  /// - Throws: `ENOENT` without such a file, `ECONNREFUSED` when nobody listens there, `EAGAIN` when
  ///   the backlog is full and the socket does not block, `EPROTOTYPE` for another socket type.
  public static func connect(_ socket: Int32, to path: String) throws(SystemError) {
    while true {
      do {
        try unsafe withAddress(path) { address, length in
          unsafe Glibc.connect(socket, address, length)
        }
        .orThrow("connect")
        return
      } catch  where error.code == EINTR {
        continue
      }
    }
  }

  /// Connects, waiting for room in the backlog until the deadline.
  ///
  /// - Throws: `ETIMEDOUT` at the deadline; else as ``connect(_:to:)``.
  public static func connect(
    _ socket: Int32, to path: String, deadline: Deadline
  ) throws(SystemError) {
    guard let left = deadline.remaining else { return try connect(socket, to: path) }
    if left == 0 {
      try Descriptors.setNonblocking(socket, true)
      defer { try? Descriptors.setNonblocking(socket, false) }
      do { return try connect(socket, to: path) } catch {
        throw error.code == EAGAIN ? SystemError(code: ETIMEDOUT, call: "connect") : error
      }
    }
    var timeout = timeval(tv_sec: Int(left / 1_000_000_000), tv_usec: Int(left / 1000 % 1_000_000))
    if timeout.tv_sec == 0 && timeout.tv_usec == 0 { timeout.tv_usec = 1 }
    try setSendTimeout(socket, timeout)
    defer { try? setSendTimeout(socket, timeval()) }
    do { try connect(socket, to: path) } catch {
      throw error.code == EAGAIN ? SystemError(code: ETIMEDOUT, call: "connect") : error
    }
  }

  /// Asks for send and receive buffers of `bytes`, past the system's limit where the process may.
  public static func setBuffers(_ socket: Int32, bytes: Int32) throws(SystemError) {
    try checked("setsockopt(SO_SNDBUF)") { cipc_set_socket_buffer(socket, 0, bytes) }
    try checked("setsockopt(SO_RCVBUF)") { cipc_set_socket_buffer(socket, 1, bytes) }
  }

  /// Who connected, or who called `listen`. Wraps `SO_PEERCRED`.
  public static func peer(of socket: Int32) throws(SystemError) -> PeerIdentity {
    var (pid, uid, gid) = (Int32(0), uid_t(0), gid_t(0))
    try checked("getsockopt(SO_PEERCRED)") {
      unsafe cipc_peer_credentials(socket, &pid, &uid, &gid)
    }
    return PeerIdentity(pid: pid, uid: uid, gid: gid)
  }

  /// Sends bytes (at least one) and up to eight descriptors.
  public static func send(
    _ bytes: [UInt8], descriptors: [Int32], over socket: Int32
  ) throws(SystemError) {
    try retrying("sendmsg") {
      unsafe cipc_send_descriptors(
        socket, bytes, bytes.count, descriptors, Int32(descriptors.count))
    }
  }

  /// A received message and the descriptors that came with it.
  public struct Received: ~Copyable {
    /// The bytes; empty at end of file.
    public var bytes: [UInt8]
    private var numbers: [Int32]

    init(bytes: [UInt8], numbers: [Int32]) {
      self.bytes = bytes
      self.numbers = numbers
    }

    deinit { for number in numbers { _ = Glibc.close(number) } }

    /// How many descriptors have not been taken.
    public var descriptorCount: Int { numbers.count }

    /// Takes the next descriptor.
    public mutating func takeDescriptor() -> OwnedDescriptor? {
      numbers.isEmpty ? nil : OwnedDescriptor(adopting: numbers.removeFirst())
    }
  }

  /// Receives at most `limit` bytes and up to eight descriptors. Blocks; a message longer than
  /// `limit` is an error (`EMSGSIZE`).
  public static func receive(limit: Int, from socket: Int32) throws(SystemError) -> Received {
    var bytes = [UInt8](repeating: 0, count: limit)
    var numbers = [Int32](repeating: -1, count: 8)
    var (count, flags) = (Int32(0), Int32(0))
    let length = try retrying("recvmsg") {
      unsafe cipc_receive_descriptors(socket, &bytes, limit, &numbers, &count, &flags)
    }
    bytes.removeLast(limit - length)
    let received = Received(bytes: bytes, numbers: Array(numbers.prefix(Int(count))))
    if flags & Int32(Int32(MSG_TRUNC) | Int32(MSG_CTRUNC)) != 0 {
      throw SystemError(code: EMSGSIZE, call: "recvmsg")
    }
    return received
  }

  private static func setSendTimeout(
    _ socket: Int32, _ value: timeval
  ) throws(SystemError) {
    var value = value
    try checked("setsockopt(SO_SNDTIMEO)") {
      unsafe setsockopt(
        socket, SOL_SOCKET, SO_SNDTIMEO, &value, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  /// The result of a call that has not been looked at yet.
  struct Attempt {
    let code: Int32
    func orThrow(_ call: StaticString) throws(SystemError) {
      if code != 0 { throw SystemError(code: code, call: "\(call)") }
    }
  }

  static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Attempt {
    let bytes = Array(path.utf8)
    guard bytes.count <= longestPath, !bytes.isEmpty, !bytes.contains(0) else {
      return Attempt(code: bytes.count > longestPath ? ENAMETOOLONG : EINVAL)
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + 1)
    return unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Attempt(code: unsafe body($0, length) == -1 ? errno : 0)
      }
    }
  }
}
