internal import FileMappings
public import IPCSystem
public import SyncObjects
internal import Synchronization

/// The memory that readers and writers share: one record, and what each of them has done.
///
/// It is one named file mapping. Nothing in it keeps two processes from using the record at once:
/// that is what an ``AccessGuard`` is for.
@safe public final class Board: Sendable {
  /// The most readers and writers together: as many as a word has bits.
  public static let most = 64

  /// What is counted for each participant.
  public enum Counter: Int, CaseIterable, Sendable {
    /// Records it has read.
    case reads
    /// Records it has written.
    case writes
    /// Records it has read that nobody had written: torn, or older than the one before.
    case torn
    /// How often it was told that the owner of a mutex had ended without giving it back.
    case abandoned
    /// Half-written records that it has replaced after that.
    case mended
    /// How long its operations took together, in nanoseconds.
    case nanoseconds
    /// How long the longest took, in nanoseconds.
    case longest
  }

  /// What stands before the record's bytes.
  struct Header {
    /// How many records were written before and with this one.
    var sequence: UInt64 = 0
    /// Who has written it.
    var writer: UInt64 = 0
    private var checksum: UInt64 = 0

    /// Closes the header over bytes of this sum.
    mutating func seal(_ sum: UInt64) { checksum = mixed(sum) }

    /// Whether the header and bytes of this sum belong together. Nothing at all does.
    func isSeal(of sum: UInt64) -> Bool { sequence == 0 || checksum == mixed(sum) }

    private func mixed(_ sum: UInt64) -> UInt64 {
      (sum ^ sequence ^ writer << 48) &* 0x9e37_79b9_7f4a_7c15
    }
  }

  // Each participant has a cache line of its own for its counters.
  private static let (headerOffset, insideOffset, countersOffset) = (0, 64, 128)
  private static let recordOffset = countersOffset + most * 64

  /// The size of the record in bytes.
  public let recordSize: Int
  private let mapping: FileMapping
  private let view: MappedView

  /// Creates the memory, or opens it if another process was first. New memory is all zeros: a record
  /// that was never written.
  ///
  /// - Parameter recordSize: The size of the record in bytes, at least 1, the same for everybody.
  /// - Throws: `.invalidArgument` when the memory that is there has another size; `.wrongKind`,
  ///   `.system`.
  public init(
    _ name: String, recordSize: Int, in runtime: RuntimeDirectory
  ) throws(ObjectError) {
    self.recordSize = recordSize
    mapping = try FileMapping.create(
      ObjectName(name), size: Self.recordOffset + recordSize, .readWrite, in: runtime
    ).mapping
    guard mapping.size == Self.recordOffset + recordSize else {
      throw ObjectError(.invalidArgument, "a record of \(recordSize) bytes in “\(name)”")
    }
    view = try mapping.view(.readWrite)
  }

  /// Gives the name up.
  public func close() { mapping.close() }

  /// What was counted for a participant.
  public func value(_ counter: Counter, of slot: Int) -> UInt64 {
    unsafe word(counter, slot).pointee.load(ordering: .relaxed)
  }

  /// What was counted for all.
  public func total(_ counter: Counter) -> UInt64 {
    (0..<Self.most).reduce(0) { $0 &+ value(counter, of: $1) }
  }

  /// How many records were written, as the record itself says. Exact when nobody writes.
  public var sequence: UInt64 { header.sequence }

  // MARK: - For participants and guards

  /// Adds to a participant's counter. Only the participant itself does.
  func count(_ counter: Counter, of slot: Int, by amount: UInt64 = 1) {
    set(counter, of: slot, to: value(counter, of: slot) &+ amount)
  }

  /// Sets a participant's counter. Only the participant itself does.
  func set(_ counter: Counter, of slot: Int, to value: UInt64) {
    unsafe word(counter, slot).pointee.store(value, ordering: .relaxed)
  }

  /// Whether any reader is inside, for guards that let several in at once.
  var hasReaders: Bool {
    unsafe insideWord.pointee.load(ordering: .sequentiallyConsistent) != 0
  }

  /// Notes that a reader is inside: a bit of its own, so that it can be cleared for the dead.
  func enter(_ slot: Int) {
    unsafe insideWord.pointee.bitwiseOr(1 << UInt64(slot), ordering: .sequentiallyConsistent)
  }

  /// Notes that a reader is not inside.
  func leave(_ slot: Int) {
    unsafe insideWord.pointee.bitwiseAnd(~(1 << UInt64(slot)), ordering: .sequentiallyConsistent)
  }

  /// Notes that a participant was told that the last owner of a mutex has ended without giving it
  /// back. A record that it has left half written is replaced; the caller knows that nobody reads it.
  func mend(toldTo slot: Int) {
    count(.abandoned, of: slot)
    var header = header
    if unsafe header.isSeal(of: Self.checksum(UnsafeRawBufferPointer(record))) { return }
    unsafe record.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe header.seal(Self.checksum(UnsafeRawBufferPointer(record)))
    self.header = header
    count(.mended, of: slot)
  }

  /// The header as it is at this moment.
  var header: Header {
    get { unsafe view.address.load(fromByteOffset: Self.headerOffset, as: Header.self) }
    set {
      unsafe view.address.storeBytes(of: newValue, toByteOffset: Self.headerOffset, as: Header.self)
    }
  }

  /// The record's bytes as they are at this moment.
  var record: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(
      start: view.address + Self.recordOffset, count: recordSize)
  }

  /// The sum of a record's bytes.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    var index = 0
    while index + 8 <= bytes.count {
      let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      sum = (sum ^ word) &* 0x100_0000_01b3
      sum ^= sum >> 29
      index += 8
    }
    while index < bytes.count {
      sum = unsafe (sum ^ UInt64(bytes[index])) &* 0x100_0000_01b3
      index += 1
    }
    return sum
  }

  private func word(_ counter: Counter, _ slot: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    precondition((0..<Self.most).contains(slot), "a participant beyond \(Self.most)")
    let offset = Self.countersOffset + slot * 64 + counter.rawValue * 8
    return unsafe (view.address + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  private var insideWord: UnsafeMutablePointer<Atomic<UInt64>> {
    unsafe (view.address + Self.insideOffset).assumingMemoryBound(to: Atomic<UInt64>.self)
  }
}
