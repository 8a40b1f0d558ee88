internal import AnonymousPipes
internal import Glibc
internal import IPCSystem

/// The descriptors 0, 1 and 2 as handles.
enum StandardStreams {
  /// The descriptor behind `STD_INPUT_HANDLE`, `STD_OUTPUT_HANDLE` or `STD_ERROR_HANDLE`.
  static func descriptor(of number: DWORD) -> Int32? {
    switch number {
    case STD_INPUT_HANDLE: 0
    case STD_OUTPUT_HANDLE: 1
    case STD_ERROR_HANDLE: 2
    default: nil
    }
  }

  /// What a standard descriptor is; `nil` when it is closed.
  ///
  /// The object has a copy of it: closing a handle must be able to wake threads that read.
  static func object(_ number: Int32) -> KernelObject? {
    guard let copy = try? Descriptors.duplicate(number) else { return nil }
    var status = stat()
    guard unsafe fstat(copy.raw, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else {
      return DescriptorFile(adopting: copy, standardNumber: number)
    }
    let quota = (try? Pipes.capacity(of: copy.raw)) ?? QuotaPipe.defaultQuota
    switch fcntl(copy.raw, F_GETFL) & O_ACCMODE {
    case O_RDONLY:
      return QuotaPipeReadingFile(
        QuotaPipeReader(adopting: copy, quota: quota), standardNumber: number)
    case O_WRONLY:
      return QuotaPipeWritingFile(
        QuotaPipeWriter(adopting: copy, quota: quota), standardNumber: number)
    default: return DescriptorFile(adopting: copy, standardNumber: number)
    }
  }

  /// Lets a standard descriptor go, so that the other side sees the end. The number stays taken:
  /// else the next file that is opened would become the program's output.
  static func abandon(_ number: Int32) {
    if let nothing = try? nothing(for: number) { try? Descriptors.replace(number, by: nothing) }
  }

  /// A descriptor that neither gives nor takes anything where `number` is used.
  static func nothing(for number: Int32) throws(SystemError) -> OwnedDescriptor {
    let raw = unsafe open("/dev/null", (number == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC)
    if raw == -1 { throw SystemError(code: errno, call: "open(/dev/null)") }
    return OwnedDescriptor(adopting: raw)
  }
}
