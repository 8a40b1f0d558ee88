internal import IPCSystem
internal import IPCTransport

/// A conversation over a pipe of messages: a message is a message.
final class MessagePipeConnection: Connection {
  private let link: PipeLink
  private let end: any NamedPipeEnd

  init(_ link: PipeLink, keeping end: any NamedPipeEnd) {
    self.link = link
    self.end = end
  }

  func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    unsafe try link.send(.init(start: nil, count: 0), message, deadline)
  }

  func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    unsafe try link.append(to: &buffer) { (target) throws(TransportError) in
      let mode = PipeLink.ReadMode(joined: false, whole: true)
      return try unsafe link.read(into: target, mode, deadline: deadline).count
    }
  }

  func close() { end.close() }

  var peer: PeerIdentity? { end.peer }
}

/// A conversation over a pipe of bytes: each message goes with its length ahead of it, since the pipe
/// does not keep boundaries.
@safe final class BytePipeConnection: Connection, @unchecked Sendable {
  // Sendable: `incoming` is touched by the one receiving thread only, as `Connection` demands.
  private let link: PipeLink
  private let end: any NamedPipeEnd
  /// What was read of a message that did not come in one piece in time: its length and its bytes.
  private let incoming: UnsafeMutablePointer<Incoming>

  private struct Incoming {
    var head: [UInt8] = []
    var length = 0
    var body: [UInt8] = []
    var hasLength = false
  }

  private static let headSize = 8

  init(_ link: PipeLink, keeping end: any NamedPipeEnd) {
    self.link = link
    self.end = end
    unsafe incoming = .allocate(capacity: 1)
    unsafe incoming.initialize(to: Incoming())
  }

  deinit { unsafe incoming.deinitialize(count: 1).deallocate() }

  /// A deadline that passes when a part of the message was read closes the connection: that part
  /// cannot be taken back, and the rest of a stream makes no sense behind it.
  func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    var length = UInt64(message.count).littleEndian
    let failure = unsafe withUnsafeBytes(of: &length) { head -> TransportError? in
      do throws(TransportError) {
        try unsafe link.send(head, message, deadline)
        return nil
      } catch { return error }
    }
    if let failure {
      if failure.code == .timedOut && failure.remedy != nil { close() }
      throw failure
    }
  }

  func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    if unsafe !incoming.pointee.hasLength { try receiveLength(deadline) }
    let length = unsafe incoming.pointee.length
    guard length <= buffer.freeCapacity else {
      throw TransportError(.moreData, "receive", limit: length)
    }
    unsafe try link.append(to: &buffer) { (target) throws(TransportError) in
      var filled = unsafe incoming.pointee.body.count
      if filled > 0 {
        unsafe target.copyBytes(from: incoming.pointee.body)
        unsafe incoming.pointee.body = []
      }
      do throws(TransportError) {
        while filled < length {
          filled += try unsafe link.read(
            into: .init(rebasing: target[filled..<length]), .init(joined: true),
            deadline: deadline
          ).count
        }
      } catch {
        if error.code == .timedOut {
          unsafe incoming.pointee.body = Array(target[..<filled])
        }
        throw error
      }
      unsafe incoming.pointee.hasLength = false
      return length
    }
  }

  @inline(__always)
  private func receiveLength(_ deadline: Deadline) throws(TransportError) {
    var word: UInt64 = 0
    let result = unsafe withUnsafeMutableBytes(of: &word) { target -> TransportError? in
      var filled = unsafe incoming.pointee.head.count
      if filled > 0 {
        unsafe target.copyBytes(from: incoming.pointee.head)
        unsafe incoming.pointee.head = []
      }
      do throws(TransportError) {
        while filled < Self.headSize {
          filled += try unsafe link.read(
            into: .init(rebasing: target[filled...]), .init(joined: true), deadline: deadline
          ).count
        }
        return nil
      } catch {
        if error.code == .timedOut { unsafe incoming.pointee.head = Array(target[..<filled]) }
        return error
      }
    }
    if let result { throw result }
    guard let length = Int(exactly: UInt64(littleEndian: word)), length <= PipeFrame.longestMessage
    else {
      close()
      throw TransportError(.protocolViolation, "receive")
    }
    unsafe incoming.pointee.length = length
    unsafe incoming.pointee.hasLength = true
  }

  func close() { end.close() }

  var peer: PeerIdentity? { end.peer }
}

extension PipeLink {
  /// Sends a message of a conversation.
  @inline(__always)
  fileprivate func send(
    _ head: UnsafeRawBufferPointer, _ message: Span<UInt8>, _ deadline: Deadline
  ) throws(TransportError) {
    let failure = unsafe message.withUnsafeBytes { bytes -> TransportError? in
      do throws(TransportError) {
        _ = try unsafe write(head, bytes, patient: true, deadline: deadline)
        return nil
      } catch { return error }
    }
    guard let failure else { return }
    // A conversation knows no difference.
    throw failure.code == .noReader || failure.code == .disconnected
      ? TransportError(.brokenPipe, failure.operation) : failure
  }

  /// Lends the free part of `buffer` to `body`, which says how many bytes it put there.
  @inline(__always)
  func append(
    to buffer: inout OutputSpan<UInt8>,
    _ body: (UnsafeMutableRawBufferPointer) throws(TransportError) -> Int
  ) throws(TransportError) {
    let failure = unsafe buffer.withUnsafeMutableBufferPointer {
      target, initialized -> TransportError? in
      do throws(TransportError) {
        initialized += try unsafe body(
          .init(UnsafeMutableBufferPointer(rebasing: target[initialized...])))
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
  }

  /// Reads into the free part of `buffer`.
  ///
  /// - Returns: Whether the message has more bytes than fitted.
  func append(
    to buffer: inout OutputSpan<UInt8>, _ mode: ReadMode, deadline: Deadline
  ) throws(TransportError) -> Bool {
    var hasMore = false
    unsafe try append(to: &buffer) { (target) throws(TransportError) in
      let part = try unsafe read(into: target, mode, deadline: deadline)
      hasMore = part.hasMore
      return part.count
    }
    return hasMore
  }

  /// Writes the bytes of a span; see ``write(_:_:noWait:splits:patient:deadline:)``.
  func write(
    _ bytes: Span<UInt8>, noWait: Bool, splits: Bool, deadline: Deadline
  ) throws(TransportError) -> Int {
    let result = unsafe bytes.withUnsafeBytes { bytes -> Result<Int, TransportError> in
      do throws(TransportError) {
        let head = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        return .success(
          try unsafe write(head, bytes, noWait: noWait, splits: splits, deadline: deadline))
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// What stands in the way of a write of no bytes.
  func writeObstacle() -> TransportError? {
    if let error = obstacle("write to the pipe") { return error }
    return peerIsGone() ? TransportError(.noReader, "write to the pipe") : nil
  }
}

extension NamedPipes.Kind {
  /// The conversation for this kind of pipe.
  func conversation(_ link: PipeLink, keeping end: any NamedPipeEnd) -> any Connection {
    switch self {
    case .byte: BytePipeConnection(link, keeping: end)
    case .message: MessagePipeConnection(link, keeping: end)
    }
  }
}
