internal import Glibc
internal import IPCSystem
internal import Synchronization

/// Lets one thread at a time take messages out of a mailslot, with deadlines for the others.
final class ReadingTurn: Sendable {
  private let taken = Atomic(false)
  private let waiters = Atomic(0)
  private let word = SignalWord()
  /// How many looks have begun and ended: a look takes the turn, and no message.
  private let begunLooks = Atomic(0)
  private let endedLooks = Atomic(0)
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
      let looks = endedLooks.load(ordering: .sequentiallyConsistent)
      if tryTake() { return true }
      if isOver() { return false }
      if deadline.hasPassed {
        // Who only looks must not be the reason why a read finds nothing.
        if begunLooks.load(ordering: .sequentiallyConsistent) == looks { return false }
        sched_yield()
        continue
      }
      word.wait(while: seen, deadline: deadline)
    }
  }

  /// Takes the turn to look what there is, unless the thread that has it waits for a message: then
  /// there is nothing.
  func look<E: Error>(_ body: () throws(E) -> Void) throws(E) {
    begunLooks.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { endedLooks.wrappingAdd(1, ordering: .sequentiallyConsistent) }
    while !tryTake() {
      if idle.load(ordering: .acquiring) { return }
      sched_yield()
    }
    defer { give() }
    try body()
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
