internal import CIPCShims
internal import Glibc

/// Descriptors of which one thread waits for the next that has input. Wraps `epoll(7)`, level
/// triggered: a descriptor whose input was not exhausted is reported again, after the others.
public final class ReadinessSet: Sendable {
  private let epoll: DescriptorIO

  /// Creates an empty set.
  public init() throws(SystemError) {
    epoll = DescriptorIO(
      adopting: OwnedDescriptor(adopting: try checked("epoll_create1") { cipc_epoll_create() }))
  }

  /// Adds a descriptor. Closing it removes it.
  ///
  /// - Parameters:
  ///   - token: What ``wait(deadline:)`` returns for it.
  ///   - hangUpOnly: Whether to report only that the other end is gone.
  public func add(
    _ descriptor: Int32, token: UInt64, hangUpOnly: Bool = false
  ) throws(SystemError) {
    let epoll = self.epoll.descriptor
    try checked("epoll_ctl") {
      cipc_epoll_add(epoll, descriptor, hangUpOnly ? 0 : UInt32(POLLIN), token)
    }
  }

  /// Adds a descriptor whose token is its number.
  public func add(_ descriptor: Int32) throws(SystemError) {
    try add(descriptor, token: UInt64(UInt32(bitPattern: descriptor)))
  }

  /// Removes a descriptor.
  public func remove(_ descriptor: Int32) { _ = cipc_epoll_remove(epoll.descriptor, descriptor) }

  /// Waits for a descriptor with input, or one that has hung up, and returns its token.
  ///
  /// - Throws: `ETIMEDOUT`; `EBADF` after `close()`.
  public func wait(deadline: Deadline) throws(SystemError) -> UInt64 {
    while true {
      var token: UInt64 = 0
      let count = try epoll.perform("epoll_wait", .read, deadline: .never) { descriptor in
        var events: UInt32 = 0
        return unsafe Int(
          cipc_epoll_wait(descriptor, &token, &events, 1, deadline.pollMilliseconds))
      }
      if count > 0 { return token }
      if deadline.hasPassed { throw SystemError(code: ETIMEDOUT, call: "epoll_wait") }
    }
  }

  /// Waits like ``wait(deadline:)``, and tells whether a second descriptor has input at the same time.
  ///
  /// - Throws: `ETIMEDOUT`; `EBADF` after `close()`.
  public func waitForTwo(
    deadline: Deadline
  ) throws(SystemError) -> (first: UInt64, second: UInt64?) {
    while true {
      var tokens: (UInt64, UInt64) = (0, 0)
      let count = try epoll.perform("epoll_wait", .read, deadline: .never) { descriptor in
        var events: (UInt32, UInt32) = (0, 0)
        return unsafe withUnsafeMutablePointer(to: &tokens) { tokens in
          unsafe withUnsafeMutablePointer(to: &events) { events in
            unsafe Int(
              cipc_epoll_wait(
                descriptor, UnsafeMutableRawPointer(tokens).assumingMemoryBound(to: UInt64.self),
                UnsafeMutableRawPointer(events).assumingMemoryBound(to: UInt32.self), 2,
                deadline.pollMilliseconds))
          }
        }
      }
      if count > 0 { return (tokens.0, count > 1 ? tokens.1 : nil) }
      if deadline.hasPassed { throw SystemError(code: ETIMEDOUT, call: "epoll_wait") }
    }
  }

  /// Closes the set. A thread that waits leaves with `EBADF`. Safe to call twice.
  public func close() { epoll.close() }
}
