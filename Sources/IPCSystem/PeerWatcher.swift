internal import CIPCShims
internal import Glibc

/// One thread per process that notices when descriptors hang up.
///
/// Shared memory has no end of file. Each connection over it therefore keeps a tether socket to its
/// peer (or a pidfd), and registers it here; when the peer dies, the kernel hangs the tether up and
/// `action` runs, typically to set a flag and wake futex words. A sleeping waiter thus needs no
/// timeout and a spinning one no system call.
public final class PeerWatcher: Sendable {
  /// The watcher of this process. Its thread starts with the first registration.
  public static let shared = PeerWatcher()

  private let epoll: Int32
  private let state = Locked(State())

  private struct State {
    var started = false
    var next: UInt64 = 1
    var registrations: [UInt64: Registration] = [:]
  }

  private struct Registration {
    let descriptor: Int32
    let action: @Sendable () -> Void
  }

  private static let peerShutdown: UInt32 = 0x2000  // EPOLLRDHUP, an enum in C++ clothes
  private static let oneShot: UInt32 = 1 << 30  // EPOLLONESHOT

  private init() { epoll = cipc_epoll_create() }

  /// Runs `action` once, on the watcher's thread, when the other end of `descriptor` is gone.
  ///
  /// - Parameter pidfd: Whether the descriptor is a pidfd, which becomes readable instead.
  /// - Returns: A token for ``stop(_:)``, which must be called before the descriptor is
  ///   closed.
  public func watch(
    _ descriptor: Int32, pidfd: Bool = false, action: @escaping @Sendable () -> Void
  ) throws(SystemError) -> UInt64 {
    // HUP and ERR always come; EPOLLRDHUP asks for the peer's shutdown as well.
    try register(descriptor, pidfd ? UInt32(POLLIN) : Self.peerShutdown, action)
  }

  /// Runs `action` once, on the watcher's thread, when the descriptor has input, or the other end is
  /// gone. The action must not block. It may watch the descriptor again.
  ///
  /// - Returns: A token for ``stop(_:)``, which must be called before the descriptor is closed.
  public func watchInput(
    _ descriptor: Int32, action: @escaping @Sendable () -> Void
  ) throws(SystemError) -> UInt64 {
    try register(descriptor, UInt32(POLLIN), action)
  }

  private func register(
    _ descriptor: Int32, _ events: UInt32, _ action: @escaping @Sendable () -> Void
  ) throws(SystemError) -> UInt64 {
    let token = state.withLock { state in
      let token = state.next
      state.next += 1
      state.registrations[token] = Registration(descriptor: descriptor, action: action)
      return token
    }
    do {
      // Once only: a descriptor that stays hung up must not keep the thread busy.
      try checked("epoll_ctl") {
        cipc_epoll_add(epoll, descriptor, events | Self.oneShot, token)
      }
    } catch {
      state.withLock { _ = $0.registrations.removeValue(forKey: token) }
      throw error
    }
    do { try startIfNeeded() } catch {
      stop(token)
      throw error
    }
    return token
  }

  /// Forgets a registration. When it returns, the action has run, or is running, or never will.
  public func stop(_ token: UInt64) { _ = take(token) }

  /// Removes a registration, here and in the kernel, in one step: once `stop` has returned, the
  /// number may belong to another descriptor.
  private func take(_ token: UInt64) -> (@Sendable () -> Void)? {
    state.withLock { state in
      guard let registration = state.registrations.removeValue(forKey: token) else { return nil }
      _ = cipc_epoll_remove(epoll, registration.descriptor)
      return registration.action
    }
  }

  private func startIfNeeded() throws(SystemError) {
    try state.withLock { state throws(SystemError) in
      if state.started { return }
      try SystemThread.start { self.run() }
      state.started = true
    }
  }

  private func run() {
    var tokens = [UInt64](repeating: 0, count: 64)
    var events = [UInt32](repeating: 0, count: 64)
    while true {
      let count = unsafe cipc_epoll_wait(epoll, &tokens, &events, 64, -1)
      guard count > 0 else { continue }
      for token in tokens.prefix(Int(count)) {
        take(token)?()
      }
    }
  }
}

/// Threads of the operating system's own, for work that blocks.
public enum SystemThread {
  /// Starts a detached thread. Wraps `pthread_create(3)`.
  public static func start(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe _ = pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    let box = unsafe Unmanaged.passRetained(Body(run: body))
    var thread = pthread_t()
    let result = unsafe pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        body.run()
        return nil
      }, unsafe box.toOpaque())
    if result != 0 {
      unsafe box.release()
      throw SystemError(code: result, call: "pthread_create")
    }
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
