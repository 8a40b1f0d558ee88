internal import CIPCShims
internal import Glibc

extension Descriptors {
  /// Makes another descriptor for the same open file, close-on-exec. Wraps `fcntl(F_DUPFD_CLOEXEC)`.
  public static func duplicate(_ raw: Int32) throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(
      adopting: try checked("fcntl(F_DUPFD_CLOEXEC)") { cipc_duplicate_above(raw, 3) })
  }

  /// Puts a copy of `other` in the place of `raw`, which is closed, in one step. The copy is not
  /// close-on-exec: the place is a standard one. Wraps `dup2(2)`.
  public static func replace(_ raw: Int32, by other: borrowing OwnedDescriptor) throws(SystemError)
  {
    let source = other.raw
    try checked("dup2") { Glibc.dup2(source, raw) }
  }
}
