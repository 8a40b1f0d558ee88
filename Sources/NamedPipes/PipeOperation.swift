public import IPCSystem
public import IPCTransport

/// What an operation on a pipe transferred.
public struct PipeTransfer: Sendable, Equatable {
  /// What was read; empty for an operation that does not read.
  public var bytes: [UInt8]
  /// How many bytes were read or written.
  public var count: Int
  /// Whether the message has more bytes than fitted (Win32 `ERROR_MORE_DATA`).
  public var hasMore: Bool

  /// Creates a value.
  public init(bytes: [UInt8] = [], count: Int = 0, hasMore: Bool = false) {
    self.bytes = bytes
    self.count = count
    self.hasMore = hasMore
  }
}

/// An operation that was started and may still be going on.
///
/// Operations of one kind on one end complete in the order in which they were started.
///
/// - Note: Win32 `OVERLAPPED`.
public final class PipeOperation: Sendable {
  /// What happens once when it is over, on any thread.
  public typealias Completion = @Sendable (PipeOperation) -> Void

  private let state: Locked<State>
  /// Not 0 when it is over.
  private let over = SignalWord()

  private struct State {
    var outcome: Result<PipeTransfer, TransportError>?
    var completion: Completion?
    var look: (@Sendable () -> Void)?
    var abort: (@Sendable () -> Void)?
    /// The thread that runs the completion.
    var completer: Int32 = 0
  }

  init(_ completion: Completion?) {
    state = Locked(State(completion: completion))
  }

  /// Says how to look for progress and how to give up.
  func attach(
    look: @escaping @Sendable () -> Void, abort: @escaping @Sendable () -> Void
  ) {
    state.withLock { state in
      guard state.outcome == nil else { return }
      state.look = look
      state.abort = abort
    }
  }

  /// What came of it; `nil` while it is going on.
  ///
  /// Looks for progress first, so that the answer is right at the moment of asking; and when it is
  /// over, the completion has run.
  public var outcome: Result<PipeTransfer, TransportError>? {
    if let known = decided { return known }
    state.withLock { $0.look }?()
    return decided
  }

  /// The outcome, once the completion has run or is running on this very thread.
  private var decided: Result<PipeTransfer, TransportError>? {
    while true {
      let seen = over.count
      let (outcome, completer) = state.withLock { ($0.outcome, $0.completer) }
      guard let outcome else { return nil }
      if seen == Self.complete || completer == ThreadIdentity.current { return outcome }
      over.wait(while: seen)
    }
  }

  private static let complete: UInt32 = 1

  /// Whether it is over, without looking.
  var isOver: Bool { over.count == Self.complete }

  /// Gives the operation up: what it did not transfer will not be transferred, and of a write, what
  /// was not read will not be read.
  ///
  /// - Returns: Whether that ended it, with `.cancelled`; `false` when it was over already, or has
  ///   succeeded with a part of the bytes that were just being written.
  /// - Note: Win32 `CancelIoEx`.
  @discardableResult
  public func cancel() -> Bool {
    if outcome != nil { return false }
    state.withLock { $0.abort }?()
    guard case .failure(let error)? = decided else { return false }
    return error.code == .cancelled
  }

  /// Waits until it is over.
  ///
  /// - Throws: What the operation threw; `.timedOut` at the deadline and `.cancelled` when the call is
  ///   cancelled (``CancellableCalls``), with the operation going on.
  public func wait(deadline: Deadline) throws(TransportError) -> PipeTransfer {
    while true {
      if let outcome { return try outcome.get() }
      if deadline.hasPassed { throw TransportError(.timedOut, "wait for an operation") }
      if CancellableCalls.isCancelled {
        throw TransportError(.cancelled, "wait for an operation")
      }
      over.wait(while: 0, deadline: deadline)
    }
  }

  /// Ends the operation. Only the first call counts. Not under a lock that a completion might want.
  func finish(_ outcome: Result<PipeTransfer, TransportError>) { decide(outcome)() }

  /// Settles what came of it, under whatever lock; the caller runs what it returns without.
  func decide(_ outcome: Result<PipeTransfer, TransportError>) -> () -> Void {
    let isFirst = state.withLock { state in
      if state.outcome != nil { return false }
      state.outcome = outcome
      state.look = nil
      state.abort = nil
      return true
    }
    return isFirst ? { self.complete() } : {}
  }

  private func complete() {
    let completion = state.withLock { state in
      state.completer = ThreadIdentity.current
      defer { state.completion = nil }
      return state.completion
    }
    completion?(self)
    over.signal()
  }
}
