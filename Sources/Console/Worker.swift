internal import Dispatch
internal import IPCSystem
internal import Win32

/// A thread that makes calls one after the other and keeps the answer of the last one.
///
/// It persists, because ownership of a mutex, the last error and pending operations belong to the
/// thread that made the call.
final class Worker: Sendable {
  /// What a call's answer does to the thread that made it.
  struct Outcome: Sendable {
    var reply: Reply
    /// The code that the thread ends with; `nil` when it goes on.
    var threadCode: UInt32?
    var exit: Crew.Exit?
  }

  private struct State {
    var job: (@Sendable () -> Outcome)?
    var outcome: Outcome?
  }

  private let state = Locked(State())
  private let hasJob = DispatchSemaphore(value: 0)
  private let hasOutcome = DispatchSemaphore(value: 0)

  private let handle = Locked<HANDLE>(nil)
  /// The handle of the thread.
  var thread: HANDLE { handle.withLock { $0 } }

  init() throws(Mistake) {
    let thread = unsafe CreateThread(nil, 0, { _ in self.run() }, nil, 0, nil)
    if thread == nil { throw Mistake("cannot start a thread: error \(GetLastError())") }
    handle.withLock { $0 = thread }
  }

  /// Waits until the thread is gone, after a call that ends it: what it owned is abandoned then.
  func awaitEnd() {
    WaitForSingleObject(thread, INFINITE)
    CloseHandle(thread)
  }

  /// Starts a call. The answer of the one before must have been taken.
  func start(_ job: @escaping @Sendable () -> Outcome) {
    state.withLock { $0.job = job }
    hasJob.signal()
  }

  /// Whether the answer of the last call has come and nobody has taken it.
  var hasAnswer: Bool { state.withLock { $0.outcome != nil } }

  /// Takes the answer; `nil` when it does not come in time.
  ///
  /// - Parameter milliseconds: How long to wait; `nil` waits until it comes.
  func join(within milliseconds: Int?) -> Outcome? {
    let limit = milliseconds.map { DispatchTime.now() + .milliseconds($0) } ?? .distantFuture
    guard hasOutcome.wait(timeout: limit) == .success else { return nil }
    return state.withLock { $0.outcome.take() }
  }

  /// - Returns: The thread's exit code.
  private func run() -> UInt32 {
    while true {
      hasJob.wait()
      guard let job = state.withLock({ $0.job.take() }) else { return 0 }
      let outcome = job()
      state.withLock { $0.outcome = outcome }
      hasOutcome.signal()
      if let code = outcome.threadCode { return code }
    }
  }
}
