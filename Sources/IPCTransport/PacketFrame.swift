/// The header of one packet of a mailslot: a 64-bit little-endian number, then eight bytes of zeros.
///
/// The zeros keep the payload at a multiple of 16 bytes in the kernel's buffer, as it is in the
/// user's: with eight bytes less, copying 32 KiB takes half as long again (measured).
///
/// A message travels as one frame or several, each with at most ``maximumPayload`` bytes. Bits 0 to
/// 6 hold the kind, bit 7 says that a message begins, the other 56 hold how many bytes of the
/// message there are from this frame on, this frame's own included. The last frame is thus the one
/// whose payload is as long as that number. A message of no bytes is one frame without payload, and
/// cannot be taken for end of file.
///
/// A frame that begins a message while another is incomplete says that the writer gave that one up.
public struct PacketFrame: Equatable, Sendable {
  /// What a frame carries. Zero is no kind, so that a packet of zeros is refused.
  public enum Kind: UInt8, Sendable {
    /// Bytes that were written.
    case data = 1
  }

  /// Size of the header in bytes.
  public static let headerSize = 16
  /// Most bytes of a message that one frame carries: 64 KiB and a prefix of 16 bytes.
  ///
  /// The kernel makes the buffer of such a packet from pages that need not lie together. One that is
  /// much longer needs many that do, and fails when memory is fragmented.
  public static let maximumPayload = 64 * 1024 + 16
  /// Longest message in bytes.
  public static let maximumMessage = (1 << 55) - 1

  private static let kindMask: UInt64 = 0x7f
  private static let firstBit: UInt64 = 0x80
  private static let remainingShift: UInt64 = 8

  /// What the frame carries.
  public var kind: Kind
  /// Whether a message begins here.
  public var isFirst: Bool
  /// Bytes of the message from here on.
  public var remaining: Int

  /// Creates a header.
  @inline(__always)
  public init(kind: Kind = .data, isFirst: Bool, remaining: Int) {
    self.kind = kind
    self.isFirst = isFirst
    self.remaining = remaining
  }

  /// Reads a header that came with `payload` bytes behind it.
  ///
  /// - Parameter expected: How many bytes are missing of the message begun before, `nil` when none
  ///   is incomplete.
  /// - Returns: `nil` when no correct writer sends this here.
  @inline(__always)
  public init?(decoding word: UInt64, payload: Int, expected: Int?) {
    guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: word & Self.kindMask)) else {
      return nil
    }
    self.kind = kind
    isFirst = word & Self.firstBit != 0
    remaining = Int(truncatingIfNeeded: word >> Self.remainingShift)
    guard remaining <= Self.maximumMessage, payload >= 0, payload <= Self.maximumPayload,
      payload <= remaining, payload > 0 || remaining == 0
    else { return nil }
    if !isFirst && remaining != expected { return nil }
  }

  /// The header's number; store it little-endian.
  @inline(__always)
  public var encoded: UInt64 {
    UInt64(kind.rawValue) | (isFirst ? Self.firstBit : 0)
      | UInt64(remaining) << Self.remainingShift
  }
}
