internal import Glibc
internal import IPCSystem
internal import IPCTransport

extension PipeChannel {
  /// What a read of a message gave.
  struct Part {
    /// How many bytes were put into the target.
    var count: Int
    /// Whether there is more of the message.
    var hasMore: Bool
  }

  /// Reads the next message, or what follows of the message that the last read did not exhaust.
  ///
  /// - Parameter whole: Whether to refuse a message that does not fit (`.moreData`, it stays)
  ///   instead of handing out a part.
  /// - Throws: `.endOfFile`; `.truncated` when the writer gave up a message of which a part was
  ///   handed out; `.timedOut`, which loses nothing.
  @inline(__always)
  func readMessage(
    into target: UnsafeMutableRawBufferPointer, whole: Bool, deadline: Deadline
  ) throws(TransportError) -> Part {
    if unsafe incoming.pointee.inMessage {
      return try unsafe readOn(target, whole: whole, deadline)
    }
    let arrival = try unsafe receiveFrame(target, deadline: deadline)
    if arrival.isComplete && arrival.spilled == 0 {
      consume(arrival.placed, message: true)
      return Part(count: arrival.placed, hasMore: false)
    }
    return try unsafe readLong(target, arrival, whole: whole, deadline)
  }

  /// Reads at least one byte of a pipe in byte mode, and more if it is there.
  func readBytes(
    into target: UnsafeMutableRawBufferPointer, deadline: Deadline
  ) throws(TransportError) -> Int {
    var filled = unsafe takeHeld(target)
    consume(filled, message: false)
    while filled < target.count {
      // The page knows whether there is more; asking the socket would be a system call.
      if filled > 0 && isKnownEmpty { break }
      do {
        let arrival = try unsafe receiveFrame(
          .init(rebasing: target[filled...]), deadline: filled == 0 ? deadline : .immediate)
        holdSpilled(arrival)
        unsafe incoming.pointee.inMessage = false
        consume(arrival.placed, message: arrival.isComplete)
        filled += arrival.placed
      } catch {
        if filled == 0 { throw error }
        break
      }
    }
    return filled
  }

  /// Lets the writer go on when it is in the middle of a message and on the same core.
  ///
  /// If this thread slept, every frame would wake it, and two switches per frame would cost more
  /// than the copying; a thread that is ready to run is not woken.
  @inline(__always)
  private func giveWriterTime() {
    if !mayHoldMore { sched_yield() }
  }

  /// Whether the page accounts for everything that was read, and for nothing beyond it. A writer
  /// that has not taken the page yet publishes nothing there.
  private var isKnownEmpty: Bool {
    guard let direction = readable else { return false }
    return unsafe direction.queuedBytes == incoming.pointee.consumedBytes
  }

  private var mayHoldMore: Bool {
    guard let direction = readable else { return false }
    return unsafe direction.queuedBytes > incoming.pointee.consumedBytes
  }

  /// Reads one message of a conversation in byte mode: a length, then as many bytes, wherever the
  /// writes began and ended.
  @inline(__always)
  func readPrefixed(
    into target: UnsafeMutableRawBufferPointer, deadline: Deadline
  ) throws(TransportError) -> Int {
    if unsafe incoming.pointee.heldCount == 0 {
      let arrival = try unsafe receiveFrame(target, prefixed: true, deadline: deadline)
      unsafe incoming.pointee.inMessage = false
      consume(arrival.prefix + arrival.placed + arrival.spilled, message: arrival.isComplete)
      if arrival.prefix == Self.prefixSize && arrival.spilled == 0 {
        guard let length = prefixedLength else { throw protocolError() }
        if length == arrival.placed { return length }
        if length > arrival.placed && length <= target.count {
          try unsafe fillPrefixed(target, from: arrival.placed, to: length, deadline)
          return length
        }
      }
      holdSpilled(arrival)
      unsafe holdInFront(.init(rebasing: target[..<arrival.placed]))
      unsafe holdInFront(prefixBytes(arrival.prefix))
    }
    return try unsafe readHeldPrefixed(target, deadline)
  }

  // MARK: - Frames

  /// A frame that has arrived, and where its payload is.
  struct Arrival {
    let isFirst: Bool
    /// Whether it is the last of its message.
    let isComplete: Bool
    /// Bytes of the message from this frame on.
    let remaining: Int
    /// Bytes that went to the place of the length prefix.
    let prefix: Int
    /// Bytes in the target.
    let placed: Int
    /// Bytes in the overflow buffer.
    let spilled: Int
  }

