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
    /// A whole message, which is in the caller's buffer.
    case delivered
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
  private let head: UnsafeMutableRawBufferPointer
  private let overflow: UnsafeMutableRawBufferPointer
  private var partial: [UInt8] = []
  private var left = 0

  init(_ socket: consuming OwnedDescriptor) {
    peer = try? LocalSocket.peer(of: socket.raw)
    io = DescriptorIO(adopting: socket)
    unsafe head = .allocate(byteCount: PacketFrame.headerSize, alignment: 16)
    unsafe overflow = .allocate(byteCount: PacketFrame.maximumPayload, alignment: 16)
  }

  deinit {
    unsafe head.deallocate()
    unsafe overflow.deallocate()
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
    let result = unsafe buffer.withUnsafeMutableBufferPointer {
      target, initialized -> Result<Outcome, SystemError> in
      let start = left > 0 ? target.count : initialized
      let free = unsafe UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(rebasing: target[start...]))
      do throws(SystemError) {
        let size = try unsafe io.receivePacket(
          head: head, body: free, overflow: overflow, deadline: deadline)
        let outcome = unsafe take(size, free)
        if case .delivered = outcome { initialized += size - PacketFrame.headerSize }
        return .success(outcome)
      } catch { return .failure(error) }
    }
    do { return try result.get() } catch {
      // A packet longer than any that a writer of ours sends.
      if error.code == EMSGSIZE { return .ended }
      throw error
    }
  }

  @inline(__always)
  private func take(_ size: Int, _ free: UnsafeMutableRawBufferPointer) -> Outcome {
    let payload = size - PacketFrame.headerSize
    let word = unsafe UInt64(littleEndian: head.load(as: UInt64.self))
    guard
      let frame = PacketFrame(
        decoding: word, payload: payload, expected: left > 0 ? left : nil),
      frame.remaining <= Mailslots.maximumMessage
    else { return .ended }
    if left == 0 && frame.remaining == payload && payload <= free.count { return .delivered }
    return unsafe gather(frame, payload, free)
  }

  @inline(never)
  private func gather(
    _ frame: PacketFrame, _ payload: Int, _ free: UnsafeMutableRawBufferPointer
  ) -> Outcome {
    // A message that begins before the last was complete: the writer gave that one up.
    if frame.isFirst { partial.removeAll(keepingCapacity: true) }
    let placed = min(payload, free.count)
    unsafe partial.append(contentsOf: free[..<placed])
    unsafe partial.append(contentsOf: overflow[..<(payload - placed)])
    left = frame.remaining - payload
    if left > 0 { return .incomplete }
    let message = partial
    partial = []
    return .complete(message)
  }

  func close() { io.close() }
}
