internal import CIPCShims
internal import Glibc

/// Waits for the first of several descriptors to have input. Wraps `epoll(7)`.
///
/// One thread waits at a time; `close()` in another ends the wait with `EBADF`. The descriptors stay
/// their owners'; closing one takes it out of the set.
public final class ReadinessSet: Sendable {
  private let epoll: DescriptorIO

  /// Creates an empty set.
  public init() throws(SystemError) {
    epoll = DescriptorIO(
      adopting: OwnedDescriptor(adopting: try checked("epoll_create1") { cipc_epoll_create() }))
  }

  /// Adds a descriptor.
  public func add(_ descriptor: Int32) throws(SystemError) {
    let set = epoll.descriptor
    try checked("epoll_ctl") {
      cipc_epoll_add(set, descriptor, UInt32(POLLIN), UInt64(UInt32(bitPattern: descriptor)))
    }
  }

  /// Takes a descriptor out.
  public func remove(_ descriptor: Int32) {
    _ = cipc_epoll_remove(epoll.descriptor, descriptor)
  }

  /// Waits for a descriptor that has input, has hung up or has an error.
  ///
  /// - Throws: `ETIMEDOUT` at the deadline, `EBADF` after `close()`.
  public func wait(deadline: Deadline) throws(SystemError) -> Int32 {
    var token: UInt64 = 0
    var events: UInt32 = 0
    let patience: Int32 = deadline.isNever ? -1 : 0
    _ = try epoll.perform("epoll_wait", .read, deadline: deadline) { descriptor in
      let count = unsafe cipc_epoll_wait(descriptor, &token, &events, 1, patience)
      if count == 0 {
        errno = EAGAIN
        return -1
      }
      return Int(count)
    }
    return Int32(bitPattern: UInt32(truncatingIfNeeded: token))
  }

  /// Ends the set. A thread inside ``wait(deadline:)`` leaves it with `EBADF`.
  public func close() { epoll.close() }
}
