internal import Glibc
public import IPCSystem
public import IPCTransport

/// A conversation over shared memory: a ring per direction, and a socket that notices death.
///
/// Messages are copied into the ring and out of it, or written and read in place with the loan
/// calls. No system call is made unless a side has to sleep or the other side sleeps (and none at
/// all with ``WaitPolicy/spin``).
///
/// The socket over which the two sides met stays open. When a process dies or closes, the kernel
/// hangs it up; the other side then reads what was committed, and after that `.endOfFile`.
@safe public final class SharedRingConnection: LoanConnection, @unchecked Sendable {
  // Sendable: `core` says who may touch what; `tether` is under its lock.

  private let core: RingCore
  private let producer: UnsafeMutablePointer<RingProducer>
  private let consumer: UnsafeMutablePointer<RingConsumer>
  private let tether: Locked<Tether?>
  /// The process at the other end, as the kernel recorded it when the two met.
  public let peer: PeerIdentity?

  private struct Tether {
    var descriptor: Int32
    var token: UInt64
  }

  /// Takes over a formatted mapping and the socket to the process at its other side.
  init(
    _ mapping: consuming SharedMapping, side: RingLayout.Side, policy: WaitPolicy,
    tether socket: consuming OwnedDescriptor
  ) throws(SystemError) {
    let core = RingCore(mapping, side: side, policy: policy)
    peer = try LocalSocket.peer(of: socket.raw)
    // The watcher holds the core, not this object: it must not keep it from going away.
    let token = try PeerWatcher.shared.watch(socket.raw) { core.end(RingEnding.peerGone) }
    tether = Locked(Tether(descriptor: socket.release(), token: token))
    self.core = core
    unsafe producer = core.producer
    unsafe consumer = core.consumer
  }

  deinit { close() }

  /// Sends a copy of one message. See ``Connection/send(_:deadline:)``.
  ///
  /// - Throws: `.messageTooLarge` above ``SharedRing/maximumMessage``.
  public func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    let count = message.count
    if count > RingLayout.maximumMessage { throw Self.tooLarge(count) }
    let status = unsafe message.withUnsafeBytes {
      unsafe producer.pointee.send($0, deadline: deadline)
    }
    if status != .ready { throw failure(status, sending: true) }
  }

  /// Receives one message. See ``Connection/receive(into:deadline:)``. A message that does not fit
  /// is kept.
  public func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    let count = unsafe consumer.pointee.next(deadline: deadline)
    if count < 0 { throw failure(count, sending: false) }
    if count > buffer.freeCapacity {
      throw TransportError(.moreData, "receive", limit: count)
    }
    if count > 0 {
      unsafe buffer.withUnsafeMutableBufferPointer { target, initialized in
        unsafe _ = memcpy(
          target.baseAddress.unsafelyUnwrapped + initialized,
          consumer.pointee.payload, count)
        initialized &+= count
      }
    }
    unsafe consumer.pointee.release(count: count)
  }

  /// Lets `fill` write a message directly into the ring. See
  /// ``LoanConnection/send(count:deadline:fill:)``.
  public func send(
    count: Int, deadline: Deadline, fill: (inout MutableSpan<UInt8>) -> Void
  ) throws(TransportError) {
    if count > RingLayout.maximumMessage { throw Self.tooLarge(count) }
    if count < 0 { throw TransportError(.invalidArgument, "send \(count) bytes") }
    let place = unsafe producer.pointee.reserve(count, deadline: deadline)
    if place < 0 { throw failure(place, sending: true) }
    let bytes = unsafe UnsafeMutableRawBufferPointer(
      start: producer.pointee.payload(at: place), count: count)
    var span = unsafe bytes.assumingMemoryBound(to: UInt8.self).mutableSpan
    fill(&span)
    unsafe producer.pointee.commit(at: place, count: count)
  }

  /// Lets `body` read the next message in the ring. See ``LoanConnection/receive(deadline:_:)``.
  public func receive<R>(
    deadline: Deadline, _ body: (Span<UInt8>) -> R
  ) throws(TransportError) -> R {
    let count = unsafe consumer.pointee.next(deadline: deadline)
    if count < 0 { throw failure(count, sending: false) }
    let bytes = unsafe UnsafeRawBufferPointer(
      start: consumer.pointee.payload, count: count)
    defer { unsafe consumer.pointee.release(count: count) }
    return body(unsafe bytes.assumingMemoryBound(to: UInt8.self).span)
  }

  /// Waits until a message can be read, and leaves it there. For the receiving thread.
  func waitUntilReadable(deadline: Deadline) throws(TransportError) {
    let count = unsafe consumer.pointee.next(deadline: deadline)
    if count < 0 { throw failure(count, sending: false) }
  }

  /// Ends the conversation. See ``Connection/close()``. What was sent before can still be read at
  /// the other end.
  public func close() {
    core.end(RingEnding.closed)
    hangUp()
  }

  private func hangUp() {
    let held = tether.withLock { tether in
      defer { tether = nil }
      return tether
    }
    guard let held else { return }
    PeerWatcher.shared.stop(held.token)
    OwnedDescriptor(adopting: held.descriptor).close()
  }

  // MARK: - Errors, off the fast path

  @inline(never)
  private static func tooLarge(_ count: Int) -> TransportError {
    TransportError(
      .messageTooLarge, "send \(count) bytes", limit: RingLayout.maximumMessage,
      remedy: "Send it in parts; a message must fit into half a ring.")
  }

  @inline(never)
  private func failure(_ raw: Int, sending: Bool) -> TransportError {
    failure(RingStatus(rawValue: raw) ?? .violation, sending: sending)
  }

  @inline(never)
  private func failure(_ status: RingStatus, sending: Bool) -> TransportError {
    let operation = sending ? "send" : "receive"
    switch status {
    case .ready, .violation:
      // The other end sees us hang up, and nothing else happens to either.
      core.end(RingEnding.violated)
      hangUp()
      return TransportError(.protocolViolation, operation)
    case .timedOut:
      return TransportError(.timedOut, operation)
    case .ended:
      let reasons = core.reasons
      if reasons & RingEnding.closed != 0 { return TransportError(.closed, operation) }
      if reasons & RingEnding.violated != 0 {
        return TransportError(.protocolViolation, operation)
      }
      return TransportError(sending ? .brokenPipe : .endOfFile, operation)
    }
  }
}
