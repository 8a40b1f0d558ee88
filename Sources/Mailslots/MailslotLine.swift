internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// The reader's end of one writer's connection, where packets become messages.
///
/// For the reading thread; only `close()` may come from another.
@safe final class MailslotLine: @unchecked Sendable {
  // Sendable: everything but `io` is touched by the reading thread only.

  /// What a packet brought.
  enum Outcome {
    /// A whole message of so many bytes, which is in the caller's buffer.
    case delivered(Int)
    /// A whole message that did not come in one piece, or does not fit the buffer.
    case complete([UInt8])
    /// A part of a message, or nothing.
    case incomplete
    /// The end: the writer has closed, or broken the protocol.
    case ended
  }

  let io: DescriptorIO
  /// The writer's process.
  let peer: PeerIdentity?
  /// When the message received last was written, as the writer says.
  private(set) var stamp: UInt64 = 0
  // A header and the longest payload behind it.
  private let packet: UnsafeMutableRawBufferPointer
  private var partial: [UInt8] = []
  private var left = 0
  // Whether the packet before was short: then the next is received in one piece and copied.
  private var expectsShort = true

  /// Up to this size, in bytes, the kernel scatters a packet for more than a copy costs.
  private static let shortPacket = 4096 + PacketFrame.headerSize

  private let isOnlyLine: Bool

  /// - Parameter isOnlyLine: Whether the reader has no other writer, and may wait for the rest of a
  ///   message without keeping somebody waiting.
  init(_ socket: consuming OwnedDescriptor, isOnlyLine: Bool) {
    self.isOnlyLine = isOnlyLine
    peer = try? LocalSocket.peer(of: socket.raw)
    io = DescriptorIO(adopting: socket)
    unsafe packet = .allocate(
      byteCount: PacketFrame.headerSize + PacketFrame.maximumPayload, alignment: 64)
  }

  deinit { unsafe packet.deallocate() }

  private var head: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(rebasing: packet[..<PacketFrame.headerSize])
  }

  // The part of a payload for which the caller's buffer has no room.
  private var overflow: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(rebasing: packet[PacketFrame.headerSize...])
  }

  /// Receives one packet: straight into the buffer if that is all there is to it.
  ///
  /// - Throws: `ETIMEDOUT`, `EBADF` after `close()`.
  @inline(__always)
  func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(SystemError) -> Outcome {
    // In the middle of a message: let a writer on the same core go on instead of being woken by
    // each of its packets.
    if left > 0 && !(deadline == .immediate) { sched_yield() }
    do throws(SystemError) {
      return try unsafe buffer.withUnsafeMutableBufferPointer {
        target, initialized throws(SystemError) -> Outcome in
        let start = left > 0 ? target.count : initialized
        let free = unsafe UnsafeMutableRawBufferPointer(
          UnsafeMutableBufferPointer(rebasing: target[start...]))
        let size =
          expectsShort
          ? try unsafe receiveShort(free, deadline) : try unsafe receiveScattered(free, deadline)
        let outcome = try unsafe take(size, free, deadline)
        if case .delivered(let count) = outcome { initialized += count }
        return outcome
      }
    } catch {
      // A packet longer than any that a writer of ours sends.
      if error.code == EMSGSIZE { return .ended }
      throw error
    }
  }

  /// Receives a packet in one piece and copies the payload to `free` and, as far as it does not fit
  /// there, to the start of `overflow`. Returns the packet's size.
  @inline(__always)
  private func receiveShort(
    _ free: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(SystemError) -> Int {
    let size = try unsafe io.receivePacket(into: packet, deadline: deadline)
    let payload = size - PacketFrame.headerSize
    let placed = min(payload, free.count)
    if placed > 0, let target = free.baseAddress {
      unsafe target.copyMemory(
        from: packet.baseAddress.unsafelyUnwrapped + PacketFrame.headerSize, byteCount: placed)
    }
    if payload > placed { closeGap(of: placed, before: payload - placed) }
    if size > MailslotLine.shortPacket { expectsShort = false }
    return size
  }

  @inline(never)
  private func closeGap(of count: Int, before rest: Int) {
    let start = unsafe overflow.baseAddress.unsafelyUnwrapped
    unsafe start.copyMemory(from: start + count, byteCount: rest)
  }

  @inline(never)
  private func receiveScattered(
    _ free: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(SystemError) -> Int {
    let size = try unsafe io.receivePacket(
      head: head, body: free, overflow: overflow, deadline: deadline)
    if size <= MailslotLine.shortPacket { expectsShort = true }
    return size
  }

  @inline(__always)
  private func take(
    _ size: Int, _ free: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(SystemError) -> Outcome {
    let payload = size - PacketFrame.headerSize
    guard let frame = header(payload) else { return .ended }
    if left == 0 && payload <= free.count {
      if frame.remaining == payload { return .delivered(payload) }
      if isOnlyLine && frame.remaining <= free.count {
        return try unsafe fill(free, from: payload, to: frame.remaining, deadline)
      }
    }
    return unsafe gather(frame, payload, free)
  }

  /// The header received last, `nil` when no correct writer sends it here.
  @inline(__always)
  private func header(_ payload: Int) -> PacketFrame? {
    let word = unsafe UInt64(littleEndian: packet.load(as: UInt64.self))
    let expected = left > 0 ? left : nil
    let frame = PacketFrame(decoding: word, payload: payload, expected: expected)
    guard let frame, frame.remaining <= Mailslots.maximumMessage else { return nil }
    if frame.isFirst {
      stamp = unsafe UInt64(
        littleEndian: packet.load(fromByteOffset: MailslotWriter.stampOffset, as: UInt64.self))
    }
    return frame
  }

  /// Receives the rest of a message behind its first packet in the caller's buffer.
  @inline(never)
  private func fill(
    _ target: UnsafeMutableRawBufferPointer, from start: Int, to end: Int, _ deadline: Deadline
  ) throws(SystemError) -> Outcome {
    var filled = start
    while filled < end {
      left = end - filled
      sched_yield()
      let free = unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled..<end])
      let size: Int
      do throws(SystemError) {
        size = try unsafe io.receivePacket(
          head: head, body: free, overflow: overflow, deadline: deadline)
      } catch {
        if error.code == ETIMEDOUT { partial = unsafe Array(target[..<filled]) }
        throw error
      }
      let payload = size - PacketFrame.headerSize
      guard let frame = header(payload) else { return .ended }
      if frame.isFirst { return unsafe gather(frame, payload, free) }
      filled += payload
    }
    left = 0
    return .delivered(end)
  }

  @inline(never)
  private func gather(
    _ frame: PacketFrame, _ payload: Int, _ free: UnsafeMutableRawBufferPointer
  ) -> Outcome {
    // A message that begins before the last was complete: the writer gave that one up.
    if frame.isFirst { partial.removeAll(keepingCapacity: true) }
    let placed = min(payload, free.count)
    unsafe partial.append(contentsOf: UnsafeMutableRawBufferPointer(rebasing: free[..<placed]))
    unsafe partial.append(
      contentsOf: UnsafeMutableRawBufferPointer(rebasing: overflow[..<(payload - placed)]))
    left = frame.remaining - payload
    if left > 0 { return .incomplete }
    let message = partial
    partial = []
    return .complete(message)
  }

  func close() { io.close() }
}
