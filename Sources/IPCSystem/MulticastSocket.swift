internal import Glibc

/// UDP sockets that send to, or receive from, a group of hosts. Wraps the multicast options of
/// `ip(7)`.
extension InternetSocket {
  /// Creates a socket that receives what is sent to `group` over one interface. Any number of sockets
  /// of this machine may.
  ///
  /// - Parameter interface: The interface's address.
  /// - Throws: `EINVAL` when `group` is none, `ENODEV` or `EADDRNOTAVAIL` when this machine has no such
  ///   interface.
  public static func makeMember(
    of group: InternetAddress, on interface: InternetAddress
  ) throws(SystemError) -> OwnedDescriptor {
    let socket = try make(.udp)
    let raw = socket.raw
    try SocketCalls.set(raw, SOL_SOCKET, SO_REUSEADDR, 1, "setsockopt(SO_REUSEADDR)")
    // Bound to the group's address, it does not receive what is sent to the port otherwise.
    try checked("bind") { unsafe group.withRaw { unsafe Glibc.bind(raw, $0, $1) } }
    // Only from groups that this socket has joined itself.
    try SocketCalls.set(
      raw, Int32(IPPROTO_IP), IP_MULTICAST_ALL, 0, "setsockopt(IP_MULTICAST_ALL)")
    var request = ip_mreq(imr_multiaddr: group.hostAddress, imr_interface: interface.hostAddress)
    try checked("setsockopt(IP_ADD_MEMBERSHIP)") {
      unsafe setsockopt(
        raw, Int32(IPPROTO_IP), IP_ADD_MEMBERSHIP, &request,
        socklen_t(MemoryLayout<ip_mreq>.size))
    }
    return socket
  }

  /// Creates a socket that sends to groups over one interface, not beyond its network segment; members
  /// on this machine receive it too.
  ///
  /// - Parameter interface: The interface's address.
  /// - Throws: `EADDRNOTAVAIL` when this machine has no such interface.
  public static func makeGroupSender(
    on interface: InternetAddress
  ) throws(SystemError) -> OwnedDescriptor {
    let socket = try make(.udp)
    let raw = socket.raw
    var address = interface.hostAddress
    try checked("setsockopt(IP_MULTICAST_IF)") {
      unsafe setsockopt(
        raw, Int32(IPPROTO_IP), IP_MULTICAST_IF, &address, socklen_t(MemoryLayout<in_addr>.size))
    }
    try SocketCalls.set(
      raw, Int32(IPPROTO_IP), IP_MULTICAST_TTL, 1, "setsockopt(IP_MULTICAST_TTL)")
    try SocketCalls.set(
      raw, Int32(IPPROTO_IP), IP_MULTICAST_LOOP, 1, "setsockopt(IP_MULTICAST_LOOP)")
    return socket
  }
}

extension InternetAddress {
  fileprivate var hostAddress: in_addr {
    unsafe withRaw { raw, _ in
      unsafe raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        unsafe $0.pointee.sin_addr
      }
    }
  }
}
