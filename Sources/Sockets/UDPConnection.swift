public import IPCSystem
public import IPCTransport

/// A conversation over a connected UDP socket. Messages may be lost; see ``UDP``.
public final class UDPConnection: Connection {
  private let socket: DescriptorIO

  /// Bytes of buffer asked for on either side, so that a burst is not lost at once.
  static let bufferSize: Int32 = 4 << 20

  /// Milliseconds after which the kernel ends a receive, so that one with a deadline is one system
  /// call when its message comes before: trying, polling and trying again would be three.
  private static let receiveTimeout = 50

  /// Takes over a connected socket.
  init(adopting socket: consuming OwnedDescriptor) throws(SystemError) {
    try SocketCalls.setReceiveTimeout(socket.raw, milliseconds: Self.receiveTimeout)
    self.socket = DescriptorIO(adopting: socket)
  }

  /// Sends one datagram. See ``Connection/send(_:deadline:)``. Here: `send(2)`.
  ///
  /// - Throws: `.messageTooLarge` above ``UDP/maximumMessage`` bytes; `.brokenPipe` when an earlier
  ///   message was refused because nobody has the port any more.
  public func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    try unsafe message.withUnsafeBytes { bytes throws(TransportError) in
      do throws(SystemError) {
        unsafe try SocketCalls.send(bytes, over: socket, deadline: deadline)
      } catch {
        throw transferError(error, "send \(bytes.count) bytes", limit: UDP.maximumMessage)
      }
    }
  }

  /// Receives one datagram. See ``Connection/receive(into:deadline:)``. Here: `recv(2)`.
  ///
  /// - Throws: `.truncated` when it was longer than the buffer: its tail is lost, nothing is
  ///   appended, and `limit` says how long it was. There is no end of file.
  public func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    try unsafe buffer.withUnsafeMutableBufferPointer {
      target, initialized throws(TransportError) in
      let free = unsafe UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(rebasing: target[initialized...]))
      let length: Int
      do throws(SystemError) {
        length = try unsafe next(free, deadline)
      } catch { throw transferError(error, "receive") }
      if length > free.count { throw TransportError(.truncated, "receive", limit: length) }
      initialized += length
    }
  }

  /// The length of the next datagram, also when the buffer is shorter.
  private func next(
    _ buffer: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(SystemError) -> Int {
    while true {
      let mayBlock = deadline.remaining.map { $0 > UInt64(Self.receiveTimeout) * 1_000_000 } ?? true
      if let length = try unsafe SocketCalls.receiveOrNothing(
        into: buffer, from: socket, mayBlock: mayBlock)
      {
        return length
      }
      try socket.waitForInput(deadline: deadline)
    }
  }

  /// Ends the conversation on this side. The other side learns it when it sends.
  public func close() { socket.close() }

  /// The kernel does not know who is at the other end.
  public var peer: PeerIdentity? { nil }
}
