internal import CIPCShims
internal import Glibc

/// Sleeping on and waking a 32-bit word, also between processes. Wraps `futex(2)`.
public enum Futex {
  /// Why a wait returned.
  public enum Outcome: Sendable {
    /// Woken, interrupted, or the word no longer had the expected value: look again.
    case changed
    /// The deadline passed.
    case timedOut
  }

  /// Sleeps while the word holds `expected`. Spurious returns happen: call it in a loop.
  ///
  /// - Parameter word: A 4-byte aligned word, in a shared mapping when other processes wake it.
  @discardableResult
  public static func wait(
    _ word: UnsafeRawPointer, while expected: UInt32, deadline: Deadline = .never
  ) -> Outcome {
    let result = unsafe deadline.withTimespec { unsafe cipc_futex_wait(word, expected, $0) }
    return result == -1 && errno == ETIMEDOUT ? .timedOut : .changed
  }

  /// Wakes up to `count` sleepers and returns how many there were.
  @discardableResult
  public static func wake(_ word: UnsafeRawPointer, count: Int32 = .max) -> Int {
    Int(max(0, unsafe cipc_futex_wake(word, count)))
  }
}
