import Glibc
import IPCSystem
import SyncObjects
import TestSupport
import Testing

@Suite("Waiting for objects") struct SleepTests {
  /// How often a thread of this process has given up its processor by itself.
  private func sleeps(of thread: Int32) -> Int? {
    let status = SmallFile.read("/proc/self/task/\(thread)/status") ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches") }
    return line?.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) }
  }

  /// Whether a sleeper, once it sleeps, is left alone for 0.3 s: that is what is tested, not a way to
  /// wait.
  private func isUndisturbed<Value>(
    _ sleeper: Background<Value>, _ thread: Locked<Int32?>
  ) -> Bool {
    sleeper.waitUntilAsleep()
    return (0..<5).contains { _ in
      let before = thread.withLock { $0 }.flatMap { sleeps(of: $0) }
      usleep(300_000)
      return before != nil && before == thread.withLock { $0 }.flatMap { sleeps(of: $0) }
    }
  }

  @Test("any of 64 is one sleep for as long as nothing happens, and is woken when something does")
  func onlySleep() throws {
    let objects = (0..<61).map { _ in Event(.automatic) as any Waitable }
    let mutexes = [OwnedMutex(isOwned: true), OwnedMutex(isOwned: true)]
    let semaphore = try CountingSemaphore(count: 0, limit: 1)
    let thread = Locked<Int32?>(nil)
    let waiter = try Background {
      thread.withLock { $0 = SystemThread.currentNumber }
      return Waiting.any(of: objects + mutexes + [semaphore], deadline: .never)
    }
    #expect(isUndisturbed(waiter, thread))
    try semaphore.release()
    #expect(try waiter.value() == .taken(63))
    for mutex in mutexes { try mutex.unlock() }
  }

  @Test("who wants one mutex, alone or with an event, sleeps until it is given back")
  func mutexSleep() throws {
    let mutex = OwnedMutex(isOwned: true)
    let threads = [Locked<Int32?>(nil), Locked<Int32?>(nil)]
    let alone = try Background {
      threads[0].withLock { $0 = SystemThread.currentNumber }
      let outcome = mutex.lock()
      try mutex.unlock()
      return outcome == .owned
    }
    let together = try Background {
      threads[1].withLock { $0 = SystemThread.currentNumber }
      let outcome = Waiting.all(of: [Event(.manual, isSet: true), mutex], deadline: .never)
      try mutex.unlock()
      return outcome == .takenAll
    }
    #expect(isUndisturbed(alone, threads[0]))
    #expect(isUndisturbed(together, threads[1]))
    try mutex.unlock()
    #expect(try alone.value() && together.value())
  }
}
