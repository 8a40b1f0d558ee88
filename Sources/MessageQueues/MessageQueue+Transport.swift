internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

/// POSIX message queues: bounded messages with priorities in a queue that belongs to no process.
///
/// A queue goes one way and mixes its senders, so each client brings two of its own. It makes them
/// under a name that the rendezvous has recorded, removes the name at once, and hands the open
/// queues to the server over a local socket, which stays as tether: a queue has no end of file and
/// says nothing when a process dies, so the kernel's hang-up on the tether stands in for that.
/// Messages touch only the queues.
///
/// - Note: `mq_overview(7)`. A message has at most `fs.mqueue.msgsize_max` bytes (8192 by default),
///   a queue at most `fs.mqueue.msg_max` messages (10). All queues of a user together may take
///   `RLIMIT_MSGQUEUE` bytes (819200), which with these sizes is four clients: for more, the limit
///   is raised where this process may, and the queues are made shallower where it may not.
public struct MessageQueue: Transport {
  /// Creates the transport; it has no state.
  public init() {}

  private static let shape = MessageQueueCalls.Shape.largest()
  private static let next = Atomic<Int>(0)
  static let hello = Array("ipclab message-queue 1".utf8)

  /// Identity.
  public var mechanism: Mechanism {
    Mechanism(
      id: "message-queue", title: "POSIX message queue", family: .queue,
      summary: "Named kernel queues of bounded messages; one pair per client.",
      sources: ["mq_overview(7)", "mq_send(3)", "mq_receive(3)"])
  }

  /// Claims.
  public var capabilities: Capabilities {
    Capabilities(
      direction: .oneWay, boundaries: .kept, shortRead: .refused, zeroLength: .delivered,
      largest: .setting("fs.mqueue.msgsize_max"), reach: .anyProcess, readers: .compete,
      writerDeath: .nothing, readerDeath: .nothing, nameAfterKill: .usable, identity: .none,
      access: .sameUser, maximumMessage: Self.shape.messageSize)
  }

  /// A socket name in the scratch directory, and a queue name that is recorded there.
  public func rendezvous(
    clients: Int, scratch: ScratchDirectory
  ) throws(TransportError) -> Rendezvous {
    let shape = Self.shape.fitting(2 * clients, into: MessageQueueCalls.raiseByteLimit())
    let endpoint = try Self.names(in: scratch, depth: shape.depth)
    return Rendezvous(
      server: endpoint, clients: Array(repeating: endpoint, count: clients))
  }

  /// Listens at a path, replacing the socket file of a dead server.
  ///
  /// - Throws: `.nameInUse` when somebody serves there.
  public func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener {
    let address = QueueAddress(endpoint)
    return try translating("listen at \(address.path)") { () throws(SystemError) in
      QueueListener(try HandshakeListener(path: address.path), name: address.path)
    }
  }

  /// Makes two queues and hands them to the server at a path.
  ///
  /// - Throws: `.limitReached` when not even queues of one message fit into `RLIMIT_MSGQUEUE`.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    let address = QueueAddress(endpoint)
    do throws(SystemError) {
      let tether = try LocalSocket.make(.seqpacket)
      try LocalSocket.connect(tether.raw, to: address.path, deadline: deadline)
      let shape = MessageQueueCalls.Shape(
        depth: min(address.depth ?? Self.shape.depth, Self.shape.depth),
        messageSize: Self.shape.messageSize)
      let pair = try QueuePair.make(address, shape)
      try LocalSocket.send(
        Self.hello, descriptors: [pair.theirInput.raw, pair.theirOutput.raw], over: tether.raw)
      return try QueueConnection(
        input: pair.myInput, output: pair.myOutput, tether: tether, shape: shape)
    } catch { throw queueError(error, "connect to \(address.path)") }
  }

  /// A queue name that is recorded in the scratch directory.
  public func nativeRendezvous(scratch: ScratchDirectory) throws(TransportError) -> Rendezvous {
    let endpoint = Endpoint(address: QueueAddress(try Self.names(in: scratch, depth: nil)).queue)
    return Rendezvous(server: endpoint, clients: [endpoint]) {
      MessageQueueCalls.unlink(endpoint.address)
    }
  }

  /// One bare queue: the reader makes it when it is missing, the writer opens it.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    do throws(SystemError) {
      return try NativeQueue(role, name: endpoint.address, Self.shape)
    } catch { throw queueError(error, "open \(endpoint.address)") }
  }

  /// Names for one meeting. The queue name is recorded before anybody can make such a queue, so
  /// that it is removed even when all processes of the run are killed.
  private static func names(
    in scratch: ScratchDirectory, depth: Int?
  ) throws(TransportError) -> Endpoint {
    let number = next.add(1, ordering: .relaxed).oldValue
    let path = scratch.path + "/q-" + String(number, radix: 36)
    guard path.utf8.count <= LocalSocket.longestPath else {
      throw TransportError(
        .invalidArgument, "name a socket \(path)", limit: LocalSocket.longestPath,
        remedy: "Socket paths end at \(LocalSocket.longestPath) bytes: set IPCLAB_RUNTIME_DIR to "
          + "a shorter path.")
    }
    let address = QueueAddress(path: path, depth: depth)
    return try translating("record \(address.queue)") { () throws(SystemError) in
      try scratch.recordMessageQueue(address.queue)
      return address.endpoint
    }
  }
}

/// Where clients meet the server, and what queues they make for themselves.
///
/// Written `path`, or `path|depth` when a client is to take no more than its share of the bytes that
/// all queues may have.
struct QueueAddress {
  let path: String
  let depth: Int?

  init(path: String, depth: Int? = nil) {
    self.path = path
    self.depth = depth
  }

  init(_ endpoint: Endpoint) {
    guard let bar = endpoint.address.lastIndex(of: "|"),
      let depth = Int(endpoint.address[endpoint.address.index(after: bar)...]), depth > 0
    else {
      self.init(path: endpoint.address)
      return
    }
    self.init(path: String(endpoint.address[..<bar]), depth: depth)
  }

  /// The name that a client's queues have for a moment. Two paths with the same hash would only wait
  /// for each other's creation.
  var queue: String {
    // FNV-1a.
    let hash = path.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return "/ipclab-\(getuid())-" + String(hash, radix: 36)
  }

  var endpoint: Endpoint { Endpoint(address: depth.map { "\(path)|\($0)" } ?? path) }
}

/// Translates an error of a queue, with the limits named.
func queueError(_ error: SystemError, _ operation: String) -> TransportError {
  switch error.code {
  case EMFILE:
    TransportError(
      .limitReached, operation, system: error,
      remedy: "All message queues of a user share RLIMIT_MSGQUEUE bytes, and a process has a limit "
        + "on its open files: raise the first with `ulimit -q`, the second with `ulimit -n`.")
  case ENOSPC:
    TransportError(
      .limitReached, operation, system: error,
      remedy: "There are too many message queues: raise fs.mqueue.queues_max.")
  case EMSGSIZE:
    TransportError(
      .messageTooLarge, operation, system: error,
      limit: MessageQueueCalls.Shape.largest().messageSize,
      remedy: "The limit is fs.mqueue.msgsize_max.")
  default: TransportError(error, operation)
  }
}
