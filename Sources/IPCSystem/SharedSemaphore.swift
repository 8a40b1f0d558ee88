internal import CIPCShims
internal import Glibc

/// Counting semaphores in shared memory, as POSIX has them.
///
/// The other processes that map the memory may write anything into it. A wait therefore looks up
/// from its sleep now and then: a semaphore that a peer has destroyed cannot hold a thread for good.
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

  /// Takes one without waiting. Wraps `sem_trywait(3)`.
  @inline(__always)
  public static func tryWait(_ place: UnsafeMutableRawPointer) -> Bool {
    unsafe sem_trywait(place.assumingMemoryBound(to: sem_t.self)) == 0
  }

  /// Sleeps until one can be taken, the deadline passes, or a while has gone by. Wraps
  /// `sem_clockwait(3)`.
  ///
  /// - Returns: Whether one was taken. When not, look at the clock and at why you wait, and call
  ///   again.
  public static func wait(_ place: UnsafeMutableRawPointer, deadline: Deadline) -> Bool {
    let until = min(deadline, Deadline.after(.seconds(1)))
    return unsafe until.withTimespec {
      unsafe cipc_sem_wait_until(place.assumingMemoryBound(to: sem_t.self), $0) == 0
    }
  }
}
