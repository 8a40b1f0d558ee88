internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

/// The reader's end of a mailslot, which owns the name and the queue.
///
/// Any thread may call it; of several that read, each gets its own message.
public final class MailslotServer: @unchecked Sendable {
  // Sendable: `queue`, `writers`, `datagrams` and what hangs on them are touched by the thread whose
  // turn it is only; the rest is constant or behind a lock.

  /// What a mailslot is created with.
  public struct Options: Sendable {
    /// Whether messages come from the network too.
    public enum Reception: Sendable {
      /// If `IPCLAB_MAILSLOT_RECEIVE` is 1.
      case asEnvironmentSays
      /// No.
      case off
      /// Yes. Nobody knows who has sent them.
      case on(MailslotNetwork)
    }

    /// The longest message in bytes; `nil` for any up to ``Mailslots/maximumMessage``.
    public var maximumMessage: Int?
    /// How long ``MailslotServer/read(into:)`` waits; `nil` for ever.
    public var readTimeout: Duration?
    /// Whose mailslot it is; `nil` for ``VirtualComputer/ofThisProcess()``.
    public var computer: VirtualComputer?
    /// Whether messages come from the network too.
    public var reception = Reception.asEnvironmentSays

    /// Creates options.
    public init(maximumMessage: Int? = nil, readTimeout: Duration? = nil) {
      self.maximumMessage = maximumMessage
      self.readTimeout = readTimeout
    }

    /// For conversations of the transport: nothing from the network.
    static var local: Options {
      var options = Options()
      options.reception = .off
      return options
    }
  }

  /// The name.
  public let name: MailslotName
  /// Whose mailslot it is.
  public let computer: VirtualComputer
  /// The longest message in bytes; `nil` for any up to ``Mailslots/maximumMessage``.
  public let maximumMessage: Int?

  private let runtime: RuntimeDirectory
  private let turn = ReadingTurn()
  private let ready: ReadinessSet
  private let listener: DescriptorIO
  private let owner: Locked<NameOwner?>
  private let inquiries: MailslotInquiries?
  // The connections once more, for `close()` in another thread; `nil` when that has come.
  private let open = Locked<[UInt64: DescriptorIO]?>([:])
  private let timeout: Locked<Duration?>
  private let datagrams: BroadcastReceiver?
  private var writers: [UInt64: MailslotLine] = [:]
  private var nextToken: UInt64 = firstWriterToken
  private var queue = MailslotQueue()
  /// The process that wrote the message read last, `nil` for one from the network. For the reading
  /// thread.
  public private(set) var peer: PeerIdentity?

  private static let listenerToken: UInt64 = 0
  private static let networkToken: UInt64 = 1
  private static let firstWriterToken: UInt64 = 2

  /// Creates the mailslot.
  ///
  /// - Throws: `.nameInUse` when it has a reader on this computer; `.invalidName` for a name on
  ///   another one; `.invalidArgument` for a negative maximum.
  /// - Note: Win32 `CreateMailslot`.
  public init(
    _ name: MailslotName, in runtime: RuntimeDirectory, options: Options = Options()
  ) throws(TransportError) {
    guard name.host == .here else {
      throw TransportError(
        .invalidName, "create \(name)", remedy: "A mailslot is created on this computer: \\\\.\\…")
    }
    let maximum = options.maximumMessage
    if maximum.map({ $0 < 1 }) ?? false {
      throw TransportError(.invalidArgument, "create \(name) for messages of no bytes")
    }
    let computer = try VirtualComputer.orOfThisProcess(options.computer)
    let network: MailslotNetwork? =
      switch options.reception {
      case .off: nil
      case .on(let network): network
      case .asEnvironmentSays: try MailslotNetwork.receiving()
      }
    self.name = name
    self.runtime = runtime
    self.computer = computer
    maximumMessage = maximum
    timeout = Locked(options.readTimeout)
    do throws(SystemError) {
      ready = try ReadinessSet()
      datagrams = try network.map { (network) throws(SystemError) in
        try BroadcastReceiver(name, domain: computer.domain, network, in: runtime)
      }
      if let datagrams { try ready.add(datagrams.socket.descriptor, token: Self.networkToken) }
      let claim = try MailslotClaim.make(
        name, in: runtime, as: computer, maximum: maximum ?? 0)
      listener = claim.listener
      inquiries = MailslotInquiries(claim.owner.directory, claim.owner.number)
      owner = Locked(claim.owner)
      try ready.add(listener.descriptor, token: Self.listenerToken)
    } catch { throw TransportError(error, "create \(name)") }
    inquiries?.answer { [weak self] in self?.standing() }
  }

