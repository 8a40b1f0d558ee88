internal import CIPCShims
internal import Glibc

extension LocalSocket {
  /// A datagram and where it came from.
  public struct Datagram: Sendable {
    /// The bytes, cut to the buffer.
    public var bytes: [UInt8]
    /// Whether the datagram was longer than the buffer.
    public var wasCut: Bool
    /// The path the sender's socket is bound to.
    public var source: String?
    /// Who sent it, as the kernel says.
    public var sender: PeerIdentity?
  }

  /// Receives a datagram of at most `limit` bytes on a socket with
  /// ``SocketCalls/passCredentials(_:)``. Wraps `recvmsg(2)`.
  public static func receive(
    limit: Int, from socket: DescriptorIO, deadline: Deadline
  ) throws(SystemError) -> Datagram {
    var bytes = [UInt8](repeating: 0, count: limit)
    var path = [CChar](repeating: 0, count: longestPath + 1)
    var (pid, uid, gid) = (Int32(0), uid_t(0), gid_t(0))
    let length = try socket.perform("recvmsg", .read, deadline: deadline) {
      unsafe cipc_receive_from_local($0, &bytes, limit, &path, &pid, &uid, &gid)
    }
    bytes.removeLast(limit - min(limit, length))
    let name = String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return Datagram(
      bytes: bytes, wasCut: length > limit, source: name.isEmpty ? nil : name,
      sender: pid == 0 ? nil : PeerIdentity(pid: pid, uid: uid, gid: gid))
  }

  /// Sends a datagram to the socket bound to `path` and returns its length. Wraps `sendto(2)`.
  public static func send(
    _ bytes: [UInt8], over socket: DescriptorIO, to path: String, deadline: Deadline
  ) throws(SystemError) -> Int {
    try socket.perform("sendto", .write, deadline: deadline) { descriptor in
      var sent = -1
      let attempt = unsafe withAddress(path) { address, length in
        sent = unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length)
        return sent == -1 ? -1 : 0
      }
      if sent == -1 { errno = attempt.code }
      return sent
    }
  }
}
