internal import IPCSystem
internal import Synchronization

/// What both ends of a connected pipe share beside the sockets: for each direction a ring of frames,
/// the counters that peek, flush and the quota need, and the flags of who sleeps.
///
/// The server makes it, sealed against resizing, and hands it over when a client connects. Every
/// word is written by one side only, but for the flags that say who sleeps and the slots. The peer
/// may write anything anywhere: what is read here is checked before it is followed, and can at worst
/// spoil this conversation.
@safe final class PipeMemory: Sendable {
  /// Which end of the pipe.
  enum Side: Int, Sendable {
    case server = 0
    case client = 1

    var other: Side { self == .server ? .client : .server }
  }

  /// What an end says of itself.
  enum EndState: UInt32 {
    case open = 0
    /// The server has ended the connection: what was not read is gone.
    case disconnected = 1
    /// The end was closed; what it wrote can be read.
    case closed = 2
  }

  /// Sizes of the two rings, in bytes.
  struct Sizes: Equatable {
    var byServer: Int
    var byClient: Int

    /// Rings for these quotas.
    init(serverQuota: Int, clientQuota: Int) {
      byServer = Self.ring(serverQuota)
      byClient = Self.ring(clientQuota)
    }

    /// Sizes that a server named; `nil` when they are none that it could have chosen.
    init?(byServer: UInt64, byClient: UInt64) {
      func isRing(_ size: UInt64) -> Bool {
        size >= UInt64(Self.smallest) && size <= UInt64(Self.largest) && size & (size - 1) == 0
      }
      guard isRing(byServer), isRing(byClient) else { return nil }
      self.byServer = Int(byServer)
      self.byClient = Int(byClient)
    }

    static let smallest = 4 * 1024 * 1024
    static let largest = 64 * 1024 * 1024

    /// Room for what is within the quota, with what each message takes beside its bytes (a quota of up
    /// to 128 KiB can be used up in messages of one byte), and for messages much longer than the quota:
    /// those are there at once too, only their writer waits. Memory that is never touched costs
    /// nothing, but counts against the largest file that a process may make (`RLIMIT_FSIZE`).
    private static func ring(_ quota: Int) -> Int {
      var size = smallest
      while size < 2 * quota && size < largest { size *= 2 }
      return size
    }

    var total: Int { PipeMemory.controlSize + byServer + byClient }
  }

  static let controlSize = 4096
  private static let stateOffset = 64
  private static let directionOffset = 1024
  private static let directionSize = 1024

  private let mapping: SharedMapping
  private let sizes: Sizes

  init(mapping: consuming SharedMapping, sizes: Sizes) {
    self.mapping = mapping
    self.sizes = sizes
  }

  /// What an end says of itself. A word that makes no sense counts as closed.
  func state(of side: Side) -> EndState {
    EndState(rawValue: unsafe stateWord(side).pointee.load(ordering: .acquiring)) ?? .closed
  }

  func setState(of side: Side, _ state: EndState) {
    unsafe stateWord(side).pointee.store(state.rawValue, ordering: .sequentiallyConsistent)
  }

  private func stateWord(_ side: Side) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe mapping.address(at: Self.stateOffset * (1 + side.rawValue), length: 4)
      .assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// What `side` writes. Valid as long as this object.
  func direction(writtenBy side: Side) -> PipeDirection {
    let control = Self.directionOffset + side.rawValue * Self.directionSize
    let ring = Self.controlSize + (side == .server ? 0 : sizes.byServer)
    let size = side == .server ? sizes.byServer : sizes.byClient
    return unsafe PipeDirection(
      control: mapping.address(at: control, length: Self.directionSize),
      ring: mapping.address(at: ring, length: size), size: size)
  }
}

/// One direction's ring and words.
@safe struct PipeDirection: @unchecked Sendable {
  // Sendable: the words are atomic; who may touch which bytes of the ring is the rings' protocol.
  private let control: UnsafeMutableRawPointer
  /// The ring's bytes.
  let ring: UnsafeMutableRawPointer
  /// The ring's size, a power of two.
  let size: Int

  init(control: UnsafeMutableRawPointer, ring: UnsafeMutableRawPointer, size: Int) {
    unsafe self.control = control
    unsafe self.ring = ring
    self.size = size
  }

  @inline(__always)
  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (control + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  @inline(__always)
  private func half(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (control + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  // Written by the writer.

  /// Where the next frame goes: bytes since the beginning.
  var tail: UnsafeMutablePointer<Atomic<UInt64>> {
    @inline(__always) get { unsafe word(0) }
  }
  /// Bytes written and not taken back.
  var queuedBytes: UnsafeMutablePointer<Atomic<UInt64>> {
    @inline(__always) get { unsafe word(8) }
  }
  /// The processor, plus one, on which the last message was written.
  var writerProcessor: UnsafeMutablePointer<Atomic<UInt32>> {
    @inline(__always) get { unsafe half(16) }
  }
  /// At how many consumed bytes the sleeping writer wants to be woken.
  var wakeAt: UnsafeMutablePointer<Atomic<UInt64>> {
    @inline(__always) get { unsafe word(64) }
  }
  /// 1 while the writer sleeps; whoever wakes it makes it 0.
  var writerSleeps: UnsafeMutablePointer<Atomic<UInt32>> {
    @inline(__always) get { unsafe half(72) }
  }

  // Written by the reader.

  /// Up to where the ring is free again.
  var head: UnsafeMutablePointer<Atomic<UInt64>> {
    @inline(__always) get { unsafe word(128) }
  }
  /// Bytes read.
  var consumedBytes: UnsafeMutablePointer<Atomic<UInt64>> {
    @inline(__always) get { unsafe word(136) }
  }
  /// Messages read completely, or skipped because they were taken back.
  var passedMessages: UnsafeMutablePointer<Atomic<UInt64>> {
    @inline(__always) get { unsafe word(144) }
  }
  /// The processor, plus one, on which something was read last.
  var readerProcessor: UnsafeMutablePointer<Atomic<UInt32>> {
    @inline(__always) get { unsafe half(152) }
  }
  /// How many bytes the reads that wait will take: those do not count against the quota.
  var wantedBytes: UnsafeMutablePointer<Atomic<UInt64>> {
    @inline(__always) get { unsafe word(192) }
  }
  /// 1 while the reader sleeps; whoever wakes it makes it 0.
  var readerSleeps: UnsafeMutablePointer<Atomic<UInt32>> {
    @inline(__always) get { unsafe half(200) }
  }

  // Written by both.

  /// Marks a message as taken back, in its slot; the other bits count its bytes that were read.
  static let takenBack: UInt64 = 1 << 63

  /// The word of a message that may be taken back.
  func slot(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe word(256 + (number & (PipeFrame.slots - 1)) * 8)
  }
}
