internal import CIPCShims
internal import Glibc

extension LocalSocket {
  /// Takes the next client of a listening socket. Wraps `accept4(2)`.
  ///
  /// - Throws: `ETIMEDOUT` at the deadline, `EBADF` when `listener` was closed.
  public static func accept(
    from listener: DescriptorIO, deadline: Deadline
  ) throws(SystemError) -> OwnedDescriptor {
    while true {
      do {
        let number = try listener.perform("accept", .read, deadline: deadline) {
          Int(cipc_accept($0))
        }
        return OwnedDescriptor(adopting: Int32(number))
      } catch  where error.code == ECONNABORTED {
        continue
      }
    }
  }
}
