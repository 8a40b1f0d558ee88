public import CIPCShims
public import Glibc

/// Packets over a connected SOCK_SEQPACKET socket: the data path of mailslots.
///
/// The descriptor stays in blocking mode: what must not block says so per call (`MSG_DONTWAIT`), so
/// that one direction with deadlines does not cost the other direction system calls.
extension DescriptorIO {
  /// Sends one packet if there is room for it now. Wraps `send(2)`.
  ///
  /// - Returns: Whether it was sent.
  /// - Throws: `EPIPE` when the peer is gone, `EMSGSIZE`, `EBADF` after `close()`.
  @inlinable @inline(__always)
  public func trySendPacket(_ packet: UnsafeRawBufferPointer) throws(SystemError) -> Bool {
    try perform("send", .write, deadline: .never) { descriptor in
      let sent = unsafe Glibc.send(
        descriptor, packet.baseAddress, packet.count,
        Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      return sent > 0 ? sent : outcome(sent)
    } != 0
  }

  /// Sends one packet made of two parts if there is room for it now. Wraps `sendmsg(2)`.
  ///
  /// - Returns: Whether it was sent.
  /// - Throws: As ``trySendPacket(_:)``.
  @inline(__always)
  public func trySendPacket(
    head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer
  ) throws(SystemError) -> Bool {
    try perform("sendmsg", .write, deadline: .never) { descriptor in
      var parts = unsafe (
        iovec(iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress), iov_len: head.count),
        iovec(iov_base: UnsafeMutableRawPointer(mutating: body.baseAddress), iov_len: body.count)
      )
      return unsafe withUnsafeMutableBytes(of: &parts) { bytes in
        let first = unsafe bytes.baseAddress?.assumingMemoryBound(to: iovec.self)
        var message = unsafe msghdr()
        unsafe message.msg_iov = first
        unsafe message.msg_iovlen = 2
        return outcome(
          unsafe sendmsg(
            descriptor, &message, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)))
      }
    } != 0
  }

  /// Receives one packet in one piece. Wraps `recv(2)`: without a deadline that is the only call.
  ///
  /// - Returns: As ``receivePacket(head:body:overflow:deadline:)``.
  /// - Throws: As that.
  @inlinable @inline(__always)
  public func receivePacket(
    into buffer: UnsafeMutableRawBufferPointer, deadline: Deadline
  ) throws(SystemError) -> Int {
    while true {
      let size = try perform("recv", .read, deadline: .never) { descriptor in
        let size = unsafe recv(
          descriptor, buffer.baseAddress, buffer.count,
          deadline.isNever ? Int32(MSG_TRUNC) : Int32(MSG_TRUNC) | Int32(MSG_DONTWAIT))
        // Fast for what there is most of; a peer that has closed is not.
        return size > 0 ? size + 1 : outcome(ofReceiving: size)
      }
      if size > buffer.count + 1 { throw tooLong() }
      if size != 0 { return size - 1 }
      if !deadline.isNever { try waitForInput(deadline: deadline) }
    }
  }

  @usableFromInline @inline(never)
  func tooLong() -> SystemError { SystemError(code: EMSGSIZE, call: "recv") }

  @usableFromInline @inline(never)
  func outcome(ofReceiving size: Int) -> Int {
    // The peer closed with packets of ours unread. The kernel says so once, ahead of what the peer
    // sent before, which is still there: go on.
    if size == -1 && errno == ECONNRESET { return 0 }
    return outcome(size)
  }

  /// Receives one packet into three parts, filled in their order. Wraps `recvmsg(2)`: without a deadline that is
  /// the only call.
  ///
  /// - Returns: The packet's size; 0 at end of file, and for a packet of no bytes, which this
  ///   project's protocols do not send.
  /// - Throws: `ETIMEDOUT`, `EMSGSIZE` for a packet longer than all parts (its tail is lost),
  ///   `EBADF` after `close()`.
  @inline(__always)
  public func receivePacket(
    head: UnsafeMutableRawBufferPointer, body: UnsafeMutableRawBufferPointer,
    overflow: UnsafeMutableRawBufferPointer, deadline: Deadline
  ) throws(SystemError) -> Int {
    var parts = unsafe (
      iovec(iov_base: head.baseAddress, iov_len: head.count),
      iovec(iov_base: body.baseAddress, iov_len: body.count),
      iovec(iov_base: overflow.baseAddress, iov_len: overflow.count)
    )
    while true {
      let size = try perform("recvmsg", .read, deadline: .never) { descriptor in
        unsafe withUnsafeMutableBytes(of: &parts) { bytes in
          let first = unsafe bytes.baseAddress?.assumingMemoryBound(to: iovec.self)
          var message = unsafe msghdr()
          unsafe message.msg_iov = first
          unsafe message.msg_iovlen = 3
          let size = unsafe recvmsg(
            descriptor, &message, deadline.isNever ? 0 : Int32(MSG_DONTWAIT))
          if unsafe message.msg_flags & Int32(MSG_TRUNC) != 0 {
            errno = EMSGSIZE
            return -1
          }
          return outcome(ofReceiving: size)
        }
      }
      if size != 0 { return size - 1 }
      if !deadline.isNever { try waitForInput(deadline: deadline) }
    }
  }

  /// Waits until there is something to receive or to accept, or the peer has hung up.
  ///
  /// Wraps `ppoll(2)`.
  ///
  /// - Throws: `ETIMEDOUT` at the deadline, `EBADF` after `close()`.
  public func waitForInput(deadline: Deadline) throws(SystemError) {
    try wait(.read, POLLIN, deadline)
  }

  /// Waits until there is room to send, or the peer is gone. Wraps `ppoll(2)`.
  ///
  /// The kernel says so only when most of the queue has been read.
  ///
  /// - Throws: `ETIMEDOUT` at the deadline, `EBADF` after `close()`.
  public func waitForRoom(deadline: Deadline) throws(SystemError) {
    try wait(.write, POLLOUT, deadline)
  }

  private func wait(
    _ direction: Direction, _ event: Int32, _ deadline: Deadline
  ) throws(SystemError) {
    let ready = try perform("ppoll", direction, deadline: .never) { descriptor in
      var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
      guard let left = deadline.remaining else { return unsafe Int(cipc_ppoll(&entry, 1, nil)) }
      var time = timespec(
        tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
      return unsafe Int(cipc_ppoll(&entry, 1, &time))
    }
    if ready == 0 { throw SystemError(code: ETIMEDOUT, call: "ppoll") }
  }

  /// The size plus one, 0 when the call would have blocked, -1 with `errno` for other errors.
  @usableFromInline @inline(never)
  func outcome(_ size: Int) -> Int {
    if size >= 0 { return size + 1 }
    return errno == EAGAIN ? 0 : -1
  }
}

