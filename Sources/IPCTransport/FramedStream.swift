internal import Glibc
public import IPCSystem

/// Messages over a byte stream: a four-byte little-endian length, then the bytes.
///
/// Pipes, FIFOs and stream sockets all use this one. A message in a ``MessageBuffer`` goes out with
/// one `write(2)`, its header in front of it, and comes in with one `read(2)` if it is as long as the
/// one before and not above 256 KiB; nobody but the kernel copies it. Plain memory costs a copy of up
/// to 16 KiB on either side, and a second call for the rest of a longer message that is received. On
/// the way to a pipe, long messages in plain memory that begins with a page are slow: see
/// ``MessageBuffer``.
@safe public final class FramedStream: HalfClosable, @unchecked Sendable {
  // Sendable: `pending*` and `lastReceived` are touched by the one receiving thread only, `outgoing`
  // by the one sending thread only, as `Connection` demands; the rest never changes.

  /// Longest message, in bytes. A longer length in a header means a peer that breaks the protocol.
  public static let maximumMessage = 1 << 30

  /// Up to this size, in bytes, a message in plain memory is copied behind its header: the kernel
  /// handles one buffer faster than `writev(2)` handles two by more than the copy costs. No more than
  /// this of a message is read ahead to be copied to plain memory.
  static let contiguousLimit = 16 * 1024

  private static let headerSize = 4
  private static let longestRead = 256 * 1024

  private let input: DescriptorIO
  private let output: DescriptorIO
  private let identifiesPeer: Bool

  /// Where messages in plain memory are made ready to be sent; without room until there is one.
  private var outgoing = MessageBuffer(capacity: 0)
  // Bytes received and not yet handed out: `pending[pendingStart..<pendingEnd]`.
  private var pending: UnsafeMutableRawBufferPointer
  private var pendingStart = 0
  private var pendingEnd = 0
  /// How long the message before was; at first, what is worth asking for.
  private var lastReceived = FramedStream.contiguousLimit

  /// Creates a conversation over two descriptors, or over the same one twice.
  ///
  /// - Parameters:
  ///   - identifiesPeer: Whether `input` is a local socket that knows its peer.
  public init(input: DescriptorIO, output: DescriptorIO, identifiesPeer: Bool = false) {
    self.input = input
    self.output = output
    self.identifiesPeer = identifiesPeer
    unsafe pending = .allocate(
      byteCount: Self.longestRead, alignment: MemoryLayout<UInt64>.alignment)
  }

  deinit { unsafe pending.deallocate() }