  deinit { close() }

  /// How long ``read(into:)`` waits; `nil` for ever. A change is for reads that begin later.
  ///
  /// - Note: Win32 `SetMailslotInfo`.
  public var readTimeout: Duration? {
    get { timeout.withLock { $0 } }
    set { timeout.withLock { $0 = newValue } }
  }

  /// Reads the next message and appends it to `buffer`; waits for ``readTimeout`` at most.
  ///
  /// - Throws: As ``read(into:deadline:)``.
  /// - Note: Win32 `ReadFile`.
  public func read(into buffer: inout OutputSpan<UInt8>) throws(TransportError) {
    try read(into: &buffer, deadline: readDeadline)
  }

  /// When a read that begins now gives up.
  public var readDeadline: Deadline {
    switch readTimeout {
    case nil: .never
    case .zero?: .immediate
    case let time?: .after(time)
    }
  }

  /// Reads the next message and appends it to `buffer`.
  ///
  /// - Parameter cancellation: What ``cancel(_:)`` in another thread gives up this read by.
  /// - Throws: `.moreData` when the message does not fit (it stays; `limit` is its size),
  ///   `.timedOut`, `.cancelled`, `.closed`. That writers come and go is nothing to a mailslot.
  public func read(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline, cancellation: Cancellation? = nil
  ) throws(TransportError) {
    guard turn.take(deadline, unless: { isClosed || cancellation?.has ?? false }) else {
      let isCancelled = cancellation?.has ?? false
      throw TransportError(
        isClosed ? .closed : isCancelled ? .cancelled : .timedOut, "read from \(name)")
    }
    defer { turn.give() }
    while queue.isEmpty {
      if let cancellation, cancellation.has {
        throw TransportError(.cancelled, "read from \(name)")
      }
      if try receive(into: &buffer, deadline: deadline) { return }
    }
    peer = try queue.take(into: &buffer, name)
  }

  /// Gives up one read.
  public final class Cancellation: Sendable {
    private let flag = Atomic(false)

    /// Makes one for a read that is about to start.
    public init() {}

    var has: Bool { flag.load(ordering: .sequentiallyConsistent) }

    fileprivate func set() { flag.store(true, ordering: .sequentiallyConsistent) }
  }

  /// Has the read with `cancellation` end with `.cancelled`, unless there is a message for it.
  public func cancel(_ cancellation: Cancellation) {
    cancellation.set()
    turn.wakeAll()
    // A writer that comes and goes wakes the thread that waits for one, and is nothing else.
    (try? MailslotWriter(name, in: runtime, as: computer))?.close()
  }

  /// Forgets the next message, which did not fit.
  func discardNext() {
    guard turn.take(.never, unless: { isClosed }) else { return }
    defer { turn.give() }
    queue.drop()
  }

  private var isClosed: Bool { open.withLock { $0 == nil } }

  /// What waits to be read: how many messages, and the size of the next one.
  ///
  /// The count ends where the reader's own memory does: see ``Mailslots/quota``. While another thread
  /// waits in a read, there is nothing.
  public func pending() throws(TransportError) -> (count: Int, next: Int?) {
    var found: (count: Int, next: Int?) = (0, nil)
    try turn.look { () throws(TransportError) in
      do throws(SystemError) { try drain() } catch {
        throw TransportError(error, "look at \(name)")
      }
      found = (queue.count, queue.showNext())
    }
    return found
  }

  /// As ``pending()``, for others: what is next may still change.
  private func standing() -> (count: Int, next: Int?) {
    var found: (count: Int, next: Int?) = (0, nil)
    turn.look {
      try? drain()
      found = (queue.count, queue.nextSize)
    }
    return found
  }

