internal import Synchronization

/// A 32-bit number that counts signals and that threads sleep on with `futex(2)`.
@safe public final class SignalWord: Sendable {
  // The word's address never changes, and it is only used as an atomic.
  nonisolated(unsafe) let word: UnsafeMutablePointer<Atomic<UInt32>>

  /// Creates a word of this process's own.
  public init() {
    unsafe word = .allocate(capacity: 1)
    unsafe word.initialize(to: Atomic(0))
  }

  deinit {
    unsafe word.deinitialize(count: 1)
    unsafe word.deallocate()
  }

  /// How many signals there were. It wraps around.
  public var count: UInt32 { unsafe word.pointee.load(ordering: .sequentiallyConsistent) }

  /// Counts a signal and wakes every sleeper, who then looks again.
  public func signal() {
    unsafe _ = word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    unsafe Futex.wake(word)
  }

  /// Counts a signal, and wakes every sleeper if `isAwaited`, asked after counting, says so.
  public func signal(if isAwaited: () -> Bool) {
    unsafe _ = word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if isAwaited() { unsafe Futex.wake(word) }
  }

  /// Sleeps while ``count`` is `seen`. Spurious returns happen: call it in a loop.
  @discardableResult
  public func wait(while seen: UInt32, deadline: Deadline = .never) -> Futex.Outcome {
    unsafe Futex.wait(word, while: seen, deadline: deadline)
  }

  /// Sleeps while each of 1 to ``Futex/largestGroup`` words has the count that was seen. Spurious
  /// returns happen: call it in a loop.
  @discardableResult
  public static func wait(
    onAny words: [SignalWord], while seen: [UInt32], deadline: Deadline = .never
  ) -> Futex.Outcome {
    let addresses = unsafe words.map { unsafe UnsafeRawPointer($0.word) }
    defer { extendLifetime(words) }
    return unsafe Futex.wait(onAny: addresses, while: seen, deadline: deadline)
  }
}
