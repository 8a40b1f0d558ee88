internal import Glibc
internal import IPCSystem

/// Work on a thread of its own, because it blocks. It runs from the start: a test that waits for
/// something in the meantime does not keep it from running.
package final class Background<Value: Sendable>: Sendable {
  private let thread = Locked<Int32?>(nil)
  private let result = Locked<Result<Value, any Error>?>(nil)
  private let done = Signal()

  package init(_ body: @escaping @Sendable () throws -> Value) throws {
    try SystemThread.start { [self] in
      thread.withLock { $0 = Self.threadNumber }
      let result = Result { try body() }
      self.result.withLock { $0 = result }
      done.set()
    }
  }

  /// Not `SystemThread.currentNumber`, which prepares a thread to be interrupted: a test may want to
  /// see how a thread does that was not.
  private static var threadNumber: Int32? {
    SmallFile.read("/proc/thread-self/stat").flatMap { Int32($0.prefix { $0 != " " }) }
  }

  /// What came of it; `nil` while it goes on.
  package var outcome: Result<Value, any Error>? { result.withLock { $0 } }

  /// Waits for its end and gives what it returned.
  package func value() throws -> Value {
    try done.wait()
    return try result.withLock { $0! }.get()
  }

  /// Returns when the thread has slept in the kernel for a while, or is done.
  package func waitUntilAsleep() {
    var inRow = 0
    while outcome == nil && inRow < 20 {
      let isAsleep = thread.withLock { $0 }.map { kernelState(of: $0) == "S" } ?? false
      inRow = isAsleep ? inRow + 1 : 0
      usleep(200)
    }
  }
}

/// Runs what blocks on a thread of its own: the pool that runs tests is small.
package func blocking<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
  try await withCheckedThrowingContinuation { continuation in
    do {
      try SystemThread.start { continuation.resume(with: Result { try body() }) }
    } catch { continuation.resume(throwing: error) }
  }
}

/// The kernel's state letter of a process or thread: `S` is asleep.
package func kernelState(of number: Int32) -> Character? {
  // The program's name, in parentheses, may hold anything.
  guard let text = SmallFile.read("/proc/\(number)/stat"), let end = text.lastIndex(of: ")")
  else { return nil }
  return text[end...].dropFirst(2).first
}
