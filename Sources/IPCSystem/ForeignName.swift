internal import CIPCShims
internal import Glibc

/// A name as another user serves it: seen from outside, with nothing taken on trust.
///
/// The directory belongs to that user for certain. What is in it, they may have made up.
public struct ForeignName: Sendable {
  /// The user.
  public let uid: UInt32
  /// The directory; `nil` when this process may not look into it.
  public let directory: NameDirectory?

  /// How many processes are watched: while one of them lives, the name does.
  private static let watched = 8

  /// The numbers of the owners that are alive.
  public func livingOwners() -> Set<Int> {
    var alive: [ServerProcess: Bool] = [:]
    let servers = directory?.publishedServers() ?? [:]
    return Set(
      servers.filter { server in
        if let known = alive[server.value] { return known }
        let lives = server.value.open() != nil
        alive[server.value] = lives
        return lives
      }.keys)
  }

  /// Whether a server is alive.
  public var isServed: Bool {
    Set((directory?.publishedServers() ?? [:]).values).contains { $0.open() != nil }
  }

  /// Begins to watch the name.
  ///
  /// - Throws: `EMFILE` when this user has as many watches as the system allows
  ///   (`fs.inotify.max_user_instances`).
  public func watch() throws(SystemError) -> Watch { try Watch(self) }

  /// A watch on a name: what happens after its creation ends ``wait(deadline:)``.
  public struct Watch: ~Copyable {
    private let name: ForeignName
    private let events: OwnedDescriptor

    fileprivate init(_ name: ForeignName) throws(SystemError) {
      self.name = name
      events = try Self.makeEvents(name.directory?.path ?? "")
    }

    private static func makeEvents(_ path: String) throws(SystemError) -> OwnedDescriptor {
      let events = OwnedDescriptor(
        adopting: try checked("inotify_init1") {
          inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        })
      let raw = events.raw
      // Not the end of the directory itself: all of a server's files go before that, and the
      // descriptor that leads there would delay it.
      try checked("inotify_add_watch") {
        unsafe inotify_add_watch(raw, path, UInt32(IN_MOVED_TO) | UInt32(IN_DELETE))
      }
      return events
    }

    /// Sleeps until a file appears or goes, or one of the servers ends.
    ///
    /// - Returns: Whether a server was alive.
    /// - Throws: `ECANCELED` (``CancellableCalls``).
    public func wait(deadline: Deadline) throws(SystemError) -> Bool {
      var processes: [Int32] = []
      defer { for process in processes { _ = Glibc.close(process) } }
      for server in Set((name.directory?.publishedServers() ?? [:]).values)
      where processes.count < ForeignName.watched {
        if let process = server.open() { processes.append(process.release()) }
      }
      if processes.isEmpty { return false }
      var entries = ([events.raw] + processes).map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      while true {
        let left = deadline.remaining
        var time = timespec(
          tv_sec: Int((left ?? 0) / 1_000_000_000), tv_nsec: Int((left ?? 0) % 1_000_000_000))
        let count = nfds_t(entries.count)
        let ready =
          left == nil
          ? unsafe cipc_ppoll(&entries, count, nil) : unsafe cipc_ppoll(&entries, count, &time)
        if ready >= 0 { break }
        if errno != EINTR { throw lastError("ppoll") }
        if CancellableCalls.isCancelled { throw SystemError(code: ECANCELED, call: "ppoll") }
      }
      // What is known now need not wake again.
      var buffer = [UInt8](repeating: 0, count: 4096)
      while unsafe read(events.raw, &buffer, buffer.count) > 0 {}
      return true
    }
  }
}
