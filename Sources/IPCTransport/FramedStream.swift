internal import Glibc
public import IPCSystem

/// Messages over a byte stream: a four-byte little-endian length, then the bytes.
///
/// Pipes, FIFOs and stream sockets all use this one. In the common case a message costs one system
/// call on either side: small ones are sent from one buffer, large ones with `writev(2)`; a receive
/// is one `readv(2)` that puts the payload directly into the caller's buffer and what follows it
/// into a buffer of its own, from which the next receives are served.
@safe public final class FramedStream: Connection, @unchecked Sendable {
  // Sendable: `pending*` is touched by the one receiving thread only, `outgoing` by the one sending
  // thread only, as `Connection` demands; the rest never changes.

  /// Longest message, in bytes. A longer length in a header means a peer that breaks the protocol.
  public static let maximumMessage = 1 << 30

  private static let headerSize = 4
  private static let smallMessage = 2048
  private static let readAhead = 256 * 1024

  private let input: DescriptorIO
  private let output: DescriptorIO
  private let identifiesPeer: Bool

  private let outgoing: UnsafeMutableRawBufferPointer
  // Bytes received and not yet handed out: `pending[pendingStart..<pendingEnd]`.
  private let pending: UnsafeMutableRawBufferPointer
  private var pendingStart = 0
  private var pendingEnd = 0

  /// Creates a conversation over two descriptors, or over the same one twice.
  ///
  /// - Parameter identifiesPeer: Whether `input` is a local socket that knows its peer.
  public init(input: DescriptorIO, output: DescriptorIO, identifiesPeer: Bool = false) {
    self.input = input
    self.output = output
    self.identifiesPeer = identifiesPeer
    unsafe outgoing = .allocate(byteCount: Self.headerSize + Self.smallMessage, alignment: 16)
    unsafe pending = .allocate(byteCount: Self.readAhead, alignment: 16)
  }

  deinit {
    unsafe outgoing.deallocate()
    unsafe pending.deallocate()
  }

