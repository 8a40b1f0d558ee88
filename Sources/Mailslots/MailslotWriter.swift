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

  /// Where in a message's first packet it stands when it was written, in nanoseconds on
  /// ``MonotonicClock``; 0 when the reader has no other writer.
  static let stampOffset = 8

  let io: DescriptorIO
  private let isStamping: Bool
  private let packet: UnsafeMutableRawBufferPointer

  /// What a write does while the reader has too much to read.
  public enum WhenFull: Sendable, Hashable {
    /// It waits, until its deadline.
    case wait
    /// It fails with `.queueFull`.
    case refuse
  }

  /// What a write does while the reader has too much to read.
  public let whenFull: WhenFull
  /// The longest message in bytes that the mailslot takes.
  public let maximumMessage: Int

  /// Opens the mailslot of a reader that is there.
  ///
  /// - Parameters:
  ///   - name: The name; one on a computer that this machine plays, or on this process's.
  ///   - runtime: Where names are kept.
  ///   - computer: What `.` is; `nil` for ``VirtualComputer/ofThisProcess()``.
  ///   - whenFull: What a write does while the reader has too much to read.
  /// - Throws: `.notFound` when no reader has the name, `.invalidName` for the name of many.
  /// - Note: Win32 `CreateFile`.
  public convenience init(
    _ name: MailslotName, in runtime: RuntimeDirectory, as computer: VirtualComputer? = nil,
    whenFull: WhenFull = .wait
  ) throws(TransportError) {
    try self.init(name, in: runtime, as: computer, whenFull: whenFull, stamping: true)
  }

  /// - Parameter stamping: Whether messages say when they were written, for a reader of several.
  init(
    _ name: MailslotName, in runtime: RuntimeDirectory, as computer: VirtualComputer? = nil,
    whenFull: WhenFull = .wait, stamping: Bool
  ) throws(TransportError) {
    let host: String =
      switch name.host {
      case .here: try VirtualComputer.orOfThisProcess(computer).name
      case .named(let name): name
      case .everyone:
        throw TransportError(.invalidName, "open the one mailslot \(name)")
      }
    self.name = name
    self.whenFull = whenFull
    isStamping = stamping
    do throws(SystemError) {
      let directory = try Mailslots.registry(runtime).directory(of: name.base)
      let entries = MailslotEntry.all(in: directory).filter { $0.computer == host }
      (io, maximumMessage) = try Self.connect(to: entries, in: directory)
    } catch { throw TransportError(error, "open \(name)") }
    unsafe packet = Self.makePacket()
  }

  /// Opens the mailslot of an entry of a name's directory.
  init(_ entry: MailslotEntry, _ name: MailslotName, in directory: NameDirectory)
    throws(SystemError)
  {
    self.name = name
    whenFull = .wait
    isStamping = true
    (io, maximumMessage) = try Self.connect(to: [entry], in: directory)
    unsafe packet = Self.makePacket()
  }

  /// Connects to the first that is alive.
  private static func connect(
    to entries: [MailslotEntry], in directory: NameDirectory
  ) throws(SystemError) -> (DescriptorIO, Int) {
    var failure = SystemError(code: ENOENT, call: "connect")
    for entry in entries {
      let socket = try LocalSocket.make(.seqpacket)
      do throws(SystemError) { try directory.connect(socket.raw, to: entry.file) } catch {
        if failure.code == ENOENT { failure = error }
        continue
      }
      try LocalSocket.setBuffers(socket.raw, bytes: Mailslots.socketBuffer)
      let most = Mailslots.maximumMessage
      return (DescriptorIO(adopting: socket), entry.maximum == 0 ? most : min(entry.maximum, most))
    }
    throw failure
  }

  private static func makePacket() -> UnsafeMutableRawBufferPointer {
    let packet = UnsafeMutableRawBufferPointer.allocate(
      byteCount: smallPacket, alignment: 16)
    unsafe packet.initializeMemory(as: UInt8.self, repeating: 0)
    return unsafe packet
  }

  deinit { unsafe packet.deallocate() }

  /// Writes one message.
  ///
  /// While the reader has too much to read, it does what ``whenFull`` says. When the deadline passes in the middle of a
  /// long message, the reader discards what it got of it.
  ///
  /// - Throws: `.messageTooLarge` above ``maximumMessage``, `.brokenPipe` when the reader is gone,
  ///   `.timedOut`, `.queueFull`, `.closed`.
  /// - Note: Win32 `WriteFile`.
  @inline(__always)
  public func write(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    let count = message.count
    do throws(SystemError) {
      if count > maximumMessage { throw SystemError(code: EMSGSIZE, call: "send") }
      if isStamping {
        unsafe packet.storeBytes(
          of: MonotonicClock.now().littleEndian, toByteOffset: Self.stampOffset, as: UInt64.self)
      }
      let deadline = whenFull == .refuse ? .immediate : deadline
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
    if count > maximumMessage {
      return TransportError(
        .messageTooLarge, "write \(count) bytes to \(name)", limit: maximumMessage)
    }
    if error.code == ETIMEDOUT && whenFull == .refuse {
      return TransportError(
        .queueFull, "write to \(name)", remedy: "Write again when the reader has read.")
    }
    return TransportError(error, "write to \(name)")
  }

  @inline(never)
  private func writeFrames(
    _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline
  ) throws(SystemError) {
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
