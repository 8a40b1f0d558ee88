internal import Glibc
public import IPCSystem
public import IPCTransport

/// A conversation over two message queues, one per direction.
///
/// One system call per message either way. When the peer is gone, the tether's watcher puts a
/// message of the lowest priority into the queue this side receives from, which wakes a receiver
/// after all that was queued before, and empties the queue this side sends to, which wakes a sender.
@safe public final class QueueConnection: Connection, @unchecked Sendable {
  // Sendable: `spare`, `kept` and `ended` are touched by the one receiving thread only, as
  // `Connection` demands; the rest never changes.

  /// The longest message that a peer may make a queue for, in bytes: what the kernel allows at all.
  static let longestMessage = 16 << 20
  private static let dataPriority: UInt32 = 1

  private let input: DescriptorIO
  private let output: DescriptorIO
  private let tether: Tether
  private let maximumMessage: Int

  // The kernel wants a buffer for the longest message, whatever comes. A smaller buffer of the
  // caller's is filled from this one, and a message that does not fit waits here.
  private let spare: UnsafeMutableRawBufferPointer
  private var kept: Int?
  private var ended = false

  /// Takes over two queues and the connection that tells when the peer is gone.
  init(
    input: consuming OwnedDescriptor, output: consuming OwnedDescriptor,
    tether: consuming OwnedDescriptor, shape: MessageQueueCalls.Shape
  ) throws(SystemError) {
    try Descriptors.setNonblocking(input.raw, false)
    try Descriptors.setNonblocking(output.raw, false)
    let input = DescriptorIO(adopting: input)
    let output = DescriptorIO(adopting: output)
    self.input = input
    self.output = output
    self.tether = Tether(adopting: tether)
    maximumMessage = shape.messageSize
    unsafe spare = .allocate(byteCount: shape.messageSize, alignment: 16)
    try self.tether.whenGone {
      MessageQueueCalls.post(to: input.descriptor)
      MessageQueueCalls.drain(output.descriptor)
    }
  }

  deinit {
    close()
    unsafe spare.deallocate()
  }

  /// Sends one message. See ``Connection/send(_:deadline:)``. Here: `mq_timedsend(2)`.
  ///
  /// A sender that waits for room when the peer dies is woken and its message is lost with the queue;
  /// the next call reports `.brokenPipe`.
  ///
  /// - Throws: `.messageTooLarge` with the limit, which is `fs.mqueue.msgsize_max`.
  public func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    if tether.isGone { throw TransportError(.brokenPipe, "send \(message.count) bytes") }
    try unsafe message.withUnsafeBytes { bytes throws(TransportError) in
      do throws(SystemError) {
        unsafe try MessageQueueCalls.send(
          bytes, priority: Self.dataPriority, over: output, deadline: deadline)
      } catch {
        if error.code == EMSGSIZE {
          throw TransportError(
            .messageTooLarge, "send \(bytes.count) bytes", system: error, limit: maximumMessage,
            remedy: "The limit is fs.mqueue.msgsize_max.")
        }
        throw TransportError(error, "send \(bytes.count) bytes")
      }
    }
  }

  /// Receives one message. See ``Connection/receive(into:deadline:)``. Here: `mq_timedreceive(2)`.
  ///
  /// - Throws: `.moreData` when the message is longer than the buffer; it is kept.
  public func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    try unsafe buffer.withUnsafeMutableBufferPointer {
      target, initialized throws(TransportError) in
      let free = unsafe UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(rebasing: target[initialized...]))
      initialized += try unsafe take(free, capacity: free.count, deadline)
    }
  }

  /// A buffer with room for the longest message, as the kernel wants it: nothing is copied again.
  public func makeBuffer(capacity: Int) -> MessageBuffer {
    MessageBuffer(capacity: capacity, room: maximumMessage)
  }

  /// Receives one message. See ``Connection/receive(into:deadline:)``. Here: `mq_timedreceive(2)`.
  ///
  /// - Throws: `.moreData` when the message is longer than the buffer's capacity; it is kept.
  public func receive(
    into message: inout MessageBuffer, deadline: Deadline
  ) throws(TransportError) {
    let room = unsafe UnsafeMutableRawBufferPointer(start: message.start, count: message.room)
    message.resize(to: try unsafe take(room, capacity: message.capacity, deadline))
  }

  /// Receives one message of at most `capacity` bytes into `room`, which may be larger.
  @inline(__always)
  private func take(
    _ room: UnsafeMutableRawBufferPointer, capacity: Int, _ deadline: Deadline
  ) throws(TransportError) -> Int {
    if kept == nil, room.count >= maximumMessage {
      let count = try unsafe next(room, deadline)
      if count <= capacity { return count }
      unsafe spare.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[..<count]))
      kept = count
    }
    return try unsafe takeKept(room, capacity, deadline)
  }

  /// The same by way of `spare`.
  @inline(never)
  private func takeKept(
    _ room: UnsafeMutableRawBufferPointer, _ capacity: Int, _ deadline: Deadline
  ) throws(TransportError) -> Int {
    if input.isClosed { throw TransportError(.closed, "receive") }
    let count: Int
    if let kept { count = kept } else { count = try unsafe next(spare, deadline) }
    guard count <= capacity else {
      kept = count
      throw TransportError(.moreData, "receive", limit: count)
    }
    kept = nil
    unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: spare[..<count]))
    return count
  }

  @inline(__always)
  private func next(
    _ target: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(TransportError) -> Int {
    if ended { throw TransportError(input.isClosed ? .closed : .endOfFile, "receive") }
    var priority: UInt32 = 0
    let count: Int?
    do throws(SystemError) {
      count = try unsafe MessageQueueCalls.receive(
        into: target, priority: &priority, from: input, deadline: deadline
      ) { tether.isGone }
    } catch { throw TransportError(error, "receive") }
    // Without priority: the watcher's mark, or a peer's that breaks the protocol.
    guard let count, priority >= Self.dataPriority else {
      ended = true
      throw TransportError(.endOfFile, "receive")
    }
    return count
  }

  /// Ends the conversation. See ``Connection/close()``.
  public func close() {
    tether.close()
    input.close()
    output.close()
  }

  /// The process at the other end, as the tether's kernel record says.
  public var peer: PeerIdentity? { tether.peer }
}