  /// Sends one message. See ``Connection/send(_:deadline:)``.
  ///
  /// A deadline that passes in the middle of a message closes the connection: the stream cannot be
  /// continued after half a frame.
  public func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    let count = message.count
    guard count <= Self.maximumMessage else {
      throw TransportError(.messageTooLarge, "send \(count) bytes", limit: Self.maximumMessage)
    }
    let result = unsafe message.withUnsafeBytes { bytes -> Result<Void, SystemError> in
      do throws(SystemError) {
        unsafe try transmit(bytes, deadline)
        return .success(())
      } catch { return .failure(error) }
    }
    if case .failure(let error) = result {
      throw TransportError(error, "send \(count) bytes")
    }
  }

  private func transmit(
    _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline
  ) throws(SystemError) {
    unsafe outgoing.storeBytes(of: UInt32(bytes.count).littleEndian, as: UInt32.self)
    let total = Self.headerSize + bytes.count
    var sent: Int
    if bytes.count <= Self.smallMessage {
      if let source = bytes.baseAddress {
        unsafe (outgoing.baseAddress.unsafelyUnwrapped + Self.headerSize)
          .copyMemory(from: source, byteCount: bytes.count)
      }
      sent = try unsafe output.write(
        UnsafeRawBufferPointer(rebasing: outgoing[..<total]), deadline: deadline)
    } else {
      sent = try output.perform("writev", .write, deadline: deadline) { descriptor in
        var vectors = unsafe (
          iovec(iov_base: outgoing.baseAddress, iov_len: Self.headerSize),
          iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        )
        return unsafe withUnsafePointer(to: &vectors) {
          unsafe $0.withMemoryRebound(to: iovec.self, capacity: 2) {
            unsafe writev(descriptor, $0, 2)
          }
        }
      }
    }
    while sent < total {
      do {
        if sent < Self.headerSize {
          sent += try unsafe output.write(
            UnsafeRawBufferPointer(rebasing: outgoing[sent..<Self.headerSize]), deadline: deadline)
        } else {
          sent += try unsafe output.write(
            UnsafeRawBufferPointer(rebasing: bytes[(sent - Self.headerSize)...]), deadline: deadline
          )
        }
      } catch {
        close()
        throw error
      }
    }
  }

  /// Receives one message. See ``Connection/receive(into:deadline:)``. A message that does not fit
  /// is kept; a deadline that passes in the middle of one closes the connection.
  public func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    let result = unsafe buffer.withUnsafeMutableBufferPointer { target, initialized in
      let free = unsafe UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(rebasing: target[initialized...]))
      do throws(TransportError) {
        initialized += try unsafe take(free, deadline)
        return Result<Void, TransportError>.success(())
      } catch { return .failure(error) }
    }
    try result.get()
  }

  private func take(
    _ target: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(TransportError) -> Int {
    // Nothing pending: read the header and, in the same call, the payload to where it belongs.
    if pendingStart == pendingEnd {
      pendingStart = 0
      pendingEnd = 0
      return try unsafe takeDirectly(target, deadline)
    }
    while pendingEnd - pendingStart < Self.headerSize { try fillPending(deadline) }
    let count = try pendingLength()
    guard count <= target.count else {
      throw TransportError(.moreData, "receive", limit: count)
    }
    pendingStart += Self.headerSize
    let ready = min(count, pendingEnd - pendingStart)
    unsafe target.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: pending[pendingStart..<(pendingStart + ready)]))
    pendingStart += ready
    if ready < count { try unsafe readRest(target, from: ready, to: count, deadline) }
    return count
  }

  /// Reads the header, the payload and what follows in one call: the header to the start of
  /// `pending`, the payload to the target, the rest behind the header again. The parts together
  /// are never longer than `pending`, so that whatever turns out to be read too early fits there.
  private func takeDirectly(
    _ target: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(TransportError) -> Int {
    let direct = min(target.count, Self.readAhead - Self.headerSize)
    let received: Int
    do throws(SystemError) {
      received = try input.perform("readv", .read, deadline: deadline) { descriptor in
        let base = unsafe pending.baseAddress.unsafelyUnwrapped
        var vectors = unsafe (
          iovec(iov_base: base, iov_len: Self.headerSize),
          iovec(iov_base: target.baseAddress, iov_len: direct),
          iovec(
            iov_base: base + Self.headerSize, iov_len: Self.readAhead - Self.headerSize - direct)
        )
        return unsafe withUnsafePointer(to: &vectors) {
          unsafe $0.withMemoryRebound(to: iovec.self, capacity: 3) {
            unsafe readv(descriptor, $0, 3)
          }
        }
      }
    } catch { throw TransportError(error, "receive") }
    if received == 0 { throw TransportError(.endOfFile, "receive") }
    if received < Self.headerSize {
      pendingEnd = received
      return try unsafe take(target, deadline)
    }
    let inTarget = min(received - Self.headerSize, direct)
    let beyond = received - Self.headerSize - inTarget
    let count = try pendingLength()
    if count > target.count {
      // It does not fit: keep what was read, header included, so that a larger buffer gets it all.
      unsafe keep(target, 0..<inTarget, beyond: beyond)
      pendingStart = 0
      throw TransportError(.moreData, "receive", limit: count)
    }
    if count > inTarget {
      try unsafe readRest(target, from: inTarget, to: count, deadline)
    } else if inTarget - count + beyond > 0 {
      unsafe keep(target, count..<inTarget, beyond: beyond)
    }
    return count
  }

  /// Makes bytes that were read into the caller's buffer and do not belong to this message pending
  /// again, in front of those that were read beyond the buffer.
  private func keep(_ target: UnsafeMutableRawBufferPointer, _ range: Range<Int>, beyond: Int) {
    let start = unsafe pending.baseAddress.unsafelyUnwrapped + Self.headerSize
    unsafe (start + range.count).copyMemory(from: start, byteCount: beyond)
    if !range.isEmpty, let source = target.baseAddress {
      unsafe start.copyMemory(from: source + range.lowerBound, byteCount: range.count)
    }
    pendingStart = Self.headerSize
    pendingEnd = Self.headerSize + range.count + beyond
  }

  /// Reads the rest of a message straight into the caller's buffer.
  private func readRest(
    _ target: UnsafeMutableRawBufferPointer, from start: Int, to end: Int, _ deadline: Deadline
  ) throws(TransportError) {
    var position = start
    while position < end {
      do throws(SystemError) {
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: target[position..<end])
        let received = try unsafe input.read(into: part, deadline: deadline)
        // The writer died in the middle of a message.
        if received == 0 { throw SystemError(code: ECONNRESET, call: "read") }
        position += received
      } catch {
        close()
        throw TransportError(error, "receive the rest of a message of \(end) bytes")
      }
    }
  }

  private func fillPending(_ deadline: Deadline) throws(TransportError) {
    if pendingEnd == Self.readAhead {
      // Only a header that lies across the end of the buffer brings us here: move it to the front.
      let base = unsafe pending.baseAddress.unsafelyUnwrapped
      unsafe base.copyMemory(from: base + pendingStart, byteCount: pendingEnd - pendingStart)
      pendingEnd -= pendingStart
      pendingStart = 0
    }
    do throws(SystemError) {
      let received = try unsafe input.read(
        into: UnsafeMutableRawBufferPointer(rebasing: pending[pendingEnd...]), deadline: deadline)
      if received == 0 { throw SystemError(code: ECONNRESET, call: "read") }
      pendingEnd += received
    } catch { throw TransportError(error, "receive") }
  }

  /// The length in the header at `pendingStart`.
  private func pendingLength() throws(TransportError) -> Int {
    let word = unsafe pending.loadUnaligned(fromByteOffset: pendingStart, as: UInt32.self)
    let count = Int(UInt32(littleEndian: word))
    guard count <= Self.maximumMessage else {
      close()
      throw TransportError(
        .protocolViolation, "receive a message of \(count) bytes", limit: Self.maximumMessage)
    }
    return count
  }

  /// Ends the conversation. See ``Connection/close()``.
  public func close() {
    input.close()
    output.close()
  }

  /// The process at the other end of a local socket.
  public var peer: PeerIdentity? {
    identifiesPeer ? try? LocalSocket.peer(of: input.descriptor) : nil
  }
}
