internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// One bare message queue.
final class NativeQueue: NativeEnd {
  private let role: NativeRole
  private let queue: DescriptorIO
  private let messageSize: Int
  // A message that was longer than the buffer. The kernel itself refuses any buffer that is smaller
  // than the longest message the queue could hold, and leaves the message where it is; here one is
  // refused for the message that is there, so that the probes need not know the queue's size.
  private let kept = Locked<[UInt8]?>(nil)

  init(
    _ role: NativeRole, name: String, _ shape: MessageQueueCalls.Shape
  ) throws(SystemError) {
    self.role = role
    let descriptor: OwnedDescriptor
    switch role {
    case .reader: descriptor = try Self.createOrOpen(name, shape)
    case .writer: descriptor = try MessageQueueCalls.open(name, .send)
    }
    messageSize = try MessageQueueCalls.shape(of: descriptor.raw).messageSize
    queue = DescriptorIO(adopting: descriptor)
  }

  private static func createOrOpen(
    _ name: String, _ shape: MessageQueueCalls.Shape
  ) throws(SystemError) -> OwnedDescriptor {
    do { return try MessageQueueCalls.create(name, .receive, shape) } catch
      where error.code == EEXIST
    {
      return try MessageQueueCalls.open(name, .receive)
    }
  }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    guard role == .writer else { throw TransportError(.notSupported, "write") }
    do throws(SystemError) {
      try unsafe bytes.span.withUnsafeBytes { buffer throws(SystemError) in
        try unsafe MessageQueueCalls.send(buffer, priority: 0, over: queue, deadline: deadline)
      }
      return bytes.count
    } catch { throw queueError(error, "write \(bytes.count) bytes") }
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    guard role == .reader else { throw TransportError(.notSupported, "read") }
    let bytes: [UInt8]
    if let waiting = kept.withLock({ $0.take() }) {
      bytes = waiting
    } else {
      bytes = try next(deadline)
    }
    guard bytes.count <= limit else {
      kept.withLock { $0 = bytes }
      throw TransportError(.moreData, "read", limit: bytes.count)
    }
    return NativeRead(bytes: bytes)
  }

  private func next(_ deadline: Deadline) throws(TransportError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: messageSize)
    do throws(SystemError) {
      var priority: UInt32 = 0
      var span = bytes.mutableSpan
      let count = try unsafe span.withUnsafeMutableBytes { buffer throws(SystemError) in
        try unsafe MessageQueueCalls.receive(
          into: buffer, priority: &priority, from: queue, deadline: deadline)
      }
      bytes.removeLast(messageSize - (count ?? 0))
      return bytes
    } catch { throw queueError(error, "read") }
  }

  var peer: PeerIdentity? { nil }

  func close() { queue.close() }
}
