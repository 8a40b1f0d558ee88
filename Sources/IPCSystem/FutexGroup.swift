internal import CIPCShims
internal import Glibc

extension Futex {
  /// The most words that one call can sleep on.
  public static let largestGroup = 128

  /// Sleeps while every word holds what is expected of it. Wraps `futex_waitv(2)` (Linux 5.16).
  ///
  /// Spurious returns happen: call it in a loop. The words may lie in shared mappings.
  ///
  /// - Parameters:
  ///   - words: 1 to ``largestGroup`` addresses of 4-byte aligned words.
  ///   - expected: As many values.
  @discardableResult
  public static func wait(
    onAny words: [UnsafeRawPointer], while expected: [UInt32], deadline: Deadline = .never
  ) -> Outcome {
    let count = unsafe words.count
    precondition(
      count == expected.count && (1...largestGroup).contains(count),
      "1 to \(largestGroup) words with a value each")
    let list = unsafe words.map { unsafe UnsafeRawPointer?.some($0) }
    let result = unsafe deadline.withTimespec {
      unsafe cipc_futex_wait_any(list, expected, Int32(count), $0)
    }
    return result == -1 && errno == ETIMEDOUT ? .timedOut : .changed
  }
}
