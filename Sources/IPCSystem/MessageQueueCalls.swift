public import CIPCShims
public import Glibc

/// POSIX message queues. On Linux a queue's handle is a file descriptor.
public enum MessageQueueCalls {
  /// What may be done with an opened queue.
  public enum Access: Sendable {
    /// Receive.
    case receive
    /// Send.
    case send
    /// Both.
    case both

    var flags: Int32 {
      switch self {
      case .receive: O_RDONLY
      case .send: O_WRONLY
      case .both: O_RDWR
      }
    }
  }

  /// How many messages of which size a queue holds.
  public struct Shape: Sendable, Hashable {
    /// Most messages.
    public var depth: Int
    /// Longest message, in bytes.
    public var messageSize: Int

    /// Creates a shape.
    public init(depth: Int, messageSize: Int) {
      self.depth = depth
      self.messageSize = messageSize
    }

    /// The largest queue this system lets an ordinary process make, from `/proc/sys/fs/mqueue`.
    public static func largest() -> Shape {
      Shape(
        depth: setting("/proc/sys/fs/mqueue/msg_max") ?? 10,
        messageSize: setting("/proc/sys/fs/mqueue/msgsize_max") ?? 8192)
    }

    /// This shape, or a shallower one of which `count` fit into `bytes`.
    public func fitting(_ count: Int, into bytes: Int) -> Shape {
      // The kernel counts a pointer and a tree node per message besides the message.
      let share = bytes / max(1, count) / (messageSize + 128)
      return Shape(depth: max(1, min(depth, share)), messageSize: messageSize)
    }

    private static func setting(_ path: String) -> Int? {
      let raw = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
      guard raw >= 0 else { return nil }
      let file = OwnedDescriptor(adopting: raw)
      var bytes = [UInt8](repeating: 0, count: 32)
      let count = unsafe Glibc.read(file.raw, &bytes, bytes.count)
      guard count > 0 else { return nil }
      return Int(String(decoding: bytes.prefix(count).prefix { $0 > 32 }, as: UTF8.self))
    }
  }

  // Room for some hundreds of queues of the default size.
  private static let wantedBytes = 64 << 20

  /// How many bytes all queues of this user together may take (`RLIMIT_MSGQUEUE`), after raising
  /// the limit of this process as far as it may. Children inherit it.
  public static func raiseByteLimit() -> Int { cipc_mq_byte_limit(wantedBytes) }

  /// Creates a queue for this user only. Wraps `mq_open(3)` with `O_CREAT | O_EXCL`.
  ///
  /// When it does not fit into what ``raiseByteLimit()`` gives, it is made shallower, down to a
  /// depth of one message; ``shape(of:)`` says what it became.
  ///
  /// - Throws: `EEXIST` when there is such a queue, `EMFILE` when not even one message fits into the
  ///   limit.
  public static func create(
    _ name: String, _ access: Access, _ shape: Shape
  ) throws(SystemError) -> OwnedDescriptor {
    _ = raiseByteLimit()
    var shape = shape
    while true {
      do { return try createOnce(name, access, shape) } catch {
        guard error.code == EMFILE, shape.depth > 1 else { throw error }
        shape.depth /= 2
      }
    }
  }

  private static func createOnce(
    _ name: String, _ access: Access, _ shape: Shape
  ) throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(
      adopting: try checked("mq_open") {
        unsafe cipc_mq_create(name, access.flags, 0o600, shape.depth, shape.messageSize)
      })
  }

  /// Opens a queue. Wraps `mq_open(3)`.
  ///
  /// - Throws: `ENOENT` when there is none of this name.
  public static func open(_ name: String, _ access: Access) throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try checked("mq_open") { unsafe cipc_mq_open(name, access.flags) })
  }

  /// Removes a name; who has the queue open keeps it. Wraps `mq_unlink(3)`.
  public static func unlink(_ name: String) { unsafe _ = cipc_mq_unlink(name) }

  /// How large the queue is. Wraps `mq_getattr(3)`.
  ///
  /// - Throws: `EBADF` when the descriptor is not a message queue.
  public static func shape(of queue: Int32) throws(SystemError) -> Shape {
    var (depth, size, queued) = (0, 0, 0)
    try checked("mq_getattr") { unsafe cipc_mq_limits(queue, &depth, &size, &queued) }
    return Shape(depth: depth, messageSize: size)
  }

  /// Sends a message. Wraps `mq_timedsend(2)`; higher priorities are received first.
  @inlinable @inline(__always)
  public static func send(
    _ bytes: UnsafeRawBufferPointer, priority: UInt32, over queue: DescriptorIO, deadline: Deadline
  ) throws(SystemError) {
    _ = try queue.perform("mq_send", .write, deadline: deadline) {
      unsafe cipc_mq_send_priority($0, bytes.baseAddress, bytes.count, priority, nil) == 0 ? 1 : -1
    }
  }

  /// Receives a message into a buffer of at least the queue's message size. Wraps
  /// `mq_timedreceive(2)`.
  ///
  /// - Parameter atEnd: Asked before the call; when it answers yes, an empty queue is not waited for
  ///   but gives `nil`.
  @inlinable @inline(__always)
  public static func receive(
    into buffer: UnsafeMutableRawBufferPointer, priority: inout UInt32, from queue: DescriptorIO,
    deadline: Deadline, atEnd: () -> Bool = { false }
  ) throws(SystemError) -> Int? {
    let length = try queue.perform("mq_receive", .read, deadline: deadline) { descriptor in
      guard atEnd() else {
        return unsafe cipc_mq_receive_priority(
          descriptor, buffer.baseAddress, buffer.count, &priority, nil)
      }
      let result = unsafe receiveAtOnce(descriptor, buffer, &priority)
      return result == -1 && (errno == ETIMEDOUT || errno == EAGAIN) ? Int.max : result
    }
    return length == Int.max ? nil : length
  }

  /// Puts a message of no bytes and the lowest priority into a queue unless it is full: who waits
  /// there wakes, after everything that was queued before.
  public static func post(to queue: Int32) {
    var past = timespec()
    unsafe _ = cipc_mq_send_priority(queue, nil, 0, 0, &past)
  }

  /// Throws away what is queued: who waits for room wakes.
  public static func drain(_ queue: Int32) {
    guard let size = try? shape(of: queue).messageSize else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { unsafe buffer.deallocate() }
    var priority: UInt32 = 0
    while unsafe receiveAtOnce(queue, buffer, &priority) >= 0 {}
  }

  @usableFromInline
  static func receiveAtOnce(
    _ queue: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ priority: inout UInt32
  ) -> Int {
    var past = timespec()
    return unsafe cipc_mq_receive_priority(
      queue, buffer.baseAddress, buffer.count, &priority, &past)
  }
}
