internal import Glibc
internal import Synchronization

/// The well-known socket of a mechanism whose objects have no listener of their own: each client
/// connects, says hello, and hands over the descriptors the conversation will use.
///
/// The connection stays as the conversation's tether: it names the peer and hangs up when the peer
/// dies. A client that connects and says nothing keeps nobody else waiting.
public final class HandshakeListener: Sendable {
  /// Longest hello, in bytes.
  public static let longestHello = 64

  private let listener: DescriptorIO
  private let ready: ReadinessSet
  private let path: String
  private let state = Locked(State())

  private struct State {
    var silent: [Int32] = []
    var closed = false
  }

  // A client beyond this many silent ones drives out the oldest of them.
  private static let patience = 64
  private static let backlog: Int32 = 1024

  /// A client and what it said.
  @frozen public struct Admitted: ~Copyable {
    /// The connection to the client.
    public var tether: OwnedDescriptor
    /// Its first message.
    public var hello: LocalSocket.Received
  }

  /// Starts to listen at `path`; the file of a dead server is replaced.
  ///
  /// - Throws: `EADDRINUSE` when somebody serves there.
  public init(path: String) throws(SystemError) {
    let socket = try LocalSocket.make(.seqpacket)
    try LocalSocket.claim(socket.raw, path: path, backlog: Self.backlog, stale: .replace)
    try Descriptors.setNonblocking(socket.raw, true)
    self.path = path
    listener = DescriptorIO(adopting: socket, nonblocking: true)
    ready = try ReadinessSet()
    try ready.add(listener.descriptor)
  }

  deinit { close() }

  /// Waits for the next client that has said hello. One thread at a time.
  public func accept(deadline: Deadline) throws(SystemError) -> Admitted {
    while true {
      let number = Int32(truncatingIfNeeded: try ready.wait(deadline: deadline))
      if number == listener.descriptor {
        try takeClient()
      } else if let tether = takeOut(number) {
        ready.remove(number)
        guard let hello = try? LocalSocket.receive(limit: Self.longestHello, from: tether.raw),
          !hello.bytes.isEmpty
        else { continue }
        return Admitted(tether: tether, hello: hello)
      }
    }
  }

  private func takeClient() throws(SystemError) {
    let client: OwnedDescriptor
    do { client = try LocalSocket.accept(from: listener, deadline: .immediate) } catch {
      if error.code == ETIMEDOUT { return }
      throw error
    }
    try ready.add(client.raw)
    let number = client.release()
    let (driven, closed) = state.withLock { state -> (Int32?, Bool) in
      if state.closed { return (number, true) }
      state.silent.append(number)
      return (state.silent.count > Self.patience ? state.silent.removeFirst() : nil, false)
    }
    if let driven { OwnedDescriptor(adopting: driven).close() }
    if closed { throw SystemError(code: EBADF, call: "accept") }
  }

  private func takeOut(_ number: Int32) -> OwnedDescriptor? {
    let found = state.withLock { state in
      state.silent.firstIndex(of: number).map { state.silent.remove(at: $0) }
    }
    return found.map { OwnedDescriptor(adopting: $0) }
  }

  /// Stops to listen and removes the name. Safe to call twice.
  public func close() {
    let silent = state.withLock { state -> [Int32]? in
      if state.closed { return nil }
      state.closed = true
      defer { state.silent = [] }
      return state.silent
    }
    guard let silent else { return }
    LocalSocket.removeName(path)
    ready.close()
    listener.close()
    for number in silent { OwnedDescriptor(adopting: number).close() }
  }
}

/// Notices that the process at the other end of a conversation is gone.
///
/// The action runs at most once, and never after `close()` has returned.
public final class Tether: Sendable {
  private let socket: Int32
  private let state = Locked(State())
  private let goneFlag = Atomic<Bool>(false)

  private struct State {
    var token: UInt64?
    var closed = false
    var action: (@Sendable () -> Void)?
  }

  /// Takes over a connected socket whose other end only the peer holds.
  public init(adopting socket: consuming OwnedDescriptor) { self.socket = socket.release() }

  deinit { close() }

  /// Whether the peer is known to be gone.
  @inline(__always)
  public var isGone: Bool { goneFlag.load(ordering: .acquiring) }

  /// Who is at the other end.
  public var peer: PeerIdentity? {
    state.withLock { $0.closed ? nil : try? LocalSocket.peer(of: socket) }
  }

  /// Runs `action` when the peer is gone, on the watcher's thread: it must not block. Call it once,
  /// before another thread can call ``close()``.
  public func whenGone(_ action: @escaping @Sendable () -> Void) throws(SystemError) {
    state.withLock { $0.action = action }
    let token = try PeerWatcher.shared.watch(socket) { [weak self] in self?.gone() }
    state.withLock { $0.token = token }
  }

  private func gone() {
    state.withLock { state in
      if state.closed { return }
      goneFlag.store(true, ordering: .releasing)
      state.action?()
      state.action = nil
    }
  }

  /// Lets go of the peer, which notices. Safe to call twice.
  public func close() {
    let first = state.withLock { state in
      defer { state.closed = true }
      state.action = nil
      return !state.closed
    }
    guard first else { return }
    if let token = state.withLock({ $0.token }) {
      PeerWatcher.shared.stop(token)
    }
    OwnedDescriptor(adopting: socket).close()
  }
}
