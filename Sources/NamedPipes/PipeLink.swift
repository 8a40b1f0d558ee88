internal import IPCSystem
internal import IPCTransport
internal import Synchronization

/// One end of a connected pipe.
///
/// Messages are in the shared memory. Two sockets connect the ends: over one, a writer wakes a reader
/// that sleeps, over the other, a reader wakes a writer that waits for room. The kernel hangs them up
/// when a process dies, so nobody waits for the dead, and they can be watched with others, so one
/// thread (``PeerWatcher``) drives the asynchronous operations of all ends of a process.
///
/// Reading is in `PipeLink+Reading.swift` and writing in `PipeLink+Writing.swift`. Each direction has
/// its lock and its queue of operations that wait. Whoever waits for a bell, a thread inside a call
/// or the watcher, is the direction's driver: there is one at a time, since a bell is heard once.
@safe final class PipeLink: @unchecked Sendable {
  // Sendable: `input` is touched with `inputLock` held and `output` with `outputLock` held; the rest
  // never changes or is atomic.

  /// How this end was ended.
  enum Ending: UInt32 {
    case open = 0
    case disconnected = 1
    case closed = 2
  }

  /// The reading half.
  struct Input {
    var reader: PipeReader
    /// Whether a thread inside a call drives.
    var isDriven = false
    /// Reads that wait, in their order.
    var queue: [ReadRequest] = []
    var watch: PipeWatch?
    /// Whether the peer's socket has hung up.
    var peerIsGone = false
    /// When that was asked last, for calls that are made again and again.
    var lastLookOfPeeks: UInt64 = 0
    var lastLookOfReads: UInt64 = 0
    /// Whether what a dead peer's writes waited with was dropped.
    var hasDropped = false
    var lingering = Lingering()
  }

  /// The writing half.
  struct Output {
    var writer: PipeWriter
    var isDriven = false
    /// Writes that wait until what is unread of them is within the quota, in their order.
    var queue: [WriteRequest] = []
    var flushes: [FlushRequest] = []
    var watch: PipeWatch?
    var peerIsGone = false
    var lingering = Lingering()
  }

  /// A registration with the watcher. The number tells it from later ones.
  struct PipeWatch {
    let token: UInt64
    let number: UInt64
  }

  let side: PipeMemory.Side
  /// How many unread bytes the peer lets us leave.
  let quota: UInt64
  /// How many unread bytes the peer may leave.
  let peerQuota: UInt64
  let memory: PipeMemory
  /// Bells that say “there is something to read”, in both directions.
  let dataBell: DescriptorIO
  /// Bells that say “something was read”, in both directions.
  let roomBell: DescriptorIO
  let inputLock = ThreadLock()
  let outputLock = ThreadLock()
  let input: UnsafeMutablePointer<Input>
  let output: UnsafeMutablePointer<Output>
  /// Changes when the writing direction's driver leaves its place.
  let turns = SignalWord()
  private let endingState = Atomic<UInt32>(0)
  private let watches = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - socket: The connection.
  ///   - room: One end of the second pair of sockets.
  ///   - quota: Of what this end writes.
  ///   - peerQuota: Of what the other end writes.
  init(
    socket: consuming OwnedDescriptor, room: consuming OwnedDescriptor, memory: PipeMemory,
    side: PipeMemory.Side, quota: Int, peerQuota: Int
  ) {
    dataBell = DescriptorIO(adopting: socket)
    roomBell = DescriptorIO(adopting: room)
    self.memory = memory
    self.side = side
    self.quota = UInt64(quota)
    self.peerQuota = UInt64(peerQuota)
    unsafe input = .allocate(capacity: 1)
    unsafe input.initialize(to: Input(reader: PipeReader(memory.direction(writtenBy: side.other))))
    unsafe output = .allocate(capacity: 1)
    unsafe output.initialize(
      to: Output(writer: PipeWriter(memory.direction(writtenBy: side), quota: quota)))
  }

  deinit {
    end(.closed)
    unsafe input.deinitialize(count: 1).deallocate()
    unsafe output.deinitialize(count: 1).deallocate()
  }

  // MARK: - States

  /// How this end was ended.
  @inline(__always)
  var ending: Ending { Ending(rawValue: endingState.load(ordering: .acquiring)) ?? .closed }

