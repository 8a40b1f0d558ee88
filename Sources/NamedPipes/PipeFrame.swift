/// The header of a frame: what a pipe's ring is made of.
///
/// A message is one frame, or several: when it is longer than the ring has room for at once, or when
/// its reader begins while the rest is still being copied. The header is written by the peer, who may
/// write anything: ``init(decoding:_:available:expected:)`` accepts only what can be followed safely.
struct PipeFrame: Equatable {
  /// Size of the encoded header; frames begin at multiples of this.
  static let headerSize = 16
  /// The longest message that a header can describe.
  static let longestMessage = 1 << 46
  /// How many cancellable messages a direction has at a time.
  static let slots = 16

  private static let magic: UInt64 = 0xF1
  private static let noSlot: UInt64 = 0xFF
  private static let lengthMask: UInt64 = 0xFFFF_FFFF
  private static let followed: UInt64 = 1 << 48
  private static let unused: UInt64 = 0x00FE_0000_0000_0000

  /// What the bytes behind the header are.
  enum Kind: UInt64 {
    /// The first part of a message, or all of it.
    case first = 1
    /// A further part of a message.
    case rest = 2
    /// Nothing: the ring goes on behind them.
    case skip = 3
  }

  /// What it is.
  var kind: Kind
  /// Bytes behind the header.
  var length: Int
  /// Bytes of the message from this frame on.
  var remaining: Int
  /// The word in which the message's writer and reader agree who of them comes first when the writer
  /// takes the message back; `nil` for a message that is not taken back any more.
  var slot: Int?
  /// Whether the next part is about to come, whatever the reader does: its room is taken.
  var isFollowed: Bool

  init(
    _ kind: Kind, length: Int, remaining: Int, slot: Int? = nil, isFollowed: Bool = false
  ) {
    self.kind = kind
    self.length = length
    self.remaining = remaining
    self.slot = slot
    self.isFollowed = isFollowed
  }

  /// What a frame with so many bytes takes in the ring.
  @inline(__always)
  static func space(_ length: Int) -> Int { headerSize + (length + 15) & ~15 }

  /// The header's two words.
  @inline(__always)
  var encoded: (UInt64, UInt64) {
    let slot = slot.map { UInt64($0) } ?? Self.noSlot
    let word = UInt64(length) | kind.rawValue << 32 | slot << 40 | Self.magic << 56
    return (word | (isFollowed ? Self.followed : 0), UInt64(remaining))
  }

  /// Understands a header.
  ///
  /// - Parameters:
  ///   - available: Bytes of the ring from the header's beginning on that may be read: up to the
  ///     writer's position and the ring's end.
  ///   - expected: What a further part must say is remaining; 0 when a message must begin.
  /// - Returns: `nil` for anything that a writer of this project does not write.
  @inline(__always)
  init?(decoding word: UInt64, _ remaining: UInt64, available: Int, expected: Int) {
    let length = Int(word & Self.lengthMask)
    guard word >> 56 == Self.magic, word & Self.unused == 0,
      let kind = Kind(rawValue: word >> 32 & 0xFF), Self.space(length) <= available,
      remaining <= UInt64(Self.longestMessage)
    else { return nil }
    let slot = word >> 40 & 0xFF
    self.init(
      kind, length: length, remaining: Int(remaining), slot: slot == Self.noSlot ? nil : Int(slot),
      isFollowed: word & Self.followed != 0)
    guard slot == Self.noSlot || slot < UInt64(Self.slots) else { return nil }
    switch kind {
    case .first: if expected != 0 || length > self.remaining { return nil }
    case .rest: if expected == 0 || self.remaining != expected || length > expected { return nil }
    case .skip: return
    }
    // A part that brings nothing would let a writer keep a reader busy for ever.
    if length == 0 && self.remaining != 0 { return nil }
  }
}
