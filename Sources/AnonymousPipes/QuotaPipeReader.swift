public import IPCSystem
public import IPCTransport
internal import Synchronization

/// The end of a ``QuotaPipe`` that is read. One thread at a time may use it; any may close it.
public final class QuotaPipeReader: Sendable {
  private let io: DescriptorIO
  private let state: QuotaPipeState
  private let waitsForBytes = Atomic<Bool>(true)

  init(_ io: DescriptorIO, _ state: QuotaPipeState) {
    self.io = io
    self.state = state
  }

  /// Takes over an inherited end.
  public convenience init(adopting descriptor: consuming OwnedDescriptor, quota: Int) {
    self.init(
      DescriptorIO(adopting: descriptor), QuotaPipeState(quota: quota, place: .elsewhere))
  }

  /// The quota of the pipe, in bytes.
  public var quota: Int { state.quota }

  /// Whether a read of an empty pipe waits.
  public var waits: Bool {
    get { waitsForBytes.load(ordering: .relaxed) }
    set { waitsForBytes.store(newValue, ordering: .relaxed) }
  }

  /// The descriptor's number, for a child to inherit. It belongs to this object; tell it with
  /// ``leave()``.
  public var descriptor: Int32 { io.descriptor }

  /// Tells that another process has the end as well.
  public func leave() { state.readerLeaves() }

  /// Reads what waits, as far as there is room. An empty pipe is waited for; a read without room
  /// waits too, and takes nothing.
  ///
  /// - Throws: `.endOfFile` when nothing waits and nobody can write any more; `.wouldBlock` when
  ///   nothing waits and ``waits`` is false; `.disconnected`, `.closed`.
  public func read(into buffer: inout OutputSpan<UInt8>) throws(TransportError) {
    let mayWait = waits
    let failure = unsafe buffer.withUnsafeMutableBufferPointer {
      target, initialized -> TransportError? in
      do throws(TransportError) {
        initialized += try unsafe read(
          .init(UnsafeMutableBufferPointer(rebasing: target[initialized...])), mayWait: mayWait)
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
  }

  private func read(
    _ target: UnsafeMutableRawBufferPointer, mayWait: Bool
  ) throws(TransportError) -> Int {
    if state.isDisconnected { throw TransportError(.disconnected, "read a pipe") }
    let takesNothing = unsafe target.isEmpty
    if !mayWait || takesNothing {
      if try bytesWaiting() == 0 {
        if !mayWait {
          // Asked in this order: bytes may come between the two questions, but not after the last
          // writer has gone.
          guard try isWriterGone() else { throw TransportError(.wouldBlock, "read a pipe") }
          if try bytesWaiting() == 0 { throw TransportError(.endOfFile, "read a pipe") }
        } else {
          try translating("wait for a pipe") { () throws(SystemError) in try io.waitForInput() }
          if try bytesWaiting() == 0 { throw TransportError(.endOfFile, "read a pipe") }
        }
      }
      if takesNothing { return 0 }
    }
    let count = try translating("read a pipe") { () throws(SystemError) in
      try unsafe io.read(into: target, deadline: .never)
    }
    if count == 0 { throw TransportError(.endOfFile, "read a pipe") }
    state.bytesWereTaken()
    return count
  }

  /// What waits, which stays: up to `limit` bytes of it, and how many there are in all.
  ///
  /// - Throws: `.endOfFile` when nothing waits and nobody can write any more; `.invalidState` when it
  ///   was disconnected; `.closed`.
  public func peek(upTo limit: Int) throws(TransportError) -> (bytes: [UInt8], available: Int) {
    if state.isDisconnected { throw TransportError(.invalidState, "peek into a pipe") }
    var available = try bytesWaiting()
    if available == 0, try isWriterGone() {
      available = try bytesWaiting()
      if available == 0 { throw TransportError(.endOfFile, "peek into a pipe") }
    }
    let bytes = try translating("peek into a pipe") { () throws(SystemError) in
      try io.peek(upTo: limit)
    }
    return (bytes, max(available, bytes.count))
  }

  /// Cuts the end that is written off and discards what was not read. A write that waits there fails.
  ///
  /// An end that another process has inherited finds that nobody reads any more, which is all that the
  /// kernel can tell it.
  ///
  /// - Throws: `.disconnected` when that was done already; `.notSupported` when other processes have
  ///   this end as well.
  public func disconnect() throws(TransportError) {
    switch state.readerPlace {
    case .disconnected: throw TransportError(.disconnected, "disconnect a pipe")
    case .elsewhere: throw TransportError(.notSupported, "disconnect a pipe")
    case .here, .closed: break
    }
    // In this order: a write that the kernel holds up must see why it ends.
    state.disconnect()
    io.close()
  }

  /// Whether the ends were cut off from each other.
  public var isDisconnected: Bool { state.isDisconnected }

  /// Closes the end. A thread inside a call leaves it with `.closed`.
  public func close() {
    io.close()
    state.readerCloses()
  }

  private func bytesWaiting() throws(TransportError) -> Int {
    try translating("look into a pipe") { () throws(SystemError) in try io.bytesWaiting(.read) }
  }

  /// Whether nobody can write any more.
  ///
  /// It asks the kernel only when it must: a process that is being started holds copies of all
  /// descriptors for a moment.
  public func isWriterGone() throws(TransportError) -> Bool {
    switch state.writerPlace {
    case .here: false
    case .closed, .disconnected: true
    case .elsewhere:
      try translating("look into a pipe") { () throws(SystemError) in try io.isOtherEndGone(.read) }
    }
  }
}
