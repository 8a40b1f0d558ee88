public import IPCSystem

/// A buffer for one message at a time, with room around the message for what a mechanism puts there.
///
/// With plain memory some mechanisms have to copy: a byte stream sends and receives a header in front
/// of each message, and a message queue wants room for the longest message it could hold, whatever
/// comes. ``Connection/makeBuffer(capacity:)`` makes one that suits the mechanism best; every
/// connection takes every buffer.
@safe public struct MessageBuffer: ~Copyable {
  /// How many bytes in front of a message belong to the mechanism.
  public static let headRoom = 64

  /// Longest message, in bytes.
  public let capacity: Int
  /// How many bytes from ``start`` on a mechanism may use while it receives; never less than
  /// ``capacity``.
  public let room: Int
  /// Where the message begins.
  public let start: UnsafeMutableRawPointer
  private let memory: UnsafeMutableRawPointer

  /// Length of the message, in bytes. A receive sets it.
  public package(set) var count: Int

  /// Creates a buffer with a message of `capacity` zeros.
  ///
  /// - Parameter room: As ``room``; more than `capacity` where a mechanism needs it.
  public init(capacity: Int, room: Int = 0) {
    precondition(capacity >= 0, "a buffer of negative size")
    self.capacity = capacity
    self.room = max(capacity, room)
    count = capacity
    // In the middle of a page: the kernel puts what is written to a pipe, header first, where a page
    // begins. Where the distance between the places that a copy reads and writes is a little less
    // than a page, processors take each read to depend on the write before (measured: a round trip of
    // 4 KiB takes a quarter longer).
    let page = 4096
    unsafe memory = .allocate(byteCount: page / 2 + self.room, alignment: page)
    unsafe start = memory + page / 2
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: self.room)
  }

  deinit { unsafe memory.deallocate() }

  /// Makes the message longer or shorter. What is new holds what was there before.
  public mutating func resize(to count: Int) {
    precondition(0 <= count && count <= capacity, "a message longer than its buffer")
    self.count = count
  }

  /// The message.
  @inlinable public var bytes: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: start, count: count)
  }
}

extension Connection {
  /// A buffer without more room than each has.
  public func makeBuffer(capacity: Int) -> MessageBuffer { MessageBuffer(capacity: capacity) }

  /// Sends the bytes of the message.
  @inlinable @inline(__always)
  public func send(_ message: inout MessageBuffer, deadline: Deadline) throws(TransportError) {
    let bytes = unsafe message.bytes.assumingMemoryBound(to: UInt8.self)
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
