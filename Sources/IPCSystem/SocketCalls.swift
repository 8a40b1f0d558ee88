public import CIPCShims
public import Glibc

/// Calls on message sockets that have an owner with a deadline and a `close()`, and the options
/// that such sockets need.
public enum SocketCalls {
  /// Sends one message. Wraps `send(2)`; a peer that is gone is an error, never a signal.
  @inlinable @inline(__always)
  public static func send(
    _ bytes: UnsafeRawBufferPointer, over socket: DescriptorIO, deadline: Deadline
  ) throws(SystemError) {
    _ = try socket.perform("send", .write, deadline: deadline) {
      unsafe Glibc.send($0, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    }
  }

  /// What `recvmsg(2)` says about a message.
  public struct Arrival: Sendable {
    /// How long the message is; more than the buffer holds when its tail was lost.
    public var length: Int
    /// Whether there was a message. On a socket with ``passCredentials(_:)`` this tells a message of
    /// no bytes from end of file; on others it is always false.
    public var isMessage: Bool

    @inlinable
    init(length: Int, isMessage: Bool) {
      self.length = length
      self.isMessage = isMessage
    }
  }

  /// Receives one message in one call and learns its full length. Wraps `recvmsg(2)`.
  ///
  /// The kernel attaches the sender's credentials to every message when asked to; there is no room
  /// for them here, and the mark that they were dropped (`MSG_CTRUNC`) costs nothing and proves that
  /// a message was there.
  ///
  /// - Parameter atEnd: Asked when there is nothing to read on a non-blocking socket; when it
  ///   answers yes and there is still nothing, the result is end of file.
  @inlinable @inline(__always)
  public static func receive(
    into buffer: UnsafeMutableRawBufferPointer, from socket: DescriptorIO, deadline: Deadline,
    atEnd: () -> Bool = { false }
  ) throws(SystemError) -> Arrival {
    var vector = unsafe iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
    var flags: Int32 = 0
    let length = try socket.perform("recvmsg", .read, deadline: deadline) { descriptor in
      unsafe withUnsafeMutablePointer(to: &vector) { vector in
        var header = unsafe msghdr()
        unsafe header.msg_iov = vector
        unsafe header.msg_iovlen = 1
        var result = unsafe recvmsg(descriptor, &header, Int32(MSG_TRUNC))
        if result == -1 && errno == EAGAIN && atEnd() {
          // What the peer sent before it went was queued before `atEnd` could say so: look again.
          result = unsafe recvmsg(descriptor, &header, Int32(MSG_TRUNC))
          if result == -1 && errno == EAGAIN { return 0 }
        }
        flags = unsafe header.msg_flags
        return result
      }
    }
    return Arrival(length: length, isMessage: flags & Int32(MSG_CTRUNC) != 0)
  }

  /// Receives one message in one call and returns its full length, more than the buffer holds when
  /// its tail was lost. Wraps `recv(2)`, which costs less than what ``Arrival`` needs; 0 is a message
  /// of no bytes or end of file.
  ///
  /// - Parameter atEnd: As for ``receive(into:from:deadline:atEnd:)``.
  @inlinable @inline(__always)
  public static func receiveLength(
    into buffer: UnsafeMutableRawBufferPointer, from socket: DescriptorIO, deadline: Deadline,
    atEnd: () -> Bool
  ) throws(SystemError) -> Int {
    try socket.perform("recv", .read, deadline: deadline) { descriptor in
      var result = unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_TRUNC))
      if result == -1 && errno == EAGAIN && atEnd() {
        // What the peer sent before it went was queued before `atEnd` could say so: look again.
        result = unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_TRUNC))
        if result == -1 && errno == EAGAIN { return 0 }
      }
      return result
    }
  }

  /// Receives one message and returns its full length, as ``receiveLength(into:from:deadline:atEnd:)``
  /// does; `nil` when none came before the socket's receive time-out, or is there if it may not block.
  @inlinable @inline(__always)
  public static func receiveOrNothing(
    into buffer: UnsafeMutableRawBufferPointer, from socket: DescriptorIO, mayBlock: Bool
  ) throws(SystemError) -> Int? {
    let flags = mayBlock ? Int32(MSG_TRUNC) : Int32(MSG_TRUNC) | Int32(MSG_DONTWAIT)
    let size = try socket.perform("recv", .read, deadline: .never) { descriptor in
      socket.outcome(unsafe recv(descriptor, buffer.baseAddress, buffer.count, flags))
    }
    return size == 0 ? nil : size - 1
  }

  /// Ends a blocking receive that nothing has come for. Wraps `SO_RCVTIMEO`.
  public static func setReceiveTimeout(_ socket: Int32, milliseconds: Int) throws(SystemError) {
    var time = timeval(tv_sec: milliseconds / 1000, tv_usec: (milliseconds % 1000) * 1000)
    try checked("setsockopt(SO_RCVTIMEO)") {
      unsafe setsockopt(
        socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  /// Asks the kernel to attach the sender's credentials to messages. Wraps `SO_PASSCRED`.
  public static func passCredentials(_ socket: Int32) throws(SystemError) {
    try set(socket, SOL_SOCKET, SO_PASSCRED, 1, "setsockopt(SO_PASSCRED)")
  }

  /// Asks for a send buffer of `bytes` (the kernel doubles it), past the limit where it may.
  public static func setSendBuffer(_ socket: Int32, bytes: Int) throws(SystemError) {
    let bytes = Int32(clamping: bytes)
    try checked("setsockopt(SO_SNDBUF)") { cipc_set_socket_buffer(socket, 0, bytes) }
  }

  /// The size of the send buffer as the kernel counts it. Wraps `SO_SNDBUF`.
  public static func sendBuffer(of socket: Int32) throws(SystemError) -> Int {
    Int(try get(socket, SOL_SOCKET, SO_SNDBUF, "getsockopt(SO_SNDBUF)"))
  }

  /// The error that waits on a socket, which this clears; 0 when there is none. Wraps `SO_ERROR`.
  public static func pendingError(of socket: Int32) throws(SystemError) -> Int32 {
    try get(socket, SOL_SOCKET, SO_ERROR, "getsockopt(SO_ERROR)")
  }

  /// Whether a descriptor that a peer handed over is a local socket of this kind.
  public static func isLocal(_ socket: borrowing OwnedDescriptor, _ kind: LocalSocket.Kind) -> Bool
  {
    (try? get(socket.raw, SOL_SOCKET, SO_DOMAIN, "getsockopt(SO_DOMAIN)")) == AF_UNIX
      && (try? get(socket.raw, SOL_SOCKET, SO_TYPE, "getsockopt(SO_TYPE)")) == kind.raw
  }

  /// Ends input on a socket: threads that wait for it are woken, what is queued stays readable.
  public static func shutdownInput(_ socket: Int32) {
    _ = shutdown(socket, Int32(SHUT_RD))
  }

  /// Ends output on a socket: the peer reads what was sent and then end of file.
  public static func shutdownOutput(_ socket: Int32) {
    _ = shutdown(socket, Int32(SHUT_WR))
  }

  static func set(
    _ socket: Int32, _ level: Int32, _ option: Int32, _ value: Int32, _ call: StaticString
  ) throws(SystemError) {
    var value = value
    try checked("\(call)") {
      unsafe setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
  }

  static func get(
    _ socket: Int32, _ level: Int32, _ option: Int32, _ call: StaticString
  ) throws(SystemError) -> Int32 {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    try checked("\(call)") { unsafe getsockopt(socket, level, option, &value, &length) }
    return value
  }
}
