internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

/// A conversation over a connected local socket that keeps messages apart: seqpacket or datagram.
///
/// One system call per message either way. The receiver asks for the message's full length
/// (`MSG_TRUNC`), so that a tail that did not fit is reported and never lost in silence.
///
/// Nothing received is end of file or a message of no bytes. The mark by which `recvmsg(2)` tells
/// them apart would cost every message a seventh of its time, so a message of no bytes is followed
/// by a packet of one byte, which is no message; one of two bytes there takes the message back.
public final class PacketConnection: HalfClosable, @unchecked Sendable {
  // Sendable: `awaitsMark` is touched by the one receiving thread only, `owesMark` by the one
  // sending thread only, as `Connection` demands; the rest never changes.

  /// Buffers grow until a message of this size fits, where the system permits.
  static let intendedMaximum = 1 << 20
  // What the kernel keeps of a send buffer for itself (af_unix.c).
  private static let reserve = 32
  private static let slack = 64 * 1024
  // How many bytes follow a message of none: to complete it, or to take it back.
  private static let completes = 1
  private static let takesBack = 2

  private let socket: DescriptorIO
  private let tether: Tether?
  /// Whether this side has begun to close: the peer, who notices by the tether, may then refuse what
  /// is being sent before the socket is closed.
  private let isEnding = Atomic(false)
  /// Nothing was received, and whether it is a message is still to come.
  private var awaitsMark = false
  /// A message of no bytes was sent, and its mark had no room before the deadline.
  private var owesMark = false

  /// Takes over a connected socket.
  ///
  /// - Parameter tether: For datagram sockets, which have no end of file: a connection that hangs up
  ///   with the peer.
  init(
    adopting socket: consuming OwnedDescriptor, tether: consuming OwnedDescriptor? = nil
  ) throws(SystemError) {
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
    if owesMark || message.isEmpty {
      if try isSentWithMark(message.isEmpty, deadline) { return }
    }
    try unsafe message.withUnsafeBytes { bytes throws(TransportError) in
      do throws(SystemError) {
        unsafe try SocketCalls.send(bytes, over: socket, deadline: deadline)
      } catch { try unsafe sendLarge(bytes, deadline, after: error) }
    }
  }

  /// Takes an unfinished message of no bytes back, and sends one if this is one. Returns whether it
  /// was.
  @inline(never)
  private func isSentWithMark(_ isEmpty: Bool, _ deadline: Deadline) throws(TransportError) -> Bool
  {
    do throws(SystemError) {
      if owesMark {
        try sendMark(PacketConnection.takesBack, deadline)
        owesMark = false
      }
      if !isEmpty { return false }
      try sendMark(0, deadline)
      owesMark = true
      try sendMark(PacketConnection.completes, deadline)
      owesMark = false
      return true
    } catch { throw transferError(error, "send 0 bytes") }
  }

  private func sendMark(_ count: Int, _ deadline: Deadline) throws(SystemError) {
    let zeros: UInt16 = 0
    try unsafe withUnsafeBytes(of: zeros) { bytes throws(SystemError) in
      try unsafe SocketCalls.send(
        UnsafeRawBufferPointer(rebasing: bytes[..<count]), over: socket, deadline: deadline)
    }
  }

  @inline(never)
  private func sendLarge(
    _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline, after error: SystemError
  ) throws(TransportError) {
    guard error.code == EMSGSIZE else {
      throw sendError(error, bytes.count)
    }
    var limit: Int?
    do throws(SystemError) {
      limit = try Self.grow(socket.descriptor, for: bytes.count)
      unsafe try SocketCalls.send(bytes, over: socket, deadline: deadline)
    } catch { throw sendError(error, bytes.count, limit: limit) }
  }

  private func sendError(
    _ error: SystemError, _ count: Int, limit: Int? = nil
  ) -> TransportError {
    isEnding.load(ordering: .acquiring)
      ? TransportError(.closed, "send") : transferError(error, "send \(count) bytes", limit: limit)
  }

  /// Receives one message. See ``Connection/receive(into:deadline:)``. Here: `recv(2)`.
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
      if awaitsMark, try isMessage(deadline) { return }
      while true {
        let length: Int
        do throws(SystemError) {
          length = try unsafe SocketCalls.receiveLength(
            into: free, from: socket, deadline: deadline
          ) { tether?.isGone ?? false }
        } catch { length = try unsafe next(free, deadline, after: error) }
        if length > free.count { throw TransportError(.truncated, "receive", limit: length) }
        initialized += length
        if length > 0 { return }
        awaitsMark = true
        if try isMessage(deadline) { return }
      }
    }
  }

  /// Receives what follows when nothing was received. Returns whether that was a message, rather
  /// than one taken back.
  @inline(never)
  private func isMessage(_ deadline: Deadline) throws(TransportError) -> Bool {
    var mark: UInt32 = 0
    let length = try unsafe withUnsafeMutableBytes(of: &mark) { bytes throws(TransportError) in
      do throws(SystemError) {
        return try unsafe SocketCalls.receiveLength(
          into: bytes, from: socket, deadline: deadline
        ) { tether?.isGone ?? false }
      } catch { return try unsafe next(bytes, deadline, after: error) }
    }
    awaitsMark = false
    switch length {
    case 0: throw TransportError(.endOfFile, "receive")
    case PacketConnection.completes: return true
    case PacketConnection.takesBack: return false
    default:
      close()
      throw TransportError(.protocolViolation, "receive a message of 0 bytes")
    }
  }

  /// Receives one message after an attempt that has failed.
  @inline(never)
  private func next(
    _ free: UnsafeMutableRawBufferPointer, _ deadline: Deadline, after failure: SystemError
  ) throws(TransportError) -> Int {
    var failure = failure
    // The peer left messages of ours unread. Linux says so once, before what it sent to us: that
    // is still to be read, and end of file comes after it.
    while failure.code == ECONNRESET {
      do throws(SystemError) {
        return try unsafe SocketCalls.receiveLength(
          into: free, from: socket, deadline: deadline
        ) { tether?.isGone ?? false }
      } catch { failure = error }
    }
    throw transferError(failure, "receive")
  }

  /// Ends the conversation. See ``Connection/close()``.
  public func close() {
    isEnding.store(true, ordering: .releasing)
    tether?.close()
    socket.close()
  }

  /// Ends the sending direction of a socket that has an end of file. See
  /// ``HalfClosable/finishSending()``.
  public func finishSending() -> Bool {
    guard tether == nil else { return false }
    SocketCalls.shutdownOutput(socket.descriptor)
    return true
  }

  /// The process at the other end.
  public var peer: PeerIdentity? {
    if let tether { return tether.peer }
    return socket.isClosed ? nil : try? LocalSocket.peer(of: socket.descriptor)
  }
}
