internal import Glibc
public import IPCSystem
public import IPCTransport

/// A conversation over a connected local socket that keeps messages apart: seqpacket or datagram.
///
/// One system call per message either way. The receiver asks for the message's full length
/// (`MSG_TRUNC`), so that a tail that did not fit is reported and never lost in silence, and for
/// credentials, whose mark tells a message of no bytes from end of file.
public final class PacketConnection: Connection {
  /// Buffers grow until a message of this size fits, where the system permits.
  static let intendedMaximum = 1 << 20
  // What the kernel keeps of a send buffer for itself (af_unix.c).
  private static let reserve = 32
  private static let slack = 64 * 1024

  private let socket: DescriptorIO
  private let tether: Tether?

  /// Takes over a connected socket.
  ///
  /// - Parameter tether: For datagram sockets, which have no end of file: a connection that hangs up
  ///   with the peer.
  init(
    adopting socket: consuming OwnedDescriptor, tether: consuming OwnedDescriptor? = nil
  ) throws(SystemError) {
    try SocketCalls.passCredentials(socket.raw)
    let socket = DescriptorIO(adopting: socket)
    self.socket = socket
    if let tether {
      let watched = Tether(adopting: tether)
      self.tether = watched
      try watched.whenGone { SocketCalls.shutdownInput(socket.descriptor) }
    } else {
      self.tether = nil
    }
  }

  deinit { close() }

  /// The longest message a connection of this kind carries on this system, in bytes.
  static func largestMessage(_ kind: LocalSocket.Kind) -> Int? {
    guard let probe = try? LocalSocket.make(kind) else { return nil }
    return try? grow(probe.raw, for: intendedMaximum)
  }

  /// Makes room for a message of `count` bytes, or as much as allowed; returns the new limit.
  private static func grow(_ socket: Int32, for count: Int) throws(SystemError) -> Int {
    try SocketCalls.setSendBuffer(socket, bytes: min(count, intendedMaximum) + slack)
    return try SocketCalls.sendBuffer(of: socket) - reserve
  }

  /// Sends one message. See ``Connection/send(_:deadline:)``. Here: `send(2)`.
  ///
  /// A message that the socket's buffer cannot hold makes the buffer grow, to 1 MiB and a bit where
  /// `net.core.wmem_max` or privilege permits.
  ///
  /// - Throws: `.messageTooLarge` with the limit when it cannot grow enough.
  @inline(__always)
  public func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    try unsafe message.withUnsafeBytes { bytes throws(TransportError) in
      do throws(SystemError) {
        unsafe try SocketCalls.send(bytes, over: socket, deadline: deadline)
      } catch { try unsafe sendLarge(bytes, deadline, after: error) }
    }
  }

  @inline(never)
  private func sendLarge(
    _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline, after error: SystemError
  ) throws(TransportError) {
    guard error.code == EMSGSIZE else {
      throw transferError(error, "send \(bytes.count) bytes")
    }
    var limit: Int?
    do throws(SystemError) {
      limit = try Self.grow(socket.descriptor, for: bytes.count)
      unsafe try SocketCalls.send(bytes, over: socket, deadline: deadline)
    } catch { throw transferError(error, "send \(bytes.count) bytes", limit: limit) }
  }

  /// Receives one message. See ``Connection/receive(into:deadline:)``. Here: `recvmsg(2)`.
  ///
  /// - Throws: `.truncated` when the message was longer than the buffer: the socket has dropped the
  ///   tail, nothing is appended, and `limit` says how long the message was.
  @inline(__always)
  public func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    try unsafe buffer.withUnsafeMutableBufferPointer {
      target, initialized throws(TransportError) in
      let free = unsafe UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(rebasing: target[initialized...]))
      let arrival: SocketCalls.Arrival
      do throws(SystemError) {
        arrival = try unsafe SocketCalls.receive(into: free, from: socket, deadline: deadline) {
          tether?.isGone ?? false
        }
      } catch { arrival = try unsafe next(free, deadline, after: error) }
      if arrival.length > free.count {
        throw TransportError(.truncated, "receive", limit: arrival.length)
      }
      if arrival.length == 0 && !arrival.isMessage { throw TransportError(.endOfFile, "receive") }
      initialized += arrival.length
    }
  }

  /// Receives one message after an attempt that has failed.
  @inline(never)
  private func next(
    _ free: UnsafeMutableRawBufferPointer, _ deadline: Deadline, after failure: SystemError
  ) throws(TransportError) -> SocketCalls.Arrival {
    var failure = failure
    // The peer left messages of ours unread. Linux says so once, before what it sent to us: that
    // is still to be read, and end of file comes after it.
    while failure.code == ECONNRESET {
      do throws(SystemError) {
        return try unsafe SocketCalls.receive(into: free, from: socket, deadline: deadline) {
          tether?.isGone ?? false
        }
      } catch { failure = error }
    }
    throw transferError(failure, "receive")
  }

  /// Ends the conversation. See ``Connection/close()``.
  public func close() {
    tether?.close()
    socket.close()
  }

  /// The process at the other end.
  public var peer: PeerIdentity? {
    if let tether { return tether.peer }
    return socket.isClosed ? nil : try? LocalSocket.peer(of: socket.descriptor)
  }
}
