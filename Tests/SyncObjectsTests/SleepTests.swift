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

  @Test("any of 64 is one sleep for as long as nothing happens, and is woken when something does")
  func onlySleep() throws {
    let events = (0..<63).map { _ in Event(.automatic) }
    let semaphore = try CountingSemaphore(count: 0, limit: 1)
    let thread = Locked<Int32?>(nil)
    let waiter = try Background {
      thread.withLock { $0 = SystemThread.currentNumber }
      return Waiting.any(of: events + [semaphore], deadline: .never)
    }
    waiter.waitUntilAsleep()
    // Once it sleeps, 0.3 s must not wake it: that is what is tested, not a way to wait.
    let isUndisturbed = (0..<5).contains { _ in
      let before = thread.withLock { $0 }.flatMap { sleeps(of: $0) }
      usleep(300_000)
      return before != nil && before == thread.withLock { $0 }.flatMap { sleeps(of: $0) }
    }
    #expect(isUndisturbed)
    try semaphore.release()
    #expect(try waiter.value() == .taken(63))
  }
}
