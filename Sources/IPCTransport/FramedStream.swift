internal import Glibc
public import IPCSystem

/// Messages over a byte stream: a four-byte little-endian length, then the bytes.
///
/// Pipes, FIFOs and stream sockets all use this one. In the common case a message costs one system
/// call on either side. Up to ``contiguousLimit`` bytes it goes out from one buffer and comes in
/// through one, which the kernel handles faster than `writev(2)` and `readv(2)` by more than the copy
/// costs. Longer messages go out with `writev(2)`, and `readv(2)` puts the payload where it belongs
/// and the next header aside. Which of the two a receive does depends on the length of the message
/// before.
@safe public final class FramedStream: HalfClosable, @unchecked Sendable {
  // Sendable: `pending*` and `lastReceived` are touched by the one receiving thread only, `outgoing`
  // by the one sending thread only, as `Connection` demands; the rest never changes.

  /// Longest message, in bytes. A longer length in a header means a peer that breaks the protocol.
  public static let maximumMessage = 1 << 30

  /// At most so many bytes are copied to be sent together with the header, where copying is better.
  static let copiedHead = 64 * 1024
  /// Up to this size, in bytes, a message is copied rather than scattered and gathered.
  static let contiguousLimit = 16 * 1024

  private static let headerSize = 4
  private static let cacheLine = 64
  private static let pageSize: UInt = 4096
  private static let readAhead = 256 * 1024

  private let input: DescriptorIO
  private let output: DescriptorIO
  private let identifiesPeer: Bool

  // A header and a payload that begins a cache line: a copy that straddles lines takes twice as long.
  private let outgoing: UnsafeMutableRawBufferPointer
  private let outgoingStart: UnsafeMutableRawPointer
  // Bytes received and not yet handed out: `pending[pendingStart..<pendingEnd]`.
  private var pending: UnsafeMutableRawBufferPointer
  private var pendingStart = 0
  private var pendingEnd = 0
  private var lastReceived = 0

