internal import IPCSystem
internal import SyncObjects
internal import Synchronization

/// How many bytes went over, and whether that was all of the message.
struct Transfer: Equatable {
  var count: Int
  var hasMore = false
}

/// What an operation may do after the call that started it has returned.
enum Work {
  case read(limit: Int)
  case write([UInt8])
  case transact([UInt8], limit: Int)
  case connect
}

/// How an operation has ended.
struct WorkOutcome: Sendable {
  /// What was read.
  var bytes: [UInt8] = []
  /// How many bytes went over.
  var count = 0
  /// `ERROR_SUCCESS`, `ERROR_MORE_DATA` or why it failed.
  var error = ERROR_SUCCESS
}

/// An operation that was started.
protocol RunningWork: Sendable {
  /// How it has ended; looks for progress first.
  var outcome: WorkOutcome? { get }
  /// Gives it up, if it is still going on.
  func cancel()
}

/// Something that can be read or written: a file, a terminal, or an end of a pipe.
class FileObject: KernelObject, @unchecked Sendable {
  // Sendable: what is stored is constant or has its own lock.

  /// Whether calls on it may go on after they have returned, and several at the same time.
  let isOverlapped: Bool
  /// The calls on an object that is not overlapped come one after the other.
  let turns = Turns()
  /// What who waits for the handle waits for: cleared when a call or an operation begins, set when it
  /// has succeeded and no event of its own tells so.
  let completion = Event(.manual, isSet: true)
  /// The calls without an operation that wait.
  let calls = CancellableCalls()
  /// Calls that wait for a pipe by its name.
  static let callsByName = CancellableCalls()
  /// The operations that are going on.
  let requests = Locked<[OverlappedRequest]>([])

  init(isOverlapped: Bool) { self.isOverlapped = isOverlapped }

  override func rights(of desired: DWORD) throws(Failure) -> DWORD {
    FileAccess.rights(of: desired)
  }

  /// What a file was not opened for, it cannot do.
  override var mayGetMoreRights: Bool { false }

  /// `FILE_TYPE_…`.
  var type: DWORD { FILE_TYPE_UNKNOWN }

  /// Whether an operation has a place in the file.
  var hasPlaces: Bool { false }

  /// Reads, and waits for it. `place` is `nil` for where the last call has ended.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Transfer { throw Failure(ERROR_INVALID_FUNCTION) }

  /// Writes, and waits for it.
  func write(_ bytes: UnsafeRawBufferPointer, at place: Int64?) throws(Failure) -> Int {
    throw Failure(ERROR_INVALID_FUNCTION)
  }

  /// Waits until what was written has arrived.
  func flush() throws(Failure) { throw Failure(ERROR_INVALID_FUNCTION) }

  /// Starts an operation; `nil` when this object can only do it while the caller waits.
  func start(_ work: Work, completion: @escaping @Sendable () -> Void) -> (any RunningWork)? { nil }

  /// Runs a call that may wait, in its turn. Other threads can cancel it.
  func waiting<R>(_ body: () throws(Failure) -> R) throws(Failure) -> R {
    try inTurn { () throws(Failure) in
      completion.clear()
      let result = try calls.run(body)
      completion.set()
      return result
    }
  }

  /// Runs a call in its turn.
  func inTurn<R>(_ body: () throws(Failure) -> R) throws(Failure) -> R {
    if isOverlapped && !hasPlaces { return try body() }
    turns.take()
    defer { turns.pass() }
    return try body()
  }
}

/// Lets threads do one thing after the other, in the order in which they came.
final class Turns: Sendable {
  private let next = Atomic<UInt32>(0)
  /// Counts whose turn it is.
  private let turn = SignalWord()

  func take() {
    let own = next.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue
    while true {
      let now = turn.count
      if now == own { return }
      turn.wait(while: now)
    }
  }

  /// Wakes only when somebody has come meanwhile: who comes later finds that it is its turn.
  func pass() {
    turn.signal { next.load(ordering: .sequentiallyConsistent) != turn.count }
  }
}
