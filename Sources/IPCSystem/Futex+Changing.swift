internal import CIPCShims
internal import Glibc

/// Changes with a wake-up in one system call: a process that is killed has done both or neither.
/// They wrap `FUTEX_WAKE_OP`.
extension Futex {
  /// The largest argument of ``add(_:to:)``.
  public static let largestArgument: UInt32 = 0x7FF

  /// Flips bits of a word and wakes every sleeper. The bits are among the lowest eleven.
  public static func flip(_ bits: UInt32, of word: UnsafeRawPointer) {
    precondition(bits <= largestArgument)
    unsafe _ = cipc_futex_flip_and_wake(word, bits)
  }

  /// Adds to a word and wakes every sleeper.
  public static func add(_ amount: UInt32, to word: UnsafeRawPointer) {
    precondition(amount <= largestArgument)
    unsafe _ = cipc_futex_add_and_wake(word, amount)
  }
}