  /// Creates a conversation over two descriptors, or over the same one twice.
  ///
  /// - Parameters:
  ///   - identifiesPeer: Whether `input` is a local socket that knows its peer.
  public init(input: DescriptorIO, output: DescriptorIO, identifiesPeer: Bool = false) {
    self.input = input
    self.output = output
    self.identifiesPeer = identifiesPeer
    let frame = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.cacheLine + Self.copiedHead, alignment: Self.cacheLine)
    unsafe outgoing = UnsafeMutableRawBufferPointer(
      rebasing: frame[(Self.cacheLine - Self.headerSize)...])
    unsafe outgoingStart = frame.baseAddress.unsafelyUnwrapped
    unsafe pending = .allocate(byteCount: Self.readAhead, alignment: Self.cacheLine)
  }

  deinit {
    unsafe outgoingStart.deallocate()
    unsafe pending.deallocate()
  }

  /// Sends one message. See ``Connection/send(_:deadline:)``.
  ///
  /// A deadline that passes in the middle of a message closes the connection: the stream cannot be
  /// continued after half a frame.
  @inline(__always)
  public func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    let count = message.count
    guard count <= Self.maximumMessage else {
      throw TransportError(.messageTooLarge, "send \(count) bytes", limit: Self.maximumMessage)
    }
    do throws(SystemError) {
      try unsafe message.withUnsafeBytes { bytes throws(SystemError) in
        if count > Self.contiguousLimit { return try unsafe transmitLong(bytes, deadline) }
        unsafe outgoing.storeBytes(of: UInt32(count).littleEndian, as: UInt32.self)
        if let source = bytes.baseAddress {
          unsafe (outgoing.baseAddress.unsafelyUnwrapped + Self.headerSize)
            .copyMemory(from: source, byteCount: count)
        }
        let total = Self.headerSize + count
        let sent = try unsafe output.write(
          UnsafeRawBufferPointer(start: outgoing.baseAddress, count: total), deadline: deadline)
        if sent < total { try unsafe transmitRest(bytes, from: sent, headEnd: total, deadline) }
      }
    } catch { throw sendError(error, count) }
  }

  @inline(never)
  private func sendError(_ error: SystemError, _ count: Int) -> TransportError {
    TransportError(
      error, "send \(count) bytes",
      remedy: error.code == ETIMEDOUT && output.isClosed
        ? "Half of the message was on its way: the connection was closed" : nil)
  }

  @inline(never)
  private func transmitLong(
    _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline
  ) throws(SystemError) {
    unsafe outgoing.storeBytes(of: UInt32(bytes.count).littleEndian, as: UInt32.self)
    let copied = unsafe Self.isCopied(bytes) ? min(bytes.count, Self.copiedHead) : 0
    let headEnd = Self.headerSize + copied
    let sent: Int
    if copied > 0, let source = bytes.baseAddress {
      unsafe (outgoing.baseAddress.unsafelyUnwrapped + Self.headerSize)
        .copyMemory(from: source, byteCount: copied)
      sent = try unsafe output.write(
        UnsafeRawBufferPointer(rebasing: outgoing[..<headEnd]), deadline: deadline)
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
    try unsafe transmitRest(bytes, from: sent, headEnd: headEnd, deadline)
  }

  /// Sends what is left of a frame of which `start` bytes are sent. Its first `headEnd` bytes are in
  /// `outgoing`.
  @inline(never)
  private func transmitRest(
    _ bytes: UnsafeRawBufferPointer, from start: Int, headEnd: Int, _ deadline: Deadline
  ) throws(SystemError) {
    let total = Self.headerSize + bytes.count
    var sent = start
    while sent < total {
      do {
        if sent < headEnd {
          sent += try unsafe output.write(
            UnsafeRawBufferPointer(rebasing: outgoing[sent..<headEnd]), deadline: deadline)
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

  /// Whether a long message is copied to be sent: when it begins with a page. In a pipe's pages it
  /// lies behind the header, so that the kernel would read a few bytes behind where it has
  /// just written, modulo the size of a page. Processors take that for a dependency, and the copy
  /// takes two and a half times as long.
  private static func isCopied(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let offset = UInt(bitPattern: bytes.baseAddress) &- UInt(headerSize)
    return offset % pageSize > pageSize - UInt(cacheLine)
  }

  /// Receives one message. See ``Connection/receive(into:deadline:)``. A message that does not fit
  /// is kept, and so is the part that has come when the deadline passes.
  @inline(__always)
  public func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    try unsafe buffer.withUnsafeMutableBufferPointer {
      target, initialized throws(TransportError) in
      let free = unsafe UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(rebasing: target[initialized...]))
      initialized += try unsafe take(free, deadline)
    }
  }

  @inline(__always)
  private func take(
    _ target: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(TransportError) -> Int {
    if pendingStart == pendingEnd {
      pendingStart = 0
      pendingEnd = 0
      if lastReceived > Self.contiguousLimit && target.count > Self.contiguousLimit {
        return try unsafe takeDirectly(target, deadline)
      }
      if try !fillPending(deadline) { throw TransportError(.endOfFile, "receive") }
    } else if input.isClosed {
      throw TransportError(.closed, "receive")
    }
    if pendingEnd - pendingStart < Self.headerSize { try completeHeader(deadline) }
    let count = try pendingLength()
    guard count <= target.count else {
      throw TransportError(.moreData, "receive", limit: count)
    }
    let start = pendingStart + Self.headerSize
    let ready = min(count, pendingEnd - start)
    if let base = target.baseAddress {
      unsafe base.copyMemory(
        from: pending.baseAddress.unsafelyUnwrapped + start, byteCount: ready)
    }
    pendingStart = start + ready
    if ready < count { try unsafe readRest(target, from: ready, to: count, deadline) }
    lastReceived = count
    return count
  }

  @inline(never)
  private func completeHeader(_ deadline: Deadline) throws(TransportError) {
    repeat {
      if try !fillPending(deadline) { throw diedInside("a header") }
    } while pendingEnd - pendingStart < Self.headerSize
  }

  /// Reads the header, the payload and the next header in one call: the payload to where it belongs,
  /// the headers to the start of `pending`. No more is read than the message before was long, lest
  /// much of what follows has to be moved.
  @inline(never)
  private func takeDirectly(
    _ target: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(TransportError) -> Int {
    let direct = min(target.count, lastReceived, Self.readAhead - 2 * Self.headerSize)
    let received: Int
    do throws(SystemError) {
      received = try input.perform("readv", .read, deadline: deadline) { descriptor in
        let base = unsafe pending.baseAddress.unsafelyUnwrapped
        var vectors = unsafe (
          iovec(iov_base: base, iov_len: Self.headerSize),
          iovec(iov_base: target.baseAddress, iov_len: direct),
          iovec(iov_base: base + Self.headerSize, iov_len: Self.headerSize)
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
    if count <= inTarget {
      unsafe keep(target, count..<inTarget, beyond: beyond)
    } else {
      // The payload is longer than what was asked for: what was taken for the next header is a part
      // of it.
      let extra = min(beyond, count - inTarget)
      let base = unsafe pending.baseAddress.unsafelyUnwrapped
      unsafe (target.baseAddress.unsafelyUnwrapped + inTarget)
        .copyMemory(from: base + Self.headerSize, byteCount: extra)
      pendingStart = Self.headerSize + extra
      pendingEnd = Self.headerSize + beyond
      if inTarget + extra < count {
        try unsafe readRest(target, from: inTarget + extra, to: count, deadline)
      }
    }
    lastReceived = count
    return count
  }

  /// Makes bytes that were read into the caller's buffer and do not belong to this message pending
  /// again, in front of those that were read beyond the buffer.
  private func keep(_ target: UnsafeMutableRawBufferPointer, _ range: Range<Int>, beyond: Int) {
    let start = unsafe pending.baseAddress.unsafelyUnwrapped + Self.headerSize
    if !range.isEmpty, let source = target.baseAddress {
      unsafe (start + range.count).copyMemory(from: start, byteCount: beyond)
      unsafe start.copyMemory(from: source + range.lowerBound, byteCount: range.count)
    }
    pendingStart = Self.headerSize
    pendingEnd = Self.headerSize + range.count + beyond
  }

  /// Reads the rest of a message straight into the caller's buffer, and the next header, if it is
  /// there, aside. Nothing is pending when it is called.
  @inline(never)
  private func readRest(
    _ target: UnsafeMutableRawBufferPointer, from start: Int, to end: Int, _ deadline: Deadline
  ) throws(TransportError) {
    pendingStart = 0
    pendingEnd = 0
    var position = start
    while position < end {
      let received: Int
      do throws(SystemError) {
        received = try input.perform("readv", .read, deadline: deadline) { descriptor in
          var vectors = unsafe (
            iovec(
              iov_base: target.baseAddress.unsafelyUnwrapped + position, iov_len: end - position),
            iovec(iov_base: pending.baseAddress, iov_len: Self.headerSize)
          )
          return unsafe withUnsafePointer(to: &vectors) {
            unsafe $0.withMemoryRebound(to: iovec.self, capacity: 2) {
              unsafe readv(descriptor, $0, 2)
            }
          }
        }
      } catch {
        if error.code == ETIMEDOUT {
          unsafe putBack(target, count: position, of: end)
        } else {
          close()
        }
        throw TransportError(error, "receive the rest of a message of \(end) bytes")
      }
      if received == 0 { throw diedInside("a message of \(end) bytes") }
      let part = min(received, end - position)
      position += part
      pendingEnd = received - part
    }
  }

  /// Makes the first part of a message pending again, its header in front, for the next receive.
  private func putBack(_ target: UnsafeMutableRawBufferPointer, count: Int, of whole: Int) {
    let size = Self.headerSize + count
    if unsafe pending.count < size {
      unsafe pending.deallocate()
      unsafe pending = .allocate(byteCount: size.roundedUpToPowerOfTwo, alignment: Self.cacheLine)
    }
    unsafe pending.storeBytes(of: UInt32(whole).littleEndian, as: UInt32.self)
    if let source = target.baseAddress {
      unsafe (pending.baseAddress.unsafelyUnwrapped + Self.headerSize)
        .copyMemory(from: source, byteCount: count)
    }
    pendingStart = 0
    pendingEnd = size
  }

  /// The writer is gone and has left something unfinished.
  private func diedInside(_ what: String) -> TransportError {
    close()
    return TransportError(
      SystemError(code: ECONNRESET, call: "read"), "receive the rest of \(what)",
      remedy: "What came of it is lost")
  }

  /// Reads what is there; `false` at end of file.
  @inline(__always)
  private func fillPending(_ deadline: Deadline) throws(TransportError) -> Bool {
    if unsafe pending.count - pendingEnd < Self.headerSize {
      // Only a header that lies across the end of the buffer brings us here: move it to the front.
      let base = unsafe pending.baseAddress.unsafelyUnwrapped
      unsafe base.copyMemory(from: base + pendingStart, byteCount: pendingEnd - pendingStart)
      pendingEnd -= pendingStart
      pendingStart = 0
    }
    let wanted = max(2 * Self.headerSize, Self.headerSize + lastReceived)
    let end = unsafe min(pending.count, pendingEnd + wanted)
    do throws(SystemError) {
      let received = try unsafe input.read(
        into: UnsafeMutableRawBufferPointer(rebasing: pending[pendingEnd..<end]), deadline: deadline
      )
      pendingEnd += received
      return received > 0
    } catch { throw TransportError(error, "receive") }
  }

  /// The length in the header at `pendingStart`.
  @inline(__always)
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

  /// Ends the sending direction. See ``HalfClosable/finishSending()``. Wraps `shutdown(2)` where
  /// both directions are one socket.
  public func finishSending() -> Bool {
    if input === output {
      SocketCalls.shutdownOutput(output.descriptor)
    } else {
      output.close()
    }
    return true
  }

  /// The process at the other end of a local socket.
  public var peer: PeerIdentity? {
    identifiesPeer ? try? LocalSocket.peer(of: input.descriptor) : nil
  }
}

extension Int {
  /// The smallest power of two that is not less.
  fileprivate var roundedUpToPowerOfTwo: Int {
    1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
  }
}
