/// The calls that threads make on one object and that another thread can end: each then fails with
/// `ECANCELED`, unless it was over.
///
/// A call says that it has begun and looks for ``isCancelled`` whenever a signal has interrupted its
/// sleep; ``DescriptorIO`` does that by itself. The way of a call that is not cancelled has no more
/// system calls than without.
public final class CancellableCalls: Sendable {
  private struct Call {
    let thread: Int32
    var isCancelled = false
  }

  private let calls = Locked<[Call]>([])

  /// The threads whose calls are to end.
  private static let cancelled = Locked<Set<Int32>>([])

  /// Creates a list without calls.
  public init() {}

  /// Whether the call that this thread is inside is to end.
  public static var isCancelled: Bool {
    let thread = ThreadIdentity.current
    return cancelled.withLock { $0.contains(thread) }
  }

  /// Runs a call. Calls of one thread are not nested.
  public func run<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    // Not every call has a descriptor, which would have done it.
    DescriptorIO.prepareInterrupts
    let thread = ThreadIdentity.current
    calls.withLock { $0.append(Call(thread: thread)) }
    defer { leave(thread) }
    return try body()
  }

  private func leave(_ thread: Int32) {
    let wasCancelled = calls.withLock { calls in
      guard let place = calls.firstIndex(where: { $0.thread == thread }) else { return false }
      return calls.remove(at: place).isCancelled
    }
    if wasCancelled { Self.cancelled.withLock { _ = $0.remove(thread) } }
  }

  /// Ends the calls that go on, and waits until they have noticed.
  ///
  /// - Parameter thread: The kernel's number of the thread whose call is to end; `nil` for all.
  /// - Returns: Whether there were any.
  public func cancel(of thread: Int32? = nil) -> Bool {
    let threads = calls.withLock { calls in
      let chosen = calls.indices.filter { thread == nil || calls[$0].thread == thread }
      for place in chosen { calls[place].isCancelled = true }
      let threads = chosen.map { calls[$0].thread }
      Self.cancelled.withLock { $0.formUnion(threads) }
      return threads
    }
    if threads.isEmpty { return false }
    _ = ThreadIdentity.interrupt { calls.withLock { $0.filter(\.isCancelled).map(\.thread) } }
    return true
  }
}
