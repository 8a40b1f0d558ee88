internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

/// A server of shared-memory conversations at a socket file.
public final class SharedRingListener: Listener {
  private let path: String
  private let policy: WaitPolicy
  private let socket: DescriptorIO
  /// The locked descriptor of the lock file, until `close()`.
  private let lock: Mutex<Int32?>

  // A client sends its memory right after it connects. One that does not is given up.
  private static let patience = Duration.seconds(1)

  init(path: String, policy: WaitPolicy) throws(SystemError) {
    guard let lock = try FileLock.tryAcquire(path + ".lock") else {
      throw SystemError(code: EADDRINUSE, call: "flock(\(path).lock)")
    }
    let socket = try LocalSocket.make(.seqpacket)
    // The lock is ours: whoever bound this file is gone.
    unsafe _ = unlink(path)
    // The mode of the socket becomes the mode of the file.
    let raw = socket.raw
    try checked("fchmod") { fchmod(raw, 0o600) }
    try LocalSocket.bind(raw, to: path)
    try LocalSocket.listen(raw, backlog: 1024)
    self.path = path
    self.policy = policy
    self.socket = DescriptorIO(adopting: socket)
    self.lock = Mutex(lock.release())
  }

  deinit { close() }

  /// Waits for the next client. See ``Listener/accept(deadline:)``.
  ///
  /// A client that is not one, or that has another policy, is hung up on and does not count.
  public func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    try acceptRing(deadline: deadline)
  }

  /// As ``accept(deadline:)``, with the mechanism's own type.
  public func acceptRing(deadline: Deadline) throws(TransportError) -> SharedRingConnection {
    while true {
      let client = try translating("accept at \(path)") { () throws(SystemError) in
        try LocalSocket.accept(from: socket, deadline: deadline)
      }
      guard Self.isReadable(client, deadline: .after(Self.patience)) else { continue }
      do { return try SharedRing.admit(client, policy: policy) } catch {
        if Self.isOurs(error) { throw TransportError(error, "accept at \(path)") }
      }
    }
  }

  /// Whether an error is a shortage of this process rather than the client's fault.
  private static func isOurs(_ error: SystemError) -> Bool {
    [EMFILE, ENFILE, ENOMEM, EAGAIN].contains(error.code)
  }

  private static func isReadable(
    _ socket: borrowing OwnedDescriptor, deadline: Deadline
  ) -> Bool {
    var entry = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
    while true {
      let ready = unsafe poll(&entry, 1, deadline.pollMilliseconds)
      if ready != -1 || errno != EINTR { return ready == 1 }
    }
  }

  /// Stops to serve and removes the socket file. See ``Listener/close()``. The lock file stays: to
  /// remove it would let two servers hold a lock of that name.
  public func close() {
    let held = lock.withLock { lock in
      defer { lock = nil }
      return lock
    }
    guard let held else { return }
    unsafe _ = unlink(path)
    socket.close()
    OwnedDescriptor(adopting: held).close()
  }
}
