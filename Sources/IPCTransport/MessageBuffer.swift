public import IPCSystem

/// A buffer for one message at a time, with room around it for what a mechanism puts there.
///
/// With plain memory some mechanisms have to copy: a byte stream sends and receives a header in front
/// of each message, and a message queue wants room for the longest message it could hold, whatever
/// comes. ``Connection/makeBuffer(capacity:)`` makes a buffer that suits the mechanism best; every
/// connection takes every buffer.
///
/// The message begins in the middle of a page. What is written to a pipe, the kernel puts where a page
/// begins, a header first. Where a copy reads a little behind where it has just written, modulo the
/// size of a page, processors take that for a dependency, and it takes longer (measured: a round trip
/// of 4 KiB a quarter, copying 64 KiB two and a half times).
@safe public struct MessageBuffer: ~Copyable {
  /// How many bytes in front of a message belong to the mechanism.
  package static let headRoom = 2048

  /// Longest message, in bytes.
  public let capacity: Int
  /// Length of the message, in bytes. A receive sets it.
  public internal(set) var count: Int

  /// Where the message begins.
  @usableFromInline package let start: UnsafeMutableRawPointer
  /// How many bytes from `start` on a mechanism may use while it receives: `capacity` or more.
  package let room: Int

  /// Creates a buffer with a message of `capacity` zeros.
  public init(capacity: Int) { self.init(capacity: capacity, room: capacity) }

  /// - Parameter room: As the property; less than `capacity` counts as that.
  package init(capacity: Int, room: Int) {
    precondition(capacity >= 0, "a buffer of negative size")
    self.capacity = capacity
    self.room = max(capacity, room)
    count = capacity
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.headRoom + self.room, alignment: 2 * Self.headRoom)
    unsafe start = memory.baseAddress.unsafelyUnwrapped + Self.headRoom
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: self.room)
  }

  deinit { unsafe (start - Self.headRoom).deallocate() }

  /// Makes the message longer or shorter. What is new holds what was there before.
  ///
  /// - Precondition: `count` is not above ``capacity``.
  public mutating func resize(to count: Int) {
    precondition(0 <= count && count <= capacity, "a message longer than its buffer")
    self.count = count
  }

  /// Lets `body` read the message.
  public func withBytes<R>(_ body: (Span<UInt8>) throws -> R) rethrows -> R {
    let bytes = unsafe memory.assumingMemoryBound(to: UInt8.self)
    return try body(unsafe bytes.span)
  }

  /// Lets `body` write the message.
  public mutating func withMutableBytes<R>(
    _ body: (inout MutableSpan<UInt8>) throws -> R
  ) rethrows -> R {
    var span = unsafe memory.assumingMemoryBound(to: UInt8.self).mutableSpan
    return try body(&span)
  }

  /// The message as raw memory.
  @inlinable package var memory: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: start, count: count)
  }
}

extension Connection {
  /// A buffer that suits every mechanism without needs of its own.
  public func makeBuffer(capacity: Int) -> MessageBuffer { MessageBuffer(capacity: capacity) }

  /// Sends the bytes of the message.
  @inlinable @inline(__always)
  public func send(_ message: inout MessageBuffer, deadline: Deadline) throws(TransportError) {
    let bytes = unsafe message.memory.assumingMemoryBound(to: UInt8.self)
    try unsafe send(bytes.span, deadline: deadline)
  }

  /// Receives into the memory of the message.
  @inlinable @inline(__always)
  public func receive(
    into message: inout MessageBuffer, deadline: Deadline
  ) throws(TransportError) {
    let target = unsafe UnsafeMutableBufferPointer(
      start: message.start.assumingMemoryBound(to: UInt8.self), count: message.capacity)
    var output = unsafe OutputSpan(buffer: target, initializedCount: 0)
    do {
      try receive(into: &output, deadline: deadline)
    } catch {
      _ = unsafe output.finalize(for: target)
      throw error
    }
    message.resize(to: unsafe output.finalize(for: target))
  }
}