  /// What a mailslot tells of itself.
  public struct Info: Sendable, Equatable {
    /// The longest message in bytes; `nil` for any.
    public var maximumMessage: Int?
    /// The size of the next message in bytes; `nil` when there is none.
    public var next: Int?
    /// How many messages wait to be read.
    public var count: Int
    /// How long a read waits; `nil` for ever.
    public var readTimeout: Duration?
  }

  /// What the mailslot was created with, and what waits to be read; see ``pending()``.
  ///
  /// - Note: Win32 `GetMailslotInfo`.
  public func info() throws(TransportError) -> Info {
    let (count, next) = try pending()
    return Info(
      maximumMessage: maximumMessage, next: next, count: count, readTimeout: readTimeout)
  }

  /// Waits for something to happen and deals with it. Returns whether a message came that is in
  /// `buffer` now; others, if complete, are in the queue.
  private func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) -> Bool {
    do throws(SystemError) {
      if deadline != .immediate { turn.setIdle(true) }
      defer { turn.setIdle(false) }
      let (token, second) = try ready.waitForTwo(deadline: deadline)
      // What several have written is put in order first.
      guard second == nil, let line = writers[token] else {
        turn.setIdle(false)
        try drain()
        return false
      }
      if case .delivered(let count) = try deal(with: line, token, &buffer) {
        if fits(count) {
          peer = line.peer
          return true
        }
        buffer.removeLast(count)
        drop(token)
      }
    } catch { throw TransportError(error, "read from \(name)") }
    return false
  }

  /// Receives from a writer. What does not fit the buffer is in the queue then.
  @inline(__always)
  private func deal(
    with line: MailslotLine, _ token: UInt64, _ buffer: inout OutputSpan<UInt8>
  ) throws(SystemError) -> MailslotLine.Outcome {
    let outcome = try line.receive(into: &buffer, deadline: .immediate)
    switch outcome {
    case .delivered, .incomplete: break
    case .complete(let message):
      if fits(message.count) {
        queue.add(message, line.peer, stamp: line.stamp)
      } else {
        drop(token)
      }
    case .ended: drop(token)
    }
    return outcome
  }

  /// Whether a message is not longer than the mailslot takes. A correct writer sends no other.
  @inline(__always)
  private func fits(_ count: Int) -> Bool { maximumMessage.map { count <= $0 } ?? true }

  private func drop(_ token: UInt64) {
    writers.removeValue(forKey: token)?.close()
    open.withLock { _ = $0?.removeValue(forKey: token) }
  }

  /// Takes everything that there is into the queue, up to the quota.
  private func drain() throws(SystemError) {
    while queue.weight < Mailslots.quota {
      do throws(SystemError) {
        let token = try ready.wait(deadline: .immediate)
        if token == Self.listenerToken {
          try admit()
        } else if let line = writers[token] {
          var nothing = OutputSpan<UInt8>()
          if case .delivered = try deal(with: line, token, &nothing) {
            queue.add([], line.peer, stamp: line.stamp)
          }
        } else if token == Self.networkToken, let message = try datagrams?.next(),
          fits(message.count)
        {
          queue.add(message, nil, stamp: MonotonicClock.now())
        }
      } catch {
        if error.code == ETIMEDOUT { return }
        throw error
      }
    }
  }

  private func admit() throws(SystemError) {
    guard let socket = try LocalSocket.acceptIfReady(listener.descriptor) else { return }
    let line = MailslotLine(socket, isOnlyLine: false)
    let token = nextToken
    nextToken += 1
    let isOpen = open.withLock { open in
      open?[token] = line.io
      return open != nil
    }
    guard isOpen else { throw SystemError(code: EBADF, call: "accept4") }
    try ready.add(line.io.descriptor, token: token)
    writers[token] = line
  }

  /// Removes the name; unread messages are lost. Threads that read leave with `.closed`. Safe to call
  /// twice.
  public func close() {
    inquiries?.close()
    let owner = self.owner.withLock { $0.take() }
    _ = consume owner
    let connections = open.withLock { $0.take() }
    ready.close()
    listener.close()
    datagrams?.socket.close()
    connections?.values.forEach { $0.close() }
    turn.wakeAll()
  }
}