extension LocalSocket {
  /// Waits until a socket that no other thread uses has input or has hung up. Wraps `ppoll(2)`.
  ///
  /// - Throws: `ETIMEDOUT`, `ECANCELED` (``CancellableCalls``).
  public static func waitForInput(_ socket: Int32, deadline: Deadline) throws(SystemError) {
    var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    while true {
      let ready = unsafe poll(&entry, 1, deadline.pollMilliseconds)
      if ready > 0 { return }
      if ready < 0 && errno != EINTR { throw lastError("poll") }
      if CancellableCalls.isCancelled { throw SystemError(code: ECANCELED, call: "poll") }
      if deadline.hasPassed { throw SystemError(code: ETIMEDOUT, call: "poll") }
    }
  }

  /// Takes the one client that waits at a listener and admits no other after it.
  ///
  /// The listener must have been made with a backlog of 0. Shutting it down first closes the window
  /// in which another client could take the place of the one being accepted, only to be thrown out.
  ///
  /// - Throws: `EINVAL` when no client waits.
  public static func acceptOnly(_ listener: Int32) throws(SystemError) -> OwnedDescriptor {
    try checked("shutdown") { shutdown(listener, Int32(SHUT_RD)) }
    return OwnedDescriptor(adopting: try retrying("accept4") { cipc_accept(listener) })
  }

  /// Takes the next client that waits at a listener, if there is one.
  public static func acceptIfReady(_ listener: Int32) throws(SystemError) -> OwnedDescriptor? {
    var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    if try retrying("poll", { unsafe poll(&entry, 1, 0) }) == 0 { return nil }
    return OwnedDescriptor(adopting: try retrying("accept4") { cipc_accept(listener) })
  }
}

/// Other processes of this machine.
public enum Processes {
  /// A descriptor that becomes readable when the process ends. Wraps `pidfd_open(2)`.
  ///
  /// - Throws: `ESRCH` when there is no such process.
  public static func openPidfd(_ pid: Int32) throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try checked("pidfd_open") { cipc_pidfd_open(pid) })
  }
}
