internal import IPCSystem
internal import IPCTransport

extension SharedRingConnection {
  /// One native write: a message.
  func nativeWrite(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    try send(bytes.span, deadline: deadline)
    return bytes.count
  }

  /// One native read: a message, refused when the buffer is too small for it.
  func nativeRead(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    var failure: TransportError?
    let bytes = [UInt8](capacity: limit) { buffer in
      do throws(TransportError) { try receive(into: &buffer, deadline: deadline) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return NativeRead(bytes: bytes)
  }
}

/// The bare ring pair, seen from a process that connected.
final class NativeRingWriter: NativeEnd {
  private let connection: SharedRingConnection

  init(_ connection: SharedRingConnection) { self.connection = connection }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    try connection.nativeWrite(bytes, deadline: deadline)
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    try connection.nativeRead(upTo: limit, deadline: deadline)
  }

  var peer: PeerIdentity? { connection.peer }

  func close() { connection.close() }
}

/// The bare ring pairs of all writers that connected, seen from the process that has the name.
///
/// A ring belongs to one writer, so a reader of several has several to wait for. Each writer has a
/// thread that waits until its ring has something; the reads themselves, and all they show of the
/// mechanism, stay with the caller.
final class NativeRingReader: NativeEnd {
  private let hub: NativeRingHub

  init(_ listener: SharedRingListener) throws(TransportError) {
    let hub = NativeRingHub(listener)
    self.hub = hub
    try translating("start a thread") { () throws(SystemError) in
      try SystemThread.start { hub.admitWriters() }
    }
  }

  deinit { hub.close() }

  /// Answers the writer that was read last, or the first one that comes.
  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    try hub.wait(deadline) { $0.latest ?? $0.writers.first }
      .connection.nativeWrite(bytes, deadline: deadline)
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    while true {
      let writer = try hub.wait(deadline) { state throws(TransportError) in
        if let writer = state.ready.first { return writer }
        if state.writers.isEmpty && state.latest != nil {
          throw TransportError(.endOfFile, "read")
        }
        return nil
      }
      do {
        let result = try writer.connection.nativeRead(upTo: limit, deadline: .immediate)
        hub.wasRead(writer)
        return result
      } catch {
        switch error.code {
        case .timedOut: try hub.watch(writer)
        case .endOfFile: hub.remove(writer)
        case .moreData: throw error
        default:
          hub.remove(writer)
          throw error
        }
      }
    }
  }

  var peer: PeerIdentity? { hub.peer }

  func close() { hub.close() }
}

/// What a native reader and its threads share.
private final class NativeRingHub: Sendable {
  struct State {
    var writers: [Writer] = []
    /// Writers whose ring may have something; their receiving side is the reader's.
    var ready: [Writer] = []
    /// The writer that was read last, or has ended last.
    var latest: Writer?
    var closed = false
  }

  /// One writer. While it is not ready, its receiving side is its thread's.
  final class Writer: Sendable {
    let connection: SharedRingConnection
    init(_ connection: SharedRingConnection) { self.connection = connection }
  }

  private let listener: SharedRingListener
  private let state = Locked(State())
  /// Changes with `state`.
  private let news = SignalWord()

  init(_ listener: SharedRingListener) { self.listener = listener }

  func admitWriters() {
    while let connection = try? listener.acceptRing(deadline: .never) {
      let writer = Writer(connection)
      let closed = state.withLock { state in
        state.writers.append(writer)
        state.ready.append(writer)
        return state.closed
      }
      if closed { connection.close() }
      news.signal()
    }
  }

  /// Waits until `choose` finds a writer.
  func wait(
    _ deadline: Deadline, _ choose: (State) throws(TransportError) -> Writer?
  ) throws(TransportError) -> Writer {
    while true {
      let seen = news.count
      let now = state.withLock { $0 }
      if now.closed { throw TransportError(.closed, "use of a closed ring") }
      if let writer = try choose(now) { return writer }
      if case .timedOut = news.wait(while: seen, deadline: deadline) {
        throw TransportError(.timedOut, "wait for a writer")
      }
    }
  }

  /// Lets the next ready writer have its turn.
  func wasRead(_ writer: Writer) {
    state.withLock { state in
      state.latest = writer
      state.ready.append(state.ready.removeFirst())
    }
  }

  func remove(_ writer: Writer) {
    state.withLock { state in
      state.latest = writer
      state.ready.removeAll { $0 === writer }
      state.writers.removeAll { $0 === writer }
    }
    writer.connection.close()
  }

  /// Makes the writer ready when its ring has something or it has ended.
  func watch(_ writer: Writer) throws(TransportError) {
    state.withLock { $0.ready.removeAll { $0 === writer } }
    try translating("start a thread") { () throws(SystemError) in
      try SystemThread.start {
        try? writer.connection.waitUntilReadable(deadline: .never)
        self.state.withLock { $0.ready.append(writer) }
        self.news.signal()
      }
    }
  }

  var peer: PeerIdentity? {
    state.withLock { ($0.latest ?? $0.writers.first)?.connection.peer }
  }

  func close() {
    let writers = state.withLock { state in
      state.closed = true
      return state.writers
    }
    listener.close()
    for writer in writers { writer.connection.close() }
    news.signal()
  }
}
