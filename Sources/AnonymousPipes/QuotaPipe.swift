internal import IPCSystem
public import IPCTransport
internal import Synchronization

/// A pipe without a name whose ends keep to the rules of Win32.
///
/// Underneath is a pipe of the kernel, so that any program can inherit an end and use it as its
/// standard input or output. What the kernel does otherwise is made up for at this process's ends:
///
/// - The *quota*: a write makes all its bytes visible at once and then waits until what is unread
///   fits the quota. The kernel would let it go as soon as the bytes are in, and count in pages.
/// - A write that finds no reader fails in another way than one that loses its reader while it
///   waits.
/// - The reader can look without taking, and can be told not to wait.
///
/// The quota is kept while the read end is in this process only. Once a child has inherited it,
/// nobody here sees the bytes leave, and a write waits as the kernel has it.
///
/// - Note: Win32 `CreatePipe`.
public struct QuotaPipe: Sendable {
  /// The end that is read.
  public let reader: QuotaPipeReader
  /// The end that is written.
  public let writer: QuotaPipeWriter

  /// The quota when none is given, in bytes.
  public static let defaultQuota = 4096

  /// Creates a pipe.
  ///
  /// - Parameter quota: How many unread bytes a write may leave behind without waiting; 0 takes
  ///   ``defaultQuota``.
  /// - Throws: `.invalidArgument` for a negative quota, `.limitReached` when the process has no
  ///   descriptors left.
  public init(quota: Int = 0) throws(TransportError) {
    guard quota >= 0 else {
      throw TransportError(.invalidArgument, "create a pipe of \(quota) bytes")
    }
    let ends = try translating("create a pipe") { () throws(SystemError) in
      try Pipes.make(capacity: nil)
    }
    let quota = quota == 0 ? Self.defaultQuota : quota
    // Partly filled pages use the capacity up sooner than the quota. A user without privilege may
    // not have that much: writes then wait in the kernel, a little early.
    if quota > 32 * 1024 {
      try? Pipes.setCapacity(of: ends.writeEnd.raw, to: min(2 * quota, 1 << 20))
    }
    let state = QuotaPipeState(quota: quota)
    reader = QuotaPipeReader(DescriptorIO(adopting: ends.readEnd), state)
    writer = QuotaPipeWriter(DescriptorIO(adopting: ends.writeEnd), state)
  }
}

/// What the two ends of a pipe have in common while both are in this process.
final class QuotaPipeState: Sendable {
  let quota: Int
  /// Changes when bytes were taken, an end was closed or has left.
  private let changes = SignalWord()
  private let sleepers = Atomic<Int>(0)
  private let reader: Atomic<Place>
  private let writer: Atomic<Place>

  /// Who has an end.
  enum Place: UInt8, AtomicRepresentable {
    /// Only this process.
    case here
    /// Perhaps other processes: the kernel knows.
    case elsewhere
    /// Nobody: this process was the only one and has closed it.
    case closed
    /// Nobody: it was cut off from the other end.
    case disconnected
  }

  init(quota: Int, place: Place = .here) {
    self.quota = quota
    reader = Atomic(place)
    writer = Atomic(place)
  }

  /// Who has the end that is read.
  var readerPlace: Place { reader.load(ordering: .acquiring) }
  /// Who has the end that is written.
  var writerPlace: Place { writer.load(ordering: .acquiring) }

  func readerLeaves() { move(reader, to: .elsewhere) }
  func writerLeaves() { move(writer, to: .elsewhere) }
  func readerCloses() { move(reader, to: .closed) }
  func writerCloses() { move(writer, to: .closed) }

  func disconnect() {
    reader.store(.disconnected, ordering: .sequentiallyConsistent)
    changes.signal()
  }

  /// Whether the ends were cut off from each other.
  var isDisconnected: Bool { readerPlace == .disconnected }

  private func move(_ end: borrowing Atomic<Place>, to place: Place) {
    _ = end.compareExchange(expected: .here, desired: place, ordering: .acquiringAndReleasing)
    changes.signal()
  }

  /// Wakes who waits for bytes to be taken.
  func bytesWereTaken() {
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 { changes.signal() }
  }

  /// Runs `isDone` after every change until it returns true.
  func wait<E: Error>(until isDone: () throws(E) -> Bool) throws(E) {
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
    while true {
      let seen = changes.count
      if try isDone() { return }
      changes.wait(while: seen)
    }
  }
}
