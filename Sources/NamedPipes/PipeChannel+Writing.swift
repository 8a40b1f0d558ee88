internal import Glibc
internal import IPCSystem
internal import IPCTransport

extension PipeChannel {
  /// Writes one message, all of it or nothing.
  ///
  /// It waits until what is unread and the message together are within the quota; a message longer
  /// than the quota waits until nothing is unread. When the deadline passes in the middle of a long
  /// message, the reader discards what it got of it.
  ///
  /// - Parameter prefixed: Whether the bytes' count goes ahead of them, as data: the form of a
  ///   conversation over a pipe in byte mode.
  @inline(__always)
  func write(
    _ bytes: UnsafeRawBufferPointer, prefixed: Bool = false, deadline: Deadline
  ) throws(TransportError) {
    let prefix = prefixed ? Self.prefixSize : 0
    let total = bytes.count + prefix
    if !fits(total) {
      try waitForRoom(deadline: deadline, until: { consumedWhenFits(total) }) {
        () throws(TransportError) in fits(total)
      }
    }
    if total <= PacketFrame.maximumPayload {
      let frame = PacketFrame(isFirst: true, remaining: total)
      try unsafe send(frame, prefix: prefix, count: bytes.count, bytes, deadline)
    } else {
      try unsafe writeFrames(bytes, prefix: prefix, deadline)
    }
    unsafe outgoing.pointee.queuedMessages &+= 1
    publishQueued()
  }

  /// Size of what goes ahead of a message in byte mode: a 64-bit little-endian length, and zeros
  /// that keep the message aligned as ``PacketFrame`` explains.
  static var prefixSize: Int { 16 }

  /// Writes to a pipe in byte mode as much as there is room for, at least one byte.
  ///
  /// - Returns: How many bytes, less than all only when the deadline passed.
  func writeBytes(
    _ bytes: UnsafeRawBufferPointer, deadline: Deadline
  ) throws(TransportError) -> Int {
    let before = unsafe outgoing.pointee.queuedBytes
    do {
      try unsafe write(bytes, deadline: deadline)
      return bytes.count
    } catch {
      let done = unsafe Int(outgoing.pointee.queuedBytes - before)
      guard error.code == .timedOut, done > 0 else { throw error }
      return done
    }
  }

  /// How many bytes this end has written. For the writing thread.
  var queuedBytes: UInt64 { unsafe outgoing.pointee.queuedBytes }

  /// Whether `count` more bytes are within the quota.
  @inline(__always)
  private func fits(_ count: Int) -> Bool {
    let queued = unsafe outgoing.pointee.queuedBytes
    let consumed = written?.consumedBytes ?? 0
    let unread = queued > consumed ? queued - consumed : 0
    return unread == 0 || unread + UInt64(count) <= quota
  }

  /// How many bytes will have been read when ``fits(_:)`` becomes true.
  private func consumedWhenFits(_ count: Int) -> UInt64 {
    let queued = unsafe outgoing.pointee.queuedBytes
    let over = queued + UInt64(count)
    return UInt64(count) > quota ? queued : over > quota ? over - quota : 0
  }

  /// How many bytes will have been read when half of what is unread now has been.
  private var consumedWhenHalfRead: UInt64 {
    let queued = unsafe outgoing.pointee.queuedBytes
    let consumed = written?.consumedBytes ?? 0
    return consumed >= queued ? 0 : queued - (queued - consumed) / 2
  }

  private func writeFrames(
    _ bytes: UnsafeRawBufferPointer, prefix: Int, _ deadline: Deadline
  ) throws(TransportError) {
    var position = 0
    while position < bytes.count {
      let head = position == 0 ? prefix : 0
      let count = min(bytes.count - position, PacketFrame.maximumPayload - head)
      let frame = PacketFrame(isFirst: position == 0, remaining: head + bytes.count - position)
      try unsafe send(
        frame, prefix: head, count: bytes.count,
        UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)]), deadline)
      position += count
      publishQueued()
    }
  }

  /// Sends one packet: header, prefix, part of the message.
  @inline(__always)
  private func send(
    _ frame: PacketFrame, prefix: Int, count: Int, _ part: UnsafeRawBufferPointer,
    _ deadline: Deadline
  ) throws(TransportError) {
    let packet = unsafe outgoing.pointee.packet
    let base = unsafe packet.baseAddress.unsafelyUnwrapped
    unsafe base.storeBytes(of: frame.encoded.littleEndian, as: UInt64.self)
    unsafe base.storeBytes(
      of: UInt64(count).littleEndian, toByteOffset: PacketFrame.headerSize, as: UInt64.self)
    let headSize = PacketFrame.headerSize + prefix
    let joined = headSize + part.count <= Self.smallPacket
    if joined, let source = part.baseAddress {
      unsafe (base + headSize).copyMemory(from: source, byteCount: part.count)
    }
    let whole = unsafe UnsafeRawBufferPointer(
      start: base, count: joined ? headSize + part.count : headSize)
    let rest = unsafe joined ? nil : part
    if try unsafe !transmit(whole, rest) {
      // The kernel has no room, quota or not. To be woken by every read would cost two switches per
      // packet.
      try waitForRoom(deadline: deadline, until: { consumedWhenHalfRead }) {
        () throws(TransportError) in
        try unsafe transmit(whole, rest)
      }
    }
    unsafe outgoing.pointee.queuedBytes &+= UInt64(prefix + part.count)
  }

  @inline(__always)
  private func transmit(
    _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer?
  ) throws(TransportError) -> Bool {
    do throws(SystemError) {
      if let body = unsafe body { return try unsafe io.trySendPacket(head: head, body: body) }
      return try unsafe io.trySendPacket(head)
    } catch { throw TransportError(error, "write to the pipe") }
  }

  @inline(__always)
  private func publishQueued() {
    guard let direction = written else { return }
    let state = unsafe outgoing.pointee
    direction.publishQueued(bytes: state.queuedBytes, messages: state.queuedMessages)
  }
}
