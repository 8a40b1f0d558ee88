internal import Glibc

extension LocalSocket {
  /// What to do with a socket file that a dead server left behind.
  public enum StaleName: Sendable {
    /// Refuse the name, as `bind(2)` does.
    case refuse
    /// Replace the file when nobody serves there.
    case replace
  }

  /// Binds a socket to a path that only this user may connect to, and listens unless it is a
  /// datagram socket.
  ///
  /// “Connecting is refused, so remove the file and bind” is a race between two starters, either of
  /// which may remove the other's fresh file. With ``StaleName/replace`` it therefore happens under
  /// a lock on the directory (`flock(2)`), which the kernel drops when its holder dies.
  ///
  /// - Throws: `EADDRINUSE` when somebody serves at the path, or when a file is there and is to be
  ///   refused.
  public static func claim(
    _ socket: Int32, path: String, backlog: Int32?, stale: StaleName
  ) throws(SystemError) {
    // The mode of the socket before bind is the mode of the file (minus the umask), so there is no
    // moment in which others could connect.
    try checked("fchmod") { fchmod(socket, 0o600) }
    guard stale == .replace else {
      try bind(socket, to: path)
      if let backlog { try listen(socket, backlog: backlog) }
      return
    }
    let slash = path.lastIndex(of: "/")
    let directory = slash.map { String(path[..<$0]) + "/" } ?? "."
    let lock = OwnedDescriptor(
      adopting: try checked("open(\(directory))") {
        unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      })
    let raw = lock.raw
    try retrying("flock(\(directory))") { flock(raw, LOCK_EX) }
    do { try bind(socket, to: path) } catch  where error.code == EADDRINUSE {
      guard isAbandoned(path) else { throw error }
      try checked("unlink(\(path))") { unsafe unlink(path) }
      try bind(socket, to: path)
    }
    if let backlog { try listen(socket, backlog: backlog) }
    _ = consume lock
  }

  /// Removes the file of a socket that this process serves.
  public static func removeName(_ path: String) { unsafe _ = unlink(path) }

  /// Whether the file at `path` is a socket that no process has open.
  private static func isAbandoned(_ path: String) -> Bool {
    for kind in [Kind.stream, .seqpacket, .datagram] {
      guard let probe = try? make(kind) else { return false }
      do {
        try Descriptors.setNonblocking(probe.raw, true)
        try connect(probe.raw, to: path)
        return false
      } catch {
        if error.code == ECONNREFUSED { return isSocket(path) }
        // EPROTOTYPE: a live socket of another type. Anything else: not ours to judge.
        if error.code != EPROTOTYPE { return false }
      }
    }
    return false
  }

  private static func isSocket(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }
}
