internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import Synchronization

/// One end of a connected pipe: frames over the socket, counters in the control page.
///
/// Writing and reading are in `PipeChannel+Writing.swift` and `PipeChannel+Reading.swift`. One
/// thread may write while another reads.
///
/// The client's end comes to life before the server has taken it, as Win32 has it: until then there
/// is no page. The page is the first packet to arrive, and whoever needs it first takes it
/// (``page(deadline:)``): a reader always, a writer only when it would have to wait.
@safe final class PipeChannel: @unchecked Sendable {
  // Sendable: `outgoing` is touched by the writing thread only and `incoming` by the reading thread
  // only, as the callers promise; everything else is constant, atomic or behind a mutex.

  /// What the writing thread keeps.
  @safe struct Outgoing {
    var queuedBytes: UInt64 = 0
    var queuedMessages: UInt64 = 0
    /// A small packet is put together here, so that it is one `send(2)` of one buffer.
    let packet: UnsafeMutableRawBufferPointer
  }

  /// What the reading thread keeps.
  @safe struct Incoming {
    var consumedBytes: UInt64 = 0
    var consumedMessages: UInt64 = 0
    /// Whether a message has begun to arrive and is not handed out completely.
    var inMessage = false
    /// Whether the reader has had a part of it.
    var handedOut = false
    /// Bytes of it that are still in the socket.
    var left = 0
    /// Bytes that were received and not handed out, from `heldStart` on.
    var held: [UInt8] = []
    var heldStart = 0
    /// The packet's header, and in prefixed conversations the length behind it.
    let head: UnsafeMutableRawBufferPointer
    /// Takes what does not fit the caller's buffer.
    let overflow: UnsafeMutableRawBufferPointer

    var heldCount: Int { held.count - heldStart }
  }

  /// Packets up to this size are copied together instead of sent in two parts.
  static let smallPacket = 4096 + 64

  let io: DescriptorIO
  let side: ControlPage.Side
  let quota: UInt64
  let outgoing: UnsafeMutablePointer<Outgoing>
  let incoming: UnsafeMutablePointer<Incoming>

  private let pageState: Mutex<ControlPage?>
  // Addresses of the two directions in the page, 0 while there is none: the data path reads these.
  private let mine = Atomic<UInt>(0)
  private let theirs = Atomic<UInt>(0)
  private let hungUp = Atomic<Bool>(false)
  // The client's waiters for the page sleep on this word.
  private let pageWord: UnsafeMutablePointer<Atomic<UInt32>>
  private let watches = Mutex(Watches())

  private struct Watches {
    var hangUp: UInt64?
    var arrival: UInt64?
    var arrivalDescriptor: Int32 = -1
    var closed = false
  }

  /// - Parameter page: `nil` on the client's side, where it arrives later.
  init(
    socket: consuming OwnedDescriptor, side: ControlPage.Side, quota: Int, page: ControlPage?
  ) {
    io = DescriptorIO(adopting: socket)
    self.side = side
    self.quota = UInt64(quota)
    pageState = Mutex(page)
    unsafe outgoing = .allocate(capacity: 1)
    unsafe outgoing.initialize(
      to: Outgoing(packet: .allocate(byteCount: Self.smallPacket, alignment: 16)))
    unsafe outgoing.pointee.packet.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe incoming = .allocate(capacity: 1)
    unsafe incoming.initialize(
      to: Incoming(
        head: .allocate(byteCount: PacketFrame.headerSize + Self.prefixSize, alignment: 16),
        overflow: .allocate(byteCount: PacketFrame.maximumPayload, alignment: 16)))
    unsafe pageWord = .allocate(capacity: 1)
    unsafe pageWord.initialize(to: Atomic(0))
    if let page { usePage(page) }
  }

  deinit {
    endWatches()
    unsafe outgoing.pointee.packet.deallocate()
    unsafe outgoing.deinitialize(count: 1).deallocate()
    unsafe incoming.pointee.head.deallocate()
    unsafe incoming.pointee.overflow.deallocate()
    unsafe incoming.deinitialize(count: 1).deallocate()
    unsafe pageWord.deinitialize(count: 1).deallocate()
  }

  // MARK: - The page

  private func usePage(_ page: ControlPage) {
    let peer: ControlPage.Side = side == .server ? .client : .server
    theirs.store(page.direction(writtenBy: peer).address, ordering: .relaxed)
    mine.store(page.direction(writtenBy: side).address, ordering: .releasing)
  }

  private var hasPage: Bool { mine.load(ordering: .acquiring) != 0 }

  /// Counters of what this end writes; `nil` until there is a page.
  @inline(__always)
  var written: ControlPage.Direction? {
    ControlPage.Direction(address: mine.load(ordering: .acquiring))
  }

  /// Counters of what this end reads; `nil` until there is a page.
  @inline(__always)
  var readable: ControlPage.Direction? {
    // `mine` is stored last, so that whoever sees that sees this one too.
    mine.load(ordering: .acquiring) == 0
      ? nil : ControlPage.Direction(address: theirs.load(ordering: .relaxed))
  }

  /// Waits until the server has taken this client.
  ///
  /// - Throws: `.timedOut`, `.brokenPipe` when the server went away instead, `.closed`.
  @inline(never)
  func awaitPage(deadline: Deadline) throws(TransportError) {
    while true {
      let seen = unsafe pageWord.pointee.load(ordering: .acquiring)
      if try takePage() { return }
      if deadline.hasPassed { throw TransportError(.timedOut, "wait to be taken by the server") }
      try watchForArrival()
      unsafe Futex.wait(pageWord, while: seen, deadline: deadline)
    }
  }

