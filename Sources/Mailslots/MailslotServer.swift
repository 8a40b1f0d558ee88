internal import Glibc
public import IPCSystem
public import IPCTransport

/// The reader's end of a mailslot, which owns the name and the queue.
///
/// One thread reads; `close()` may come from another.
public final class MailslotServer: @unchecked Sendable {
  // Sendable: `queue`, `writers` and what hangs on them are touched by the one reading thread only,
  // as the callers promise; the rest is constant or behind a mutex.

  /// The name.
  public let name: MailslotName

  private let ready: ReadinessSet
  private let listener: DescriptorIO
  private let owner: Locked<NameOwner?>
  // The connections once more, for `close()` in another thread; `nil` when that has come.
  private let open = Locked<[UInt64: DescriptorIO]?>([:])
  private var writers: [UInt64: MailslotLine] = [:]
  private var nextToken: UInt64 = 1
  private var queue: [(bytes: [UInt8], peer: PeerIdentity?)] = []
  private var queueStart = 0
  private var queuedBytes = 0
  /// The process that wrote the message read last. For the reading thread.
  public private(set) var peer: PeerIdentity?

  private static let listenerToken: UInt64 = 0

  /// Creates the mailslot.
  ///
  /// - Throws: `.nameInUse` when it has a reader.
  /// - Note: Win32 `CreateMailslot`.
  public init(_ name: MailslotName, in runtime: RuntimeDirectory) throws(TransportError) {
    self.name = name
    do throws(SystemError) {
      let claim = try MailslotClaim.make(name, in: runtime)
      listener = claim.listener
      owner = Locked(claim.owner)
      ready = try ReadinessSet()
      try ready.add(listener.descriptor, token: Self.listenerToken)
    } catch { throw TransportError(error, "create \(name)") }
  }

  deinit { close() }

  /// Reads the next message and appends it to `buffer`.
  ///
  /// - Throws: `.moreData` when the message does not fit (it stays; `limit` is its size),
  ///   `.timedOut`, `.closed`. That writers come and go is nothing to a mailslot.
  /// - Note: Win32 `ReadFile`.
  public func read(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    while queueStart == queue.count {
      if try receive(into: &buffer, deadline: deadline) { return }
    }
    let (message, writer) = queue[queueStart]
    guard message.count <= buffer.freeCapacity else {
      throw TransportError(.moreData, "read from \(name)", limit: message.count)
    }
    for byte in message { buffer.append(byte) }
    peer = writer
    dropNext()
  }

  /// Forgets the next message, which did not fit.
  func discardNext() {
    if queueStart < queue.count { dropNext() }
  }

  private func dropNext() {
    queuedBytes -= queue[queueStart].bytes.count
    queueStart += 1
    if queueStart == queue.count {
      queue.removeAll(keepingCapacity: true)
      queueStart = 0
    }
  }

  /// What waits to be read: how many messages, and the size of the next one.
  ///
  /// The count ends where the reader's own memory does: see ``Mailslots/quota``.
  ///
  /// - Note: Win32 `GetMailslotInfo`.
  public func pending() throws(TransportError) -> (count: Int, next: Int?) {
    var nothing: [UInt8] = []
    do {
      while queuedBytes < Mailslots.quota {
        try nothing.append(addingCapacity: 0) { (buffer) throws(TransportError) in
          // What fits no bytes is a message of none.
          if try receive(into: &buffer, deadline: .immediate) { queue.append(([], peer)) }
        }
      }
    } catch { if error.code != .timedOut { throw error } }
    return (
      queue.count - queueStart, queueStart < queue.count ? queue[queueStart].bytes.count : nil
    )
  }

  /// Waits for something to happen and deals with it. Returns whether a message came that is in
  /// `buffer` now; others, if complete, are in the queue.
  private func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) -> Bool {
    do throws(SystemError) {
      let token = try ready.wait(deadline: deadline)
      guard token != Self.listenerToken else {
        try admit()
        return false
      }
      guard let line = writers[token] else { return false }
      switch try line.receive(into: &buffer, deadline: .immediate) {
      case .delivered:
        peer = line.peer
        return true
      case .complete(let message):
        queue.append((message, line.peer))
        queuedBytes += message.count
      case .incomplete: break
      case .ended:
        line.close()
        writers[token] = nil
        open.withLock { $0?[token] = nil }
      }
    } catch { throw TransportError(error, "read from \(name)") }
    return false
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

  /// Removes the name; unread messages are lost. A thread that reads leaves with `.closed`. Safe to
  /// call twice.
  public func close() {
    let owner = self.owner.withLock { $0.take() }
    _ = consume owner
    ready.close()
    listener.close()
    let connections = open.withLock { $0.take() }
    connections?.values.forEach { $0.close() }
  }
}

/// A mailslot's name, taken by a new reader, and the socket at which writers arrive.
struct MailslotClaim: ~Copyable {
  let owner: NameOwner
  let listener: DescriptorIO

  /// - Throws: `EEXIST` when the name has a reader.
  static func make(
    _ name: MailslotName, in runtime: RuntimeDirectory
  ) throws(SystemError) -> MailslotClaim {
    let registry = try Mailslots.registry(runtime)
    if !registry.directory(of: name.base).exists { registry.sweep() }
    let owner = try registry.withName(name.base, creating: true) {
      (directory) throws(SystemError) in
      directory.removeDeadOwners()
      if !directory.livingOwners().isEmpty { throw SystemError(code: EEXIST, call: "flock") }
      return try directory.addOwner()
    }
    guard let owner else { throw SystemError(code: ENOENT, call: "mkdir") }
    let socket = try LocalSocket.make(.seqpacket)
    try owner.directory.bind(socket.raw, to: "\(owner.number)\(Mailslots.listenerName)")
    try LocalSocket.listen(socket.raw, backlog: 4096)
    return MailslotClaim(owner: owner, listener: DescriptorIO(adopting: socket))
  }
}
