internal import IPCSystem
internal import Synchronization

/// How two processes share the memory of one conversation.
///
/// One page of header, then per direction one page of control words and the ring itself. The memory
/// holds offsets only, never addresses.
///
/// A ring is a row of records. A record starts at a multiple of 64 bytes with its commit word: 0
/// while it is not there, else the length of the message and a mark. The payload of a short message
/// follows in the same cache line; a longer one starts at the next line, so that it is aligned. The
/// producer clears the commit word behind a record before it commits the record: the consumer polls,
/// or sleeps on, the very word that brings it the message, and a message costs no more transfers of
/// cache lines than it has lines.
enum RingLayout {
  /// First eight bytes of the mapping: “ipclabrn”.
  static let magic: UInt64 = 0x6970_636c_6162_726e
  /// Version of this layout.
  static let version: UInt32 = 1

  /// Alignment of records, in bytes: a cache line.
  static let unit = 64
  /// Bytes of one ring.
  static let capacity = 8 << 20
  /// How many bytes may be consumed before the producer is told.
  static let slack = 8 << 10
  /// The longest message, in bytes: a ring that was read empty always has room for it.
  static let maximumMessage = capacity / 2 - (64 << 10)
  /// A payload up to this size lies in the line of its commit word, at `shortOffset`.
  static let shortMessage = 56
  static let shortOffset = 8

  // The header page.
  static let magicOffset = 0
  static let versionOffset = 8
  static let policyOffset = 12
  static let capacityOffset = 16
  /// Where a side notes the processor it runs on, plus one; the client's, then the server's.
  static func processorOffset(_ side: Side) -> Int { side == .client ? 128 : 256 }

  // A control page. Each word has a line of its own, two apart: lines are fetched in pairs.
  static let tailOffset = 0
  static let consumerSleepsOffset = 128
  static let producerSleepsOffset = 256
  static let itemsOffset = 384
  static let spacesOffset = 512

  static let pageSize = 4096
  /// Bytes of the whole mapping.
  static let size = pageSize + 2 * (pageSize + capacity)

  /// Which end of a conversation.
  enum Side { case client, server }

  /// Start of the control page of the ring that `side` writes.
  static func control(writtenBy side: Side) -> Int {
    side == .client ? pageSize : 2 * pageSize + capacity
  }

  /// Start of the ring that `side` writes.
  static func ring(writtenBy side: Side) -> Int { control(writtenBy: side) + pageSize }

  /// The commit word that sends the consumer back to the start of the ring.
  static let wrap: UInt32 = 3

  /// The commit word of a message of `count` bytes.
  @inline(__always)
  static func commit(_ count: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: count) << 2 | 1
  }

  /// Bytes of the record of a message of `count` bytes.
  @inline(__always)
  static func record(_ count: Int) -> Int {
    count <= shortMessage ? unit : unit &+ ((count &+ (unit &- 1)) & ~(unit &- 1))
  }

  /// Where the payload starts within its record.
  @inline(__always)
  static func payload(_ count: Int) -> Int { count <= shortMessage ? shortOffset : unit }

  /// How much of the ring messages with records of `record` bytes use.
  ///
  /// A part that stays in the processor's cache, unless messages are large: walking through the
  /// whole ring would bring every line from memory. At least twice a record and its successor's
  /// commit word, so that an empty ring has room for it wherever the empty place is.
  @inline(__always)
  static func window(_ record: Int) -> Int {
    min(capacity, max(smallWindow, record &* 16))
  }

  private static let smallWindow = 128 << 10
}
