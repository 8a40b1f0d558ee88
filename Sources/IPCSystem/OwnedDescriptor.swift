internal import CIPCShims
internal import Glibc

/// A file descriptor with one owner. It is closed when the owner goes away.
///
/// Descriptors made by this module are close-on-exec from birth; a child process gets one only
/// through ``ChildProcess``.
public struct OwnedDescriptor: ~Copyable, Sendable {
  /// The descriptor's number, for system calls. Do not close it and do not keep it.
  public let raw: Int32

  /// Takes over a descriptor that nobody else will close.
  public init(adopting raw: Int32) { self.raw = raw }

  deinit { _ = Glibc.close(raw) }

  /// Closes the descriptor now. `close(2)` is never retried: on Linux the number is free even after
  /// an error.
  public consuming func close() {
    _ = Glibc.close(raw)
    discard self
  }

  /// Hands the descriptor over: the caller must close it.
  public consuming func release() -> Int32 {
    let number = raw
    discard self
    return number
  }

  /// Makes another descriptor for the same open file, close-on-exec, numbered `lowest` or above.
  public borrowing func duplicate(numberedFrom lowest: Int32 = 0) throws(SystemError)
    -> OwnedDescriptor
  {
    let raw = self.raw
    return OwnedDescriptor(
      adopting: try checked("fcntl(F_DUPFD_CLOEXEC)") { cipc_duplicate_above(raw, lowest) })
  }
}

/// Operations on descriptors by number, for owners that keep theirs in other forms.
public enum Descriptors {
  /// Sets or clears `O_NONBLOCK`.
  public static func setNonblocking(_ raw: Int32, _ on: Bool) throws(SystemError) {
    let flags = try checked("fcntl(F_GETFL)") { cipc_fcntl_int(raw, F_GETFL, 0) }
    let wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
    if wanted != flags {
      try checked("fcntl(F_SETFL)") { cipc_fcntl_int(raw, F_SETFL, wanted) }
    }
  }

  /// Sets close-on-exec, for a descriptor that was inherited across `exec`.
  public static func setCloseOnExec(_ raw: Int32) throws(SystemError) {
    try checked("fcntl(F_SETFD)") { cipc_fcntl_int(raw, F_SETFD, FD_CLOEXEC) }
  }

  /// The numbers of all open descriptors of this process, ascending; for leak tests.
  public static func open() -> [Int32] {
    guard let directory = unsafe opendir("/proc/self/fd") else { return [] }
    defer { unsafe _ = closedir(directory) }
    let own = unsafe dirfd(directory)
    var numbers: [Int32] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if let number = Int32(name), number != own { numbers.append(number) }
    }
    return numbers.sorted()
  }
}