  /// Sends one message. See ``Connection/send(_:deadline:)``.
  ///
  /// A deadline that passes in the middle of a message closes the connection: the stream cannot be
  /// continued after half a frame.
  public func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    let count = message.count
    try unsafe message.withUnsafeBytes { bytes throws(TransportError) in
      if count > Self.contiguousLimit { return try unsafe sendLong(bytes, deadline) }
      if outgoing.capacity == 0 { outgoing = MessageBuffer(capacity: Self.contiguousLimit) }
      outgoing.resize(to: count)
      unsafe outgoing.memory.copyMemory(from: bytes)
      try send(&outgoing, deadline: deadline)
    }
  }

  /// Sends one message. See ``Connection/send(_:deadline:)``.
  @inline(__always)
  public func send(_ message: inout MessageBuffer, deadline: Deadline) throws(TransportError) {
    let count = message.count
    guard count <= Self.maximumMessage else { throw tooLarge(count) }
    let frame = unsafe UnsafeRawBufferPointer(
      start: message.start - Self.headerSize, count: Self.headerSize + count)
    unsafe (message.start - Self.headerSize).storeBytes(
      of: UInt32(truncatingIfNeeded: count).littleEndian, as: UInt32.self)
    do throws(SystemError) {
      let sent = try unsafe output.write(frame, deadline: deadline)
      if sent < frame.count { try unsafe sendRest(frame[sent...], deadline) }
    } catch { throw sendError(error, count) }
  }

  @inline(never)
  private func tooLarge(_ count: Int) -> TransportError {
    TransportError(.messageTooLarge, "send \(count) bytes", limit: Self.maximumMessage)
  }

  @inline(never)
  private func sendError(_ error: SystemError, _ count: Int) -> TransportError {
    TransportError(
      error, "send \(count) bytes",
      remedy: error.code == ETIMEDOUT && output.isClosed
        ? "Half of the message was on its way: the connection was closed" : nil)
  }

  @inline(never)
  private func sendLong(
    _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline
  ) throws(TransportError) {
    let count = bytes.count
    guard count <= Self.maximumMessage else { throw tooLarge(count) }
    var header = UInt32(count).littleEndian
    do throws(SystemError) {
      let sent = try unsafe withUnsafeMutableBytes(of: &header) { header throws(SystemError) in
        let sent = try output.perform("writev", .write, deadline: deadline) { descriptor in
          var vectors = unsafe (
            iovec(iov_base: header.baseAddress, iov_len: header.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: count)
          )
          return unsafe withUnsafePointer(to: &vectors) {
            unsafe $0.withMemoryRebound(to: iovec.self, capacity: 2) {
              unsafe writev(descriptor, $0, 2)
            }
          }
        }
        if sent < header.count {
          try unsafe sendRest(UnsafeRawBufferPointer(header)[sent...], deadline)
        }
        return max(0, sent - header.count)
      }
      try unsafe sendRest(bytes[sent...], deadline)
    } catch { throw sendError(error, count) }
  }

  /// Sends what is left of a frame that has begun.
  @inline(never)
  private func sendRest(
    _ bytes: Slice<UnsafeRawBufferPointer>, _ deadline: Deadline
  ) throws(SystemError) {
    var rest = unsafe bytes
    while unsafe !rest.isEmpty {
      do {
        let sent = try unsafe output.write(
          UnsafeRawBufferPointer(rebasing: rest), deadline: deadline)
        unsafe rest = rest.dropFirst(sent)
      } catch {
        close()
        throw error
      }
    }
  }

  /// Receives one message. See ``Connection/receive(into:deadline:)``. A message that does not fit is
  /// kept, and so is the part that has come when the deadline passes.
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

  /// Receives one message. See ``Connection/receive(into:deadline:)``.
  @inline(__always)
  public func receive(
    into message: inout MessageBuffer, deadline: Deadline
  ) throws(TransportError) {
    if pendingStart < pendingEnd { return try takePending(&message, deadline) }
    // No more than can be kept if it turns out to be something else.
    let expected = min(message.capacity, lastReceived, Self.longestRead - Self.headerSize)
    let frame = unsafe UnsafeMutableRawBufferPointer(
      start: message.start - Self.headerSize, count: Self.headerSize + expected)
    let received: Int
    do throws(SystemError) {
      received = try unsafe input.read(into: frame, deadline: deadline)
    } catch { throw TransportError(error, "receive") }
    if received == frame.count, unsafe frame.load(as: UInt32.self).littleEndian == expected {
      message.count = expected
    } else {
      try unsafe receiveOther(&message, frame[..<received], deadline)
    }
  }

  /// Receives a message of which `frame` has come, in the buffer's head room and then its memory: it
  /// is not as long as the one before, or not all there yet.
  @inline(never)
  private func receiveOther(
    _ message: inout MessageBuffer, _ frame: Slice<UnsafeMutableRawBufferPointer>,
    _ deadline: Deadline
  ) throws(TransportError) {
    if unsafe frame.isEmpty { throw TransportError(.endOfFile, "receive") }
    let received = unsafe frame.count - Self.headerSize
    if received >= 0 {
      let count = try unsafe length(at: UnsafeRawPointer(message.start - Self.headerSize))
      if count <= message.capacity {
        if received < count {
          let target = unsafe UnsafeMutableRawBufferPointer(
            start: message.start, count: message.capacity)
          try unsafe readRest(target, from: received, to: count, deadline)
        } else {
          unsafe keep(frame.dropFirst(Self.headerSize + count))
        }
        lastReceived = count
        message.count = count
        return
      }
    }
    unsafe keep(frame)
    try takePending(&message, deadline)
  }

  /// Makes bytes pending that were read into a caller's buffer and are not, or not yet, for it.
  private func keep(_ bytes: Slice<UnsafeMutableRawBufferPointer>) {
    unsafe pending.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
    pendingStart = 0
    pendingEnd = unsafe bytes.count
  }

  @inline(never)
  private func takePending(
    _ message: inout MessageBuffer, _ deadline: Deadline
  ) throws(TransportError) {
    let target = unsafe UnsafeMutableRawBufferPointer(
      start: message.start, count: message.capacity)
    message.count = try unsafe take(target, deadline)
  }

  private func take(
    _ target: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(TransportError) -> Int {
    if input.isClosed { throw TransportError(.closed, "receive") }
    while pendingEnd - pendingStart < Self.headerSize {
      if try fillPending(deadline) { continue }
      if pendingStart == pendingEnd { throw TransportError(.endOfFile, "receive") }
      throw diedInside("a header")
    }
    let count = try unsafe length(
      at: UnsafeRawPointer(pending.baseAddress.unsafelyUnwrapped + pendingStart))
    guard count <= target.count else {
      throw TransportError(.moreData, "receive", limit: count)
    }
    let start = pendingStart + Self.headerSize
    let ready = min(count, pendingEnd - start)
    unsafe target.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: pending[start..<(start + ready)]))
    pendingStart = start + ready
    if ready < count { try unsafe readRest(target, from: ready, to: count, deadline) }
    lastReceived = count
    return count
  }

  /// Reads the rest of a message straight into the caller's buffer. Nothing is pending when it is
  /// called.
  @inline(never)
  private func readRest(
    _ target: UnsafeMutableRawBufferPointer, from start: Int, to end: Int, _ deadline: Deadline
  ) throws(TransportError) {
    var position = start
    while position < end {
      let received: Int
      do throws(SystemError) {
        received = try unsafe input.read(
          into: UnsafeMutableRawBufferPointer(rebasing: target[position..<end]), deadline: deadline)
      } catch {
        if error.code == ETIMEDOUT {
          unsafe putBack(target, count: position, of: end)
        } else {
          close()
        }
        throw TransportError(error, "receive the rest of a message of \(end) bytes")
      }
      if received == 0 { throw diedInside("a message of \(end) bytes") }
      position += received
    }
  }

  /// Makes the first part of a message pending again, its header in front, for the next receive.
  private func putBack(_ target: UnsafeMutableRawBufferPointer, count: Int, of whole: Int) {
    let size = Self.headerSize + count
    if unsafe pending.count < size {
      unsafe pending.deallocate()
      unsafe pending = .allocate(
        byteCount: size.roundedUpToPowerOfTwo, alignment: MemoryLayout<UInt64>.alignment)
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

  /// Reads what is there behind less than a header that is pending; `false` at end of file.
  private func fillPending(_ deadline: Deadline) throws(TransportError) -> Bool {
    let base = unsafe pending.baseAddress.unsafelyUnwrapped
    unsafe base.copyMemory(from: base + pendingStart, byteCount: pendingEnd - pendingStart)
    pendingEnd -= pendingStart
    pendingStart = 0
    let wanted = Self.headerSize + min(lastReceived, Self.contiguousLimit)
    let space = unsafe pending[pendingEnd..<wanted]
    do throws(SystemError) {
      let received = try unsafe input.read(
        into: UnsafeMutableRawBufferPointer(rebasing: space), deadline: deadline)
      pendingEnd += received
      return received > 0
    } catch { throw TransportError(error, "receive") }
  }

  /// The length in the header at `place`.
  private func length(at place: UnsafeRawPointer) throws(TransportError) -> Int {
    let word = unsafe place.loadUnaligned(as: UInt32.self)
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
    if output.isClosed { return true }
    if input === output {
      SocketCalls.shutdownOutput(output.descriptor)
    } else {
      output.close()
    }
    return true
  }

  /// The process at the other end of a local socket.
  public var peer: PeerIdentity? {
    identifiesPeer && !input.isClosed ? try? LocalSocket.peer(of: input.descriptor) : nil
  }
}

extension Int {
  /// The smallest power of two that is not less.
  fileprivate var roundedUpToPowerOfTwo: Int {
    1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
  }
}
