internal import IPCSystem

/// A reader or a writer: one operation at a time, timed and checked.
@safe public struct Participant: ~Copyable {
  private let board: Board
  private let accessGuard: any AccessGuard
  private let slot: Int
  /// What a writer puts in, and what a reader has taken out.
  private let own: UnsafeMutableRawBufferPointer
  private var newest: UInt64 = 0
  /// When the last operation ended, in nanoseconds of ``MonotonicClock``.
  public private(set) var lastEnd: UInt64 = 0

  /// Creates a participant.
  ///
  /// - Parameter slot: Its number, less than ``Board/most`` and nobody else's.
  public init(_ board: Board, _ accessGuard: any AccessGuard, slot: Int) {
    self.board = board
    self.accessGuard = accessGuard
    self.slot = slot
    unsafe own = .allocate(byteCount: board.recordSize, alignment: 64)
    unsafe own.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe own.deallocate() }

  /// Waits for its turn and copies the record out. What it got is checked afterwards.
  ///
  /// - Returns: How long it took in nanoseconds, and whether the record is one that somebody has
  ///   written, and no older than the one before.
  public mutating func read() -> (nanoseconds: UInt64, isWhole: Bool) {
    let begin = MonotonicClock.now()
    accessGuard.beginReading(slot)
    let header = board.header
    unsafe own.copyMemory(from: UnsafeRawBufferPointer(board.record))
    accessGuard.endReading(slot)
    let taken = finish(begin)

    let isWhole = unsafe header.isSeal(of: Board.checksum(UnsafeRawBufferPointer(own)))
    let isInOrder = header.sequence >= newest
    newest = header.sequence
    board.count(.reads, of: slot)
    if !isWhole || !isInOrder { board.count(.torn, of: slot) }
    return (taken, isWhole && isInOrder)
  }

  /// Makes a record, waits for its turn and puts it in.
  ///
  /// - Returns: How long the waiting and the putting took, in nanoseconds.
  public mutating func write() -> UInt64 {
    let number = board.value(.writes, of: slot) &+ 1
    // A record differs from every other one in every byte that it can.
    let fill = (UInt64(slot) << 40 ^ number) &* 0x9e37_79b9_7f4a_7c15
    for index in 0..<board.recordSize {
      unsafe own[index] = UInt8(truncatingIfNeeded: fill >> UInt64(index % 8 * 8))
    }

    let sum = unsafe Board.checksum(UnsafeRawBufferPointer(own))

    let begin = MonotonicClock.now()
    accessGuard.beginWriting(slot)
    var header = Board.Header()
    header.sequence = board.header.sequence &+ 1
    header.writer = UInt64(slot)
    header.seal(sum)
    board.header = header
    unsafe board.record.copyMemory(from: UnsafeRawBufferPointer(own))
    board.count(.writes, of: slot)
    accessGuard.endWriting(slot)
    return finish(begin)
  }

  private mutating func finish(_ begin: UInt64) -> UInt64 {
    lastEnd = MonotonicClock.now()
    let taken = lastEnd - begin
    board.count(.nanoseconds, of: slot, by: taken)
    board.set(.longest, of: slot, to: max(board.value(.longest, of: slot), taken))
    return taken
  }
}