  /// Takes the page out of the socket if it is there. Does not wait.
  private func takePage() throws(TransportError) -> Bool {
    if hasPage { return true }
    let result = pageState.withLock { state -> Result<Bool, TransportError> in
      if state != nil { return .success(true) }
      do throws(TransportError) {
        guard let page = try receivePage() else { return .success(false) }
        state = page
        usePage(page)
        return .success(true)
      } catch { return .failure(error) }
    }
    let taken = try result.get()
    if taken { wakePageWaiters() }
    return taken
  }

  private func receivePage() throws(TransportError) -> ControlPage? {
    var packet: LocalSocket.Received?
    do throws(SystemError) {
      _ = try io.perform("recvmsg", .read, deadline: .never) { descriptor in
        do throws(SystemError) {
          packet = try LocalSocket.receiveIfReady(limit: Welcome.size, from: descriptor)
          return 0
        } catch {
          errno = error.code
          return -1
        }
      }
    } catch { throw TransportError(error, "wait to be taken by the server") }
    guard var received = packet.take() else { return nil }
    if received.bytes.isEmpty {
      throw TransportError(.brokenPipe, "wait to be taken by the server")
    }
    guard Welcome.isValid(received.bytes), let file = received.takeDescriptor(),
      let mapping = try? SharedMapping(mappingSealed: file, size: ControlPage.size)
    else {
      io.close()
      throw TransportError(.protocolViolation, "read the server's welcome")
    }
    return ControlPage(mapping: mapping)
  }

  private func wakePageWaiters() {
    unsafe pageWord.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    unsafe Futex.wake(pageWord)
  }

  // MARK: - Waiting

  /// Sleeps until `attempt` succeeds.
  ///
  /// - Parameter consumed: How many bytes the reader shall have consumed in all when it wakes us.
  @inline(never)
  func waitForRoom(
    deadline: Deadline, until consumed: () -> UInt64,
    _ attempt: () throws(TransportError) -> Bool
  ) throws(TransportError) {
    do { try awaitPage(deadline: deadline) } catch {
      throw error.code == .timedOut ? TransportError(.timedOut, "wait for room in the pipe") : error
    }
    guard let direction = written else { return }
    try watchForHangUp()
    defer { direction.stopWaiting() }
    while true {
      let seen = direction.room
      direction.announceWaiting(until: consumed())
      if io.isClosed { throw TransportError(.closed, "wait for room in the pipe") }
      if try attempt() { return }
      if hungUp.load(ordering: .acquiring) {
        throw TransportError(.brokenPipe, "wait for room in the pipe")
      }
      if deadline.hasPassed { throw TransportError(.timedOut, "wait for room in the pipe") }
      direction.sleep(while: seen, until: deadline)
    }
  }

  /// Has the watcher wake our sleeping writer when the peer is gone.
  private func watchForHangUp() throws(TransportError) {
    try register { (watches) throws(SystemError) in
      if watches.hangUp != nil { return }
      watches.hangUp = try PeerWatcher.shared.watch(io.descriptor) { [weak self] in
        guard let self else { return }
        self.hungUp.store(true, ordering: .releasing)
        self.written?.wakeWriter()
      }
    }
  }

  /// Has the watcher take the page when it comes, or notice that it never will.
  private func watchForArrival() throws(TransportError) {
    try register { (watches) throws(SystemError) in
      if watches.arrival != nil { return }
      // A descriptor of its own: one that the watcher has seen once cannot be watched again.
      let copy = try OwnedDescriptor.duplicating(io.descriptor)
      watches.arrival = try PeerWatcher.shared.watch(copy.raw, pidfd: true) { [weak self] in
        guard let self else { return }
        _ = try? self.takePage()
        self.wakePageWaiters()
      }
      watches.arrivalDescriptor = copy.release()
    }
  }

  private func register(
    _ body: (inout Watches) throws(SystemError) -> Void
  ) throws(TransportError) {
    let failure = watches.withLock { watches -> SystemError? in
      if watches.closed { return SystemError(code: EBADF, call: "epoll_ctl") }
      do throws(SystemError) {
        try body(&watches)
        return nil
      } catch { return error }
    }
    if let failure { throw TransportError(failure, "watch the other end of the pipe") }
  }

  private func endWatches() {
    let old = watches.withLock { watches in
      defer { watches = Watches(closed: true) }
      return watches
    }
    if let token = old.hangUp { PeerWatcher.shared.stop(token, descriptor: io.descriptor) }
    if let token = old.arrival {
      PeerWatcher.shared.stop(token, descriptor: old.arrivalDescriptor)
      OwnedDescriptor(adopting: old.arrivalDescriptor).close()
    }
  }

  // MARK: - Closing

  /// Closes this end. Threads inside a call leave it with `.closed`. Safe to call twice.
  func close() {
    endWatches()
    io.close()
    written?.wakeWriter()
    wakePageWaiters()
  }

  /// The process at the other end.
  var peer: PeerIdentity? { try? LocalSocket.peer(of: io.descriptor) }
}

extension OwnedDescriptor {
  /// A copy of a descriptor that somebody else owns.
  fileprivate static func duplicating(_ raw: Int32) throws(SystemError) -> OwnedDescriptor {
    let borrowed = OwnedDescriptor(adopting: raw)
    do throws(SystemError) {
      let copy = try borrowed.duplicate()
      _ = borrowed.release()
      return copy
    } catch {
      _ = borrowed.release()
      throw error
    }
  }
}