  /// What stands in the way of every transfer; `nil` when nothing does.
  @inline(__always)
  func obstacle(_ operation: StaticString) -> TransportError? {
    if ending == .open && memory.state(of: side.other) != .disconnected { return nil }
    return endedError(operation)
  }

  /// Whether either end has disconnected.
  var isDisconnected: Bool {
    ending == .disconnected || (ending == .open && memory.state(of: side.other) == .disconnected)
  }

  @inline(never)
  private func endedError(_ operation: StaticString) -> TransportError {
    switch ending {
    case .closed: TransportError(.closed, "\(operation)")
    case .open, .disconnected:
      TransportError(
        .disconnected, "\(operation)",
        remedy: "The server has disconnected this client; close this end and connect again.")
    }
  }

  /// Whether the peer has closed its end, as far as is known without asking the kernel.
  @inline(__always)
  func peerHasClosed(_ peerIsGone: Bool) -> Bool {
    peerIsGone || memory.state(of: side.other) == .closed
  }

  /// Whether the peer has closed its end or died.
  func peerIsGone() -> Bool {
    if memory.state(of: side.other) == .closed { return true }
    return outputLock.withLock {
      if unsafe !output.pointee.peerIsGone, dataBell.hasHungUp() {
        unsafe output.pointee.peerIsGone = true
      }
      return unsafe output.pointee.peerIsGone
    }
  }

  /// The process at the other end.
  var peer: PeerIdentity? { try? LocalSocket.peer(of: dataBell.descriptor) }

  /// Sends the client what it begins with.
  func greet(_ bytes: [UInt8], descriptors: [Int32]) {
    outputLock.withLock {
      guard ending == .open else { return }
      try? LocalSocket.send(bytes, descriptors: descriptors, over: dataBell.descriptor)
    }
  }

  // MARK: - Ending

  /// Ends the connection: says so to the peer, gets threads out of their calls, and ends operations
  /// that wait. Safe to call twice; the first ending counts.
  func end(_ ending: Ending) {
    guard
      endingState.compareExchange(
        expected: Ending.open.rawValue, desired: ending.rawValue, ordering: .sequentiallyConsistent
      ).exchanged
    else { return }
    memory.setState(of: side, ending == .disconnected ? .disconnected : .closed)
    let isDisconnected = ending == .disconnected
    let disconnected = TransportError(.disconnected, "use the pipe")
    let closed = isDisconnected ? disconnected : TransportError(.closed, "use the pipe")
    let broken = isDisconnected ? disconnected : TransportError(.brokenPipe, "use the pipe")
    // Under the locks: nobody registers a watch from now on.
    let reads = inputLock.withLock {
      unsafe stopWatching(&input.pointee.watch)
      return unsafe input.pointee.queue.take()
    }
    let (writes, flushes) = outputLock.withLock {
      unsafe stopWatching(&output.pointee.watch)
      let writes = unsafe output.pointee.queue.take()
      for write in writes { write.outcome = .failure(closed) }
      return unsafe (writes, output.pointee.flushes.take())
    }
    dataBell.close()
    roomBell.close()
    turns.signal()
    for read in reads { read.operation.finish(.failure(broken)) }
    for write in writes { write.operation?.finish(.failure(broken)) }
    for flush in flushes { flush.operation.finish(.failure(broken)) }
  }

  /// The peer has written nonsense into the shared memory.
  func violation() -> TransportError {
    end(.closed)
    return TransportError(
      .protocolViolation, "use the pipe",
      remedy: "The other end does not follow the protocol; the connection was closed.")
  }

  // MARK: - Watching

  /// Has the watcher wait for a bell. With the direction's lock held.
  func watch(
    _ bell: DescriptorIO, _ body: @escaping @Sendable (PipeLink, _ number: UInt64) -> Void
  ) -> PipeWatch? {
    guard ending == .open else { return nil }
    let number = watches.wrappingAdd(1, ordering: .relaxed).newValue
    let token = try? PeerWatcher.shared.watchInput(bell.descriptor) { [weak self] in
      if let self { body(self, number) }
    }
    return token.map { PipeWatch(token: $0, number: number) }
  }

  func stopWatching(_ watch: inout PipeWatch?) {
    guard let old = watch.take() else { return }
    PeerWatcher.shared.stop(old.token)
  }
}

extension Array {
  /// Takes everything out.
  mutating func take() -> [Element] {
    defer { self = [] }
    return self
  }
}