  @inline(__always)
  private func receiveFrame(
    _ target: UnsafeMutableRawBufferPointer, prefixed: Bool = false, deadline: Deadline
  ) throws(TransportError) -> Arrival {
    if readable == nil { try pageBeforeReading(deadline) }
    let headSize = PacketFrame.headerSize + (prefixed ? Self.prefixSize : 0)
    let head = unsafe incoming.pointee.head
    let size: Int
    do throws(SystemError) {
      size = try unsafe io.receivePacket(
        head: UnsafeMutableRawBufferPointer(start: head.baseAddress, count: headSize),
        body: target, overflow: incoming.pointee.overflow, deadline: deadline)
    } catch { throw readError(error) }
    if size == 0 { throw TransportError(.endOfFile, "read from the pipe") }
    let payload = size - PacketFrame.headerSize
    let word = unsafe UInt64(littleEndian: head.load(as: UInt64.self))
    let state = unsafe incoming
    let expected = unsafe state.pointee.left > 0 ? state.pointee.left : nil
    guard let frame = PacketFrame(decoding: word, payload: payload, expected: expected) else {
      throw protocolError()
    }
    unsafe state.pointee.left = frame.remaining - payload
    let prefix = min(payload, headSize - PacketFrame.headerSize)
    let placed = min(payload - prefix, target.count)
    return Arrival(
      isFirst: frame.isFirst, isComplete: frame.remaining == payload, remaining: frame.remaining,
      prefix: prefix, placed: placed, spilled: payload - prefix - placed)
  }

  /// Counts bytes as read and lets a waiting writer go on.
  @inline(__always)
  private func consume(_ count: Int, message: Bool) {
    let state = unsafe incoming
    unsafe state.pointee.consumedBytes &+= UInt64(bitPattern: Int64(count))
    if message { unsafe state.pointee.consumedMessages &+= 1 }
    if let direction = readable {
      unsafe direction.publishConsumed(
        bytes: state.pointee.consumedBytes, messages: state.pointee.consumedMessages)
    }
  }

  @inline(never)
  private func pageBeforeReading(_ deadline: Deadline) throws(TransportError) {
    do { try awaitPage(deadline: deadline) } catch {
      throw error.code == .brokenPipe ? TransportError(.endOfFile, "read from the pipe") : error
    }
  }

  @inline(never)
  private func readError(_ error: SystemError) -> TransportError {
    error.code == EMSGSIZE ? protocolError() : TransportError(error, "read from the pipe")
  }

  @inline(never)
  private func protocolError() -> TransportError {
    close()
    return TransportError(.protocolViolation, "read a frame from the pipe")
  }

  // MARK: - Messages of several frames or several reads

  @inline(never)
  private func readLong(
    _ target: UnsafeMutableRawBufferPointer, _ arrival: Arrival, whole: Bool,
    _ deadline: Deadline
  ) throws(TransportError) -> Part {
    unsafe incoming.pointee.inMessage = true
    unsafe incoming.pointee.handedOut = false
    holdSpilled(arrival)
    if whole && arrival.remaining > target.count {
      unsafe holdInFront(.init(rebasing: target[..<arrival.placed]))
      throw TransportError(.moreData, "read from the pipe", limit: arrival.remaining)
    }
    consume(arrival.placed, message: false)
    return try unsafe fill(target, from: arrival.placed, whole: whole, deadline)
  }

  @inline(never)
  private func readOn(
    _ target: UnsafeMutableRawBufferPointer, whole: Bool, _ deadline: Deadline
  ) throws(TransportError) -> Part {
    let length = unsafe incoming.pointee.heldCount + incoming.pointee.left
    if whole && length > target.count {
      throw TransportError(.moreData, "read from the pipe", limit: length)
    }
    let count = unsafe takeHeld(target)
    consume(count, message: false)
    return try unsafe fill(target, from: count, whole: whole, deadline)
  }

  /// Receives frames of the message in progress until it is complete or the target is full.
  private func fill(
    _ target: UnsafeMutableRawBufferPointer, from start: Int, whole: Bool, _ deadline: Deadline
  ) throws(TransportError) -> Part {
    let state = unsafe incoming
    var filled = start
    while unsafe state.pointee.left > 0 && state.pointee.heldCount == 0 && filled < target.count {
      let arrival: Arrival
      giveWriterTime()
      do {
        arrival = try unsafe receiveFrame(.init(rebasing: target[filled...]), deadline: deadline)
      } catch {
        if error.code == .timedOut {
          unsafe holdInFront(.init(rebasing: target[..<filled]))
          consume(-filled, message: false)
        }
        throw error
      }
      holdSpilled(arrival)
      if arrival.isFirst {
        // The writer gave the message up in the middle: what came of it does not count.
        unsafe holdInFront(.init(rebasing: target[filled..<(filled + arrival.placed)]))
        if unsafe state.pointee.handedOut {
          unsafe state.pointee.handedOut = false
          throw TransportError(.truncated, "read from the pipe")
        }
        return try unsafe readOn(target, whole: whole, deadline)
      }
      consume(arrival.placed, message: false)
      filled += arrival.placed
    }
    let hasMore = unsafe state.pointee.left > 0 || state.pointee.heldCount > 0
    unsafe state.pointee.inMessage = hasMore
    unsafe state.pointee.handedOut = hasMore
    if !hasMore { consume(0, message: true) }
    return Part(count: filled, hasMore: hasMore)
  }

