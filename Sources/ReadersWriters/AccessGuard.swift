public import IPCSystem
public import SyncObjects

/// Keeps readers and writers from using a ``Board`` at once.
///
/// Around each reading stands ``beginReading(_:)`` and ``endReading(_:)``, around each writing
/// ``beginWriting(_:)`` and ``endWriting(_:)``, all in the same thread. A guard that learns that
/// somebody was killed in the middle has the record mended before it lets anybody in.
public protocol AccessGuard: AnyObject, Sendable {
  /// Waits until the participant may read.
  func beginReading(_ slot: Int)
  /// Ends ``beginReading(_:)``.
  func endReading(_ slot: Int)
  /// Waits until the participant may write.
  func beginWriting(_ slot: Int)
  /// Ends ``beginWriting(_:)``.
  func endWriting(_ slot: Int)
  /// Takes back what a participant had that was killed, as far as that can be known.
  func forget(_ slot: Int)
  /// Gives the names up.
  func close()
}

/// The ways to guard, as courses teach them.
public enum GuardKind: String, CaseIterable, Sendable, Codable {
  /// One at a time.
  case mutex
  /// Readers together, a writer alone, by semaphores.
  case semaphore
  /// Readers together, a writer alone, by a mutex and an event.
  case event
  /// Not at all, to see what comes of it.
  case none

  /// Creates the guard, or opens it if another process was first.
  ///
  /// - Parameter name: What the names of its objects begin with.
  public func open(
    _ name: String, _ board: Board, in runtime: RuntimeDirectory
  ) throws(ObjectError) -> any AccessGuard {
    switch self {
    case .mutex: try MutexGuard(name, board, in: runtime)
    case .semaphore: try SemaphoreGuard(name, board, in: runtime)
    case .event: try EventGuard(name, board, in: runtime)
    case .none: NoGuard()
    }
  }

  /// Whether the others can go on when a participant is killed while it reads or writes.
  public var survivesDeath: Bool { self != .semaphore }
}

/// Everybody takes the mutex, and one at a time has it.
///
/// A mutex has an owner. When that is killed, the next one gets the mutex and is told.
final class MutexGuard: AccessGuard {
  private let mutex: OwnedMutex
  private let board: Board

  init(_ name: String, _ board: Board, in runtime: RuntimeDirectory) throws(ObjectError) {
    mutex = try OwnedMutex.create(ObjectName(name + "-mutex"), in: runtime).mutex
    self.board = board
  }

  func beginReading(_ slot: Int) {
    if mutex.lock() == .abandoned { board.mend(toldTo: slot) }
  }

  func endReading(_ slot: Int) { mutex.release() }
  func beginWriting(_ slot: Int) { beginReading(slot) }
  func endWriting(_ slot: Int) { mutex.release() }
  func forget(_ slot: Int) {}
  func close() { mutex.close() }
}

/// The textbook's readers and writers: the first reader takes the room for all readers, the last one
/// gives it back; a turnstile that a waiting writer holds keeps later readers from overtaking it.
///
/// A semaphore has no owner. What a process has taken that is killed stays taken, and the others wait
/// for ever.
final class SemaphoreGuard: AccessGuard {
  private let turnstile: CountingSemaphore
  private let room: CountingSemaphore
  /// Guards the number of readers inside.
  private let counting: CountingSemaphore
  private let board: Board

  init(_ name: String, _ board: Board, in runtime: RuntimeDirectory) throws(ObjectError) {
    func semaphore(_ part: String) throws(ObjectError) -> CountingSemaphore {
      try CountingSemaphore.create(ObjectName(name + part), count: 1, limit: 1, in: runtime)
        .semaphore
    }
    turnstile = try semaphore("-turnstile")
    room = try semaphore("-room")
    counting = try semaphore("-counting")
    self.board = board
  }

  func beginReading(_ slot: Int) {
    turnstile.acquire()
    turnstile.giveBack()
    counting.acquire()
    if !board.hasReaders { room.acquire() }
    board.enter(slot)
    counting.giveBack()
  }

  func endReading(_ slot: Int) {
    counting.acquire()
    board.leave(slot)
    if !board.hasReaders { room.giveBack() }
    counting.giveBack()
  }

  func beginWriting(_ slot: Int) {
    turnstile.acquire()
    room.acquire()
  }

  func endWriting(_ slot: Int) {
    turnstile.giveBack()
    room.giveBack()
  }

  func forget(_ slot: Int) {}

  func close() {
    turnstile.close()
    room.close()
    counting.close()
  }
}

/// A mutex is the door: a reader passes it, a writer keeps it. Who is inside stands in the memory, and
/// an event tells the writer at the door that a last reader has left.
///
/// Nothing is lost with a process that is killed: the mutex tells the next one, and what the memory
/// says about the dead is corrected by who notices its death.
final class EventGuard: AccessGuard {
  private let door: OwnedMutex
  private let readersLeft: Event
  private let board: Board

  init(_ name: String, _ board: Board, in runtime: RuntimeDirectory) throws(ObjectError) {
    door = try OwnedMutex.create(ObjectName(name + "-door"), in: runtime).mutex
    readersLeft = try Event.create(ObjectName(name + "-left"), .manual, in: runtime).event
    self.board = board
  }

  func beginReading(_ slot: Int) {
    passDoor(slot)
    board.enter(slot)
    door.release()
  }

  func endReading(_ slot: Int) { leave(slot) }

  func beginWriting(_ slot: Int) {
    passDoor(slot)
    // Clear, then look: a reader that leaves after the look sets the event again.
    while true {
      readersLeft.clear()
      if !board.hasReaders { return }
      _ = Waiting.any(of: [readersLeft], deadline: .never)
    }
  }

  /// Owns the door. If its last owner ended in the middle of a record, no reader is inside.
  private func passDoor(_ slot: Int) {
    if door.lock() == .abandoned { board.mend(toldTo: slot) }
  }

  func endWriting(_ slot: Int) { door.release() }

  func forget(_ slot: Int) { leave(slot) }

  private func leave(_ slot: Int) {
    board.leave(slot)
    if !board.hasReaders { readersLeft.set() }
  }

  func close() {
    door.close()
    readersLeft.close()
  }
}

/// Lets everybody in at any time.
final class NoGuard: AccessGuard {
  func beginReading(_ slot: Int) {}
  func endReading(_ slot: Int) {}
  func beginWriting(_ slot: Int) {}
  func endWriting(_ slot: Int) {}
  func forget(_ slot: Int) {}
  func close() {}
}

extension OwnedMutex {
  /// Gives back what this thread has just taken.
  fileprivate func release() {
    do { try unlock() } catch { preconditionFailure("gave back a mutex that it does not own") }
  }
}

extension CountingSemaphore {
  /// Waits until the count is not 0, and takes one from it.
  fileprivate func acquire() {
    if takeIfSignalled() { return }
    _ = Waiting.any(of: [self], deadline: .never)
  }

  /// Gives back what was taken.
  fileprivate func giveBack() {
    do { try release() } catch { preconditionFailure("gave back more than was taken") }
  }
}
