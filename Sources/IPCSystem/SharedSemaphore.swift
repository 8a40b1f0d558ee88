internal import CIPCShims
internal import Glibc

/// Counting semaphores in shared memory, as POSIX has them.
///
/// The other processes that map the memory may write anything into it: a wait may end without
/// reason, and what was waited for must be looked at.
public enum SharedSemaphore {
  /// How many bytes a semaphore takes; it must be 8-byte aligned.
  public static let size = MemoryLayout<sem_t>.size

  /// Makes a semaphore, shared between processes, of `value`. Wraps `sem_init(3)`.
  public static func initialize(_ place: UnsafeMutableRawPointer, value: UInt32) {
    unsafe _ = sem_init(place.assumingMemoryBound(to: sem_t.self), 1, value)
  }

  /// Adds one and wakes a sleeper. Wraps `sem_post(3)`; a system call only when somebody sleeps.
  @inline(__always)
  public static func post(_ place: UnsafeMutableRawPointer) {
    unsafe _ = sem_post(place.assumingMemoryBound(to: sem_t.self))
  }

  /// Sleeps until one can be taken. Wraps `sem_wait(3)` and `sem_clockwait(3)`.
  ///
  /// - Returns: Whether one was taken: not when the deadline passed or a signal came.
  public static func wait(_ place: UnsafeMutableRawPointer, deadline: Deadline) -> Bool {
    let semaphore = unsafe place.assumingMemoryBound(to: sem_t.self)
    // A timer would cost a tenth of the wait.
    if deadline.isNever { return unsafe sem_wait(semaphore) == 0 }
    return unsafe deadline.withTimespec { unsafe cipc_sem_wait_until(semaphore, $0) == 0 }
  }
}
