public import IPCSystem
public import IPCTransport

/// Named pipes as Win32 has them, on Linux.
public enum NamedPipes {
  /// Bytes or messages: the type of a pipe, and how an end reads.
  public enum Kind: UInt32, Sendable, CaseIterable {
    /// A stream of bytes: what one write put in may come out in several reads, or with others.
    case byte = 1
    /// Messages: a read gives one message, or a part of one and says so.
    case message = 2
  }

  /// Which way data goes, as the server sees it.
  public enum Direction: UInt32, Sendable, CaseIterable {
    /// From client to server.
    case inbound = 1
    /// From server to client.
    case outbound = 2
    /// Both ways.
    case duplex = 3
  }

  /// Whether calls on an end wait.
  public enum WaitMode: UInt32, Sendable, CaseIterable {
    /// They do.
    case wait = 0
    /// They do not: a read of nothing fails, a write that does not fit writes nothing.
    ///
    /// - Note: Win32 `PIPE_NOWAIT`, which its documentation keeps for old programs: use the
    ///   asynchronous operations instead.
    case noWait = 1
  }

  /// How a pipe is made.
  ///
  /// Kind, direction, maximum, default time-out and access belong to the name: the first instance lays
  /// them down. Everything else belongs to the instance.
  public struct Options: Sendable {
    /// The pipe's type. All instances of a name have the first one's.
    public var kind: Kind
    /// How the server's end reads at first; messages only on a pipe of messages.
    public var readMode: Kind
    /// Whether calls on the server's end wait at first.
    public var waitMode = WaitMode.wait
    /// Which way data goes. All instances of a name have the same.
    public var direction = Direction.duplex
    /// How many unread bytes from the client the pipe holds before the client's writes wait.
    public var inboundQuota: Int
    /// How many unread bytes to the client the pipe holds before the server's writes wait.
    public var outboundQuota: Int
    /// How many instances the name can have at a time, in all processes; 1 to 254, or `nil` for any
    /// number.
    public var maxInstances: Int?
    /// Whether to fail when the name has an instance already.
    public var firstInstanceOnly = false
    /// How long clients wait for an instance when they do not say.
    public var defaultTimeout = Duration.milliseconds(50)
    /// Who may connect; that of the first instance holds for all of the name.
    public var access = AccessControl.sameUser
    /// Whose pipe it is; `nil` for what this process is. Other computers find it by that name only.
    public var computer: VirtualComputer?

    /// The quota when none is given: 256 KiB.
    public static let defaultQuota = 256 * 1024
    /// The largest quota.
    public static let largestQuota = 1 << 30

    /// Options for a pipe that messages or bytes go both ways through, whose server reads what it
    /// carries.
    public init(kind: Kind, quota: Int = Options.defaultQuota) {
      self.kind = kind
      readMode = kind
      inboundQuota = quota
      outboundQuota = quota
    }

    /// - Throws: `.invalidArgument` for what no pipe can be.
    func check(_ name: PipeName) throws(TransportError) {
      func require(_ condition: Bool, _ remedy: String) throws(TransportError) {
        if !condition {
          throw TransportError(.invalidArgument, "create an instance of \(name)", remedy: remedy)
        }
      }
      try require(
        kind == .message || readMode == .byte, "A pipe of bytes cannot be read as messages.")
      try require(
        maxInstances.map { (1...254).contains($0) } ?? true,
        "The maximum is 1 to 254 instances, or unlimited.")
      let quotas = 0...Self.largestQuota
      try require(
        quotas.contains(inboundQuota) && quotas.contains(outboundQuota),
        "A quota is 0 to \(Self.largestQuota) bytes.")
      try require(
        access.encoded.numbers.count <= AccessControl.mostUsers,
        "At most \(AccessControl.mostUsers) users can be listed; make a group of them.")
    }
  }

  /// Waits until an instance of the name is free, and reserves nothing.
  ///
  /// It sleeps; no processor time is used. A name without a server fails at once.
  ///
  /// - Parameters:
  ///   - deadline: When to give up; `nil` takes the server's default time-out.
  ///   - serverUser: As for ``NamedPipeClient``.
  /// - Throws: `.notFound`; `.timedOut` when all instances had clients until the end;
  ///   `.accessDenied`; `.cancelled` when the call is (``CancellableCalls``).
  /// - Note: Win32 `WaitNamedPipe`.
  public static func waitForInstance(
    of name: PipeName, in runtime: RuntimeDirectory, deadline: Deadline?,
    serverUser: UInt32? = nil
  ) throws(TransportError) {
    try InstanceSearch(name, runtime, serverUser: serverUser).waitForFree(deadline)
  }

  /// Sends a request to a pipe of messages and receives the answer: opens it, waiting for a free
  /// instance, transacts and closes it.
  ///
  /// - Parameter serverUser: As for ``NamedPipeClient``.
  /// - Returns: The answer, at most `limit` bytes; `hasMore` when it was longer, whose rest is lost.
  /// - Throws: As ``NamedPipeClient`` and ``NamedPipeEnd/transact(_:into:deadline:)``;
  ///   `.invalidArgument` for a pipe of bytes.
  /// - Note: Win32 `CallNamedPipe`. The deadline is for the instance, as there.
  public static func call(
    _ name: PipeName, _ request: Span<UInt8>, upTo limit: Int, in runtime: RuntimeDirectory,
    deadline: Deadline?, serverUser: UInt32? = nil
  ) throws(TransportError) -> PipeTransfer {
    var client: NamedPipeClient
    do throws(TransportError) {
      client = try NamedPipeClient(
        name, in: runtime, deadline: .immediate, serverUser: serverUser)
    } catch {
      guard error.code == .instancesBusy else { throw error }
      var end = deadline
      if end == nil {
        end = try InstanceSearch(name, runtime, serverUser: serverUser).defaultDeadline()
      }
      client = try NamedPipeClient(
        name, in: runtime, deadline: end ?? .immediate, serverUser: serverUser)
    }
    defer { client.close() }
    try client.setMode(read: .message, wait: nil)
    var hasMore = false
    let bytes = try [UInt8](capacity: limit) {
      (answer: inout OutputSpan<UInt8>) throws(TransportError) in
      hasMore = try client.transact(request, into: &answer, deadline: .never)
    }
    return PipeTransfer(bytes: bytes, count: bytes.count, hasMore: hasMore)
  }

  /// Removes what this user's killed servers have left, also where other users see it, and never
  /// anything alive.
  public static func sweep(_ runtime: RuntimeDirectory) {
    for computer in PipeComputer.all(in: runtime) { computer.sweep(runtime) }
  }

  static let listenerSuffix = ".sock"
}
