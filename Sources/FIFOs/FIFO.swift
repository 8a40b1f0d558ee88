internal import Glibc
public import IPCSystem
public import IPCTransport

/// A pipe with a name in the file system.
///
/// Any process that has the path and the permission can open it. Opened without a reader, the end
/// for writing is refused; the end for reading waits for its first writer at the first read.
///
/// - Note: `mkfifo(3)`, `fifo(7)`. Not a Win32 named pipe, which has instances and goes both ways.
public enum FIFO {
  /// Creates a FIFO that only this user may open (mode 0600).
  ///
  /// - Throws: `.nameInUse` when the path exists.
  public static func create(at path: String) throws(TransportError) {
    let result = unsafe mkfifo(path, 0o600)
    let code = errno
    if result == -1 {
      throw TransportError(SystemError(code: code, call: "mkfifo"), "create FIFO \(path)")
    }
  }

  /// Opens the end for reading without waiting for a writer.
  ///
  /// A read before any writer has come gives end of file; ``waitForWriter(_:deadline:)`` waits.
  ///
  /// - Throws: `.notFound` without such a name, `.invalidArgument` when it is no FIFO,
  ///   `.accessDenied` when it belongs to another user.
  public static func openForReading(_ path: String) throws(TransportError) -> OwnedDescriptor {
    let end = try open(path, O_RDONLY)
    try translating("open FIFO \(path)") { () throws(SystemError) in
      try Descriptors.setNonblocking(end.raw, false)
    }
    return end
  }

  /// Opens the end for writing.
  ///
  /// - Throws: `.notFound` when there is no such name or nobody has it open for reading,
  ///   `.invalidArgument` when it is no FIFO, `.accessDenied` when it belongs to another user.
  public static func openForWriting(_ path: String) throws(TransportError) -> OwnedDescriptor {
    let end = try open(path, O_WRONLY)
    try translating("open FIFO \(path)") { () throws(SystemError) in
      try Descriptors.setNonblocking(end.raw, false)
    }
    return end
  }

  /// Waits until a writer has opened the FIFO since this end was opened, and has written or left.
  public static func waitForWriter(
    _ end: DescriptorIO, deadline: Deadline
  ) throws(TransportError) {
    try translating("wait for a writer") { () throws(SystemError) in
      // poll(2) does not report a hang-up before the first writer, but read(2) reports end of file.
      _ = try end.perform("poll", .read, deadline: deadline) { descriptor in
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Int(unsafe poll(&entry, 1, deadline.isNever ? -1 : 0)).orWouldBlock
      }
    }
  }

  /// Opens either end without waiting and leaves it in non-blocking mode. `O_RDWR` is both ends.
  static func open(_ path: String, _ mode: Int32) throws(TransportError) -> OwnedDescriptor {
    let number = unsafe Glibc.open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
    let code = errno
    if number == -1 {
      let error = SystemError(code: code, call: "open")
      switch code {
      // Nobody has it open for reading.
      case ENXIO: throw TransportError(.notFound, "open FIFO \(path)", system: error)
      case ELOOP, EISDIR:
        throw TransportError(.invalidArgument, "open FIFO \(path)", system: error)
      default: throw TransportError(error, "open FIFO \(path)")
      }
    }
    let end = OwnedDescriptor(adopting: number)
    var status = stat()
    try translating("open FIFO \(path)") { () throws(SystemError) in
      _ = try retrying("fstat") { unsafe fstat(number, &status) }
    }
    guard status.st_mode & S_IFMT == S_IFIFO else {
      throw TransportError(
        .invalidArgument, "open FIFO \(path)", remedy: "There is a file of another kind")
    }
    guard status.st_uid == geteuid() else {
      throw TransportError(
        .accessDenied, "open FIFO \(path)", remedy: "It belongs to another user")
    }
    return end
  }
}

extension Int {
  /// The result of a `poll(2)` as that of a call that says `EAGAIN` when nothing is ready.
  fileprivate var orWouldBlock: Int {
    if self != 0 { return self }
    errno = EAGAIN
    return -1
  }
}
