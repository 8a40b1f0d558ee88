public import IPCSystem

/// Plays cases in threads, a few at a time: most of a case's time is spent waiting.
public final class CaseQueue: Sendable {
  private struct Job: Sendable {
    let item: ConformanceCase
    let done: @Sendable (CaseRunner.Outcome) -> Void
  }

  private struct State {
    var jobs: [Job] = []
    var threads = 0
  }

  private let runner: CaseRunner
  private let limit: Int
  private let state = Locked(State())

  /// Makes a queue.
  ///
  /// - Parameter limit: How many cases are played at the same time.
  public init(_ runner: CaseRunner, limit: Int = 4) {
    self.runner = runner
    self.limit = limit
  }

  /// Plays a case when it is its turn; `done` is called in another thread.
  public func add(
    _ item: ConformanceCase, done: @escaping @Sendable (CaseRunner.Outcome) -> Void
  ) throws(SystemError) {
    let needsThread = state.withLock { state in
      state.jobs.append(Job(item: item, done: done))
      guard state.threads < limit else { return false }
      state.threads += 1
      return true
    }
    if needsThread { try SystemThread.start { self.work() } }
  }

  /// Plays a case when it is its turn.
  public func run(_ item: ConformanceCase) async throws(SystemError) -> CaseRunner.Outcome {
    let result: Result<CaseRunner.Outcome, SystemError> = await withCheckedContinuation {
      continuation in
      do throws(SystemError) {
        try add(item) { continuation.resume(returning: .success($0)) }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    return try result.get()
  }

  private func work() {
    while let job = next() { job.done(runner.run(job.item)) }
  }

  /// The next job; `nil` ends the thread.
  private func next() -> Job? {
    state.withLock { state in
      if state.jobs.isEmpty {
        state.threads -= 1
        return nil
      }
      return state.jobs.removeFirst()
    }
  }
}
