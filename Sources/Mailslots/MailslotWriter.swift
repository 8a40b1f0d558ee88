internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

/// A writer's end of a mailslot.
@safe public final class MailslotWriter: @unchecked Sendable {
  // Sendable: `packet` is touched by the one writing thread only, as the callers promise.

  /// The name.
  public let name: MailslotName

  private static let smallPacket = 4096 + PacketFrame.headerSize

  let io: DescriptorIO
  private let packet: UnsafeMutableRawBufferPointer

  /// Opens the mailslot of a reader that is there.
  ///
  /// - Throws: `.notFound` when no reader has the name.
  /// - Note: Win32 `CreateFile`.
  public init(_ name: MailslotName, in runtime: RuntimeDirectory) throws(TransportError) {
    self.name = name
    do throws(SystemError) {
      let directory = try Mailslots.registry(runtime).directory(of: name.base)
      let entry = directory.entries().first { "." + $0.rest == Mailslots.listenerName }
      guard let entry else { throw SystemError(code: ENOENT, call: "connect") }
      let socket = try LocalSocket.make(.seqpacket)
      try directory.connect(socket.raw, to: entry.name)
      try LocalSocket.setBuffers(socket.raw, bytes: Mailslots.socketBuffer)
      io = DescriptorIO(adopting: socket)
    } catch { throw TransportError(error, "open \(name)") }
    unsafe packet = .allocate(byteCount: Self.smallPacket, alignment: 16)
    unsafe packet.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe packet.deallocate() }

  /// Writes one message.
  ///
  /// It waits while the reader has too much to read. When the deadline passes in the middle of a
  /// long message, the reader discards what it got of it.
  ///
  /// - Throws: `.messageTooLarge` above ``Mailslots/maximumMessage``, `.brokenPipe` when the reader
  ///   is gone, `.timedOut`, `.closed`.
  /// - Note: Win32 `WriteFile`.
  @inline(__always)
  public func write(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    let count = message.count
    do throws(SystemError) {
      try unsafe message.withUnsafeBytes { bytes throws(SystemError) in
        guard count <= MailslotWriter.smallPacket - PacketFrame.headerSize else {
          return try unsafe writeFrames(bytes, deadline)
        }
        let isSent = try unsafe sendSmall(PacketFrame(isFirst: true, remaining: count), bytes)
        if !isSent { try unsafe writeFrames(bytes, deadline) }
      }
    } catch { throw failure(error, count) }
  }

  @inline(never)
  private func failure(_ error: SystemError, _ count: Int) -> TransportError {
    count > Mailslots.maximumMessage
      ? TransportError(
        .messageTooLarge, "write \(count) bytes to \(name)", limit: Mailslots.maximumMessage)
      : TransportError(error, "write to \(name)")
  }

  @inline(never)
  private func writeFrames(
    _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline
  ) throws(SystemError) {
    if bytes.count > Mailslots.maximumMessage { throw SystemError(code: EMSGSIZE, call: "send") }
    var position = 0
    repeat {
      let count = min(bytes.count - position, PacketFrame.maximumPayload)
      let frame = PacketFrame(isFirst: position == 0, remaining: bytes.count - position)
      let part = unsafe UnsafeRawBufferPointer(
        rebasing: bytes[position..<(position + count)])
      while try unsafe !send(frame, part) { try io.waitForRoom(deadline: deadline) }
      position += count
    } while position < bytes.count
  }

  /// Sends one packet if there is room.
  private func send(
    _ frame: PacketFrame, _ part: UnsafeRawBufferPointer
  ) throws(SystemError) -> Bool {
    guard part.count > MailslotWriter.smallPacket - PacketFrame.headerSize else {
      return try unsafe sendSmall(frame, part)
    }
    unsafe packet.storeBytes(of: frame.encoded.littleEndian, as: UInt64.self)
    return try unsafe io.trySendPacket(
      head: UnsafeRawBufferPointer(start: packet.baseAddress, count: PacketFrame.headerSize),
      body: part)
  }

  /// Sends a packet that is small enough to be copied, if there is room.
  @inline(__always)
  private func sendSmall(
    _ frame: PacketFrame, _ part: UnsafeRawBufferPointer
  ) throws(SystemError) -> Bool {
    unsafe packet.storeBytes(of: frame.encoded.littleEndian, as: UInt64.self)
    if let source = part.baseAddress {
      unsafe (packet.baseAddress.unsafelyUnwrapped + PacketFrame.headerSize)
        .copyMemory(from: source, byteCount: part.count)
    }
    return try unsafe io.trySendPacket(
      UnsafeRawBufferPointer(
        start: packet.baseAddress, count: PacketFrame.headerSize + part.count))
  }

  /// The reader's process.
  public var peer: PeerIdentity? { try? LocalSocket.peer(of: io.descriptor) }

  /// Closes this end; what was written stays readable. Threads inside a call leave it with
  /// `.closed`. Safe to call twice.
  public func close() { io.close() }
}