  // MARK: - Prefixed messages that did not come in one piece

  /// The length in the prefix that was read last, `nil` when it is none.
  @inline(__always)
  private var prefixedLength: Int? {
    let word = unsafe incoming.pointee.head.load(
      fromByteOffset: PacketFrame.headerSize, as: UInt64.self)
    let length = UInt64(littleEndian: word)
    return length <= PacketFrame.maximumMessage ? Int(length) : nil
  }

  private func prefixBytes(_ count: Int) -> UnsafeMutableRawBufferPointer {
    unsafe .init(
      rebasing: incoming.pointee.head[PacketFrame.headerSize..<(PacketFrame.headerSize + count)])
  }

  @inline(never)
  private func readHeldPrefixed(
    _ target: UnsafeMutableRawBufferPointer, _ deadline: Deadline
  ) throws(TransportError) -> Int {
    while unsafe incoming.pointee.heldCount < Self.prefixSize {
      let arrival = try unsafe receiveFrame(
        UnsafeMutableRawBufferPointer(start: nil, count: 0), deadline: deadline)
      unsafe incoming.pointee.inMessage = false
      holdSpilled(arrival)
      consume(arrival.spilled, message: arrival.isComplete)
    }
    unsafe takeHeld(prefixBytes(Self.prefixSize))
    guard let length = prefixedLength else { throw protocolError() }
    if length > target.count {
      unsafe holdInFront(prefixBytes(Self.prefixSize))
      throw TransportError(.moreData, "receive", limit: length)
    }
    let filled = unsafe takeHeld(.init(rebasing: target[..<length]))
    try unsafe fillPrefixed(target, from: filled, to: length, deadline)
    return length
  }

  @inline(never)
  private func fillPrefixed(
    _ target: UnsafeMutableRawBufferPointer, from start: Int, to end: Int, _ deadline: Deadline
  ) throws(TransportError) {
    var filled = start
    while filled < end {
      giveWriterTime()
      do {
        let arrival = try unsafe receiveFrame(
          .init(rebasing: target[filled..<end]), deadline: deadline)
        unsafe incoming.pointee.inMessage = false
        holdSpilled(arrival)
        consume(arrival.placed + arrival.spilled, message: arrival.isComplete)
        filled += arrival.placed
      } catch {
        if error.code == .timedOut {
          unsafe holdInFront(.init(rebasing: target[..<filled]))
          // The prefix is where it was read: no frame has brought another since.
          unsafe holdInFront(prefixBytes(Self.prefixSize))
        }
        throw error
      }
    }
  }

  // MARK: - Held bytes

  private func holdSpilled(_ arrival: Arrival) {
    guard arrival.spilled > 0 else { return }
    unsafe incoming.pointee.held.append(
      contentsOf: UnsafeMutableRawBufferPointer(
        rebasing: incoming.pointee.overflow[..<arrival.spilled]))
  }

  private func holdInFront(_ bytes: UnsafeMutableRawBufferPointer) {
    let start = unsafe incoming.pointee.heldStart
    unsafe incoming.pointee.held.replaceSubrange(0..<start, with: bytes)
    unsafe incoming.pointee.heldStart = 0
  }

  @discardableResult
  private func takeHeld(_ target: UnsafeMutableRawBufferPointer) -> Int {
    let state = unsafe incoming
    let count = unsafe min(target.count, state.pointee.heldCount)
    if count == 0 { return 0 }
    let start = unsafe state.pointee.heldStart
    unsafe state.pointee.held.withUnsafeBytes { held in
      unsafe target.copyMemory(from: .init(rebasing: held[start..<(start + count)]))
    }
    unsafe state.pointee.heldStart += count
    if unsafe state.pointee.heldCount == 0 {
      unsafe state.pointee.held.removeAll(keepingCapacity: true)
      unsafe state.pointee.heldStart = 0
    }
    return count
  }
}
