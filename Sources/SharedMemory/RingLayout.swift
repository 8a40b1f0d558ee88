internal import IPCSystem
internal import Synchronization

/// How two processes share the memory of one conversation.
///
/// One page of header, then per direction a page of control words, the slots, and the ring itself.
/// The memory holds offsets only, never addresses.
///
/// The payload of a message lies in one piece in the ring, at a multiple of 64 bytes. Its commit
/// word stands apart, in the slot whose turn it is: the length of the message, whether it starts at
/// the beginning of the ring, and a phase, which changes with each round of the slots, so that a
/// slot needs no clearing. The consumer polls, or sleeps on, the very word that brings it the
/// message. A short message thus costs the transfer of two cache lines and no more, and sixteen
/// messages in a row share one of them.
enum RingLayout {
  /// First eight bytes of the mapping: “ipclabrn”.
  static let magic: UInt64 = 0x6970_636c_6162_726e
  /// Version of this layout.
  static let version: UInt32 = 2

  /// Alignment of records, in bytes: a cache line.
  static let unit = 64
  /// Bytes of one ring; they fit the 30 bits of a length.
  static let capacity = 8 << 20
  /// Messages that one ring can hold.
  static let slots = 4096
  /// How many bytes may be consumed before the producer is told.
  static let slack = 8 << 10
  /// The longest message, in bytes: a ring that was read empty always has room for it.
  static let maximumMessage = capacity / 2 - (64 << 10)

  // The header page.
  static let magicOffset = 0
  static let versionOffset = 8
  static let policyOffset = 12
  static let capacityOffset = 16
  /// Where a side notes the processor it runs on, plus one; the client's, then the server's.
  static func processorOffset(_ side: Side) -> Int { side == .client ? 128 : 256 }
  /// Where a side says that it takes part in barriers (``RemoteBarrier``): 1 when it does.
  static func barrierOffset(_ side: Side) -> Int { processorOffset(side) + 4 }

  // A control page. The tail has the offset up to which all is consumed in its lower half and the
  // number of messages consumed, modulo 2^32, in the upper. Each word has a line of its own, two apart: lines are fetched in pairs.
  static let tailOffset = 0
  static let consumerSleepsOffset = 128
  static let producerSleepsOffset = 256
  static let itemsOffset = 384
  static let spacesOffset = 512

  static let pageSize = 4096
  /// Bytes of what belongs to one direction.
  private static let direction = pageSize + slots * 4 + capacity
  /// Bytes of the whole mapping.
  static let size = pageSize + 2 * direction

  /// Which end of a conversation.
  enum Side { case client, server }

  /// Start of the control page of the ring that `side` writes.
  static func control(writtenBy side: Side) -> Int {
    side == .client ? pageSize : pageSize + direction
  }

  /// Start of the slots of the ring that `side` writes.
  static func slots(writtenBy side: Side) -> Int { control(writtenBy: side) + pageSize }

  /// Start of the ring that `side` writes.
  static func ring(writtenBy side: Side) -> Int { slots(writtenBy: side) + slots * 4 }

  /// The mark of a message that lies at the start of the ring rather than behind the one before.
  static let fromStart: UInt32 = 2

  /// The lowest bit of the commit word of message `number`.
  @inline(__always)
  static func phase(_ number: UInt32) -> UInt32 {
    (number / UInt32(slots) & 1) ^ 1
  }

  /// Where the slot of message `number` is, from the start of the slots.
  @inline(__always)
  static func slot(_ number: UInt32) -> Int { Int(number % UInt32(slots)) &* 4 }

  /// Bytes of the ring that a message of `count` bytes takes: at least one line, so that the tail
  /// moves with each message.
  @inline(__always)
  static func record(_ count: Int) -> Int {
    max(unit, (count &+ (unit &- 1)) & ~(unit &- 1))
  }

  /// How much of the ring messages with records of `record` bytes use.
  ///
  /// A part that stays in the processor's cache, unless messages are large: walking through the
  /// whole ring would bring every line from memory. More than twice a record, so that an empty ring
  /// has room for it wherever the empty place is.
  @inline(__always)
  static func window(_ record: Int) -> Int {
    min(capacity, max(smallWindow, min(largeWindow, record &* 128), record &* 4))
  }

  private static let smallWindow = 128 << 10
  private static let largeWindow = 512 << 10
}
