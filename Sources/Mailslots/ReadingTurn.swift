internal import Glibc
internal import IPCSystem
internal import Synchronization

/// Lets one thread at a time take messages out of a mailslot, with deadlines for the others.
final class ReadingTurn: Sendable {
  private let taken = Atomic(false)
  private let waiters = Atomic(0)
  private let word = SignalWord()
  /// Whether the thread whose turn it is waits for a message: then there is none.
  private let idle = Atomic(false)

  /// Takes the turn if it is free.
  @inline(__always)
  func tryTake() -> Bool {
    taken.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent)
      .exchanged
  }

  /// Takes the turn; returns whether it came before the deadline and before `isOver` was true.
  @inline(__always)
  func take(_ deadline: Deadline, unless isOver: () -> Bool) -> Bool {
    tryTake() || queueUp(deadline, isOver)
  }

  @inline(never)
  private func queueUp(_ deadline: Deadline, _ isOver: () -> Bool) -> Bool {
    waiters.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { waiters.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
    while true {
      let seen = word.count
      if tryTake() { return true }
      if isOver() || deadline.hasPassed { return false }
      word.wait(while: seen, deadline: deadline)
    }
  }

  /// Takes the turn unless the thread that has it waits for a message.
  func takeUnlessIdle() -> Bool {
    while !tryTake() {
      if idle.load(ordering: .acquiring) { return false }
      sched_yield()
    }
    return true
  }

  /// Gives the turn to the next thread.
  @inline(__always)
  func give() {
    taken.store(false, ordering: .sequentiallyConsistent)
    if waiters.load(ordering: .sequentiallyConsistent) != 0 { word.signal() }
  }

  /// Says whether the thread whose turn it is waits for a message.
  @inline(__always)
  func setIdle(_ isIdle: Bool) { idle.store(isIdle, ordering: .releasing) }

  /// Has everybody who waits look again whether it is over.
  func wakeAll() { word.signal() }
}
