internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// A write that waits.
@safe final class WriteRequest: @unchecked Sendable {
  // Sendable: touched with the link's output lock held.
  let head: UnsafeRawBufferPointer
  let bytes: UnsafeRawBufferPointer
  var held: PipeWriter.Held
  /// How many messages are ahead of it, in the ring or waiting.
  var ahead: UInt64
  let operation: PipeOperation?
  /// The outcome for a thread that waits by itself.
  var outcome: Result<PipeTransfer, TransportError>?
  private let owned: UnsafeMutableRawBufferPointer?

  /// A write whose bytes stay where they are until it is over.
  init(
    borrowing head: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer,
    _ held: PipeWriter.Held, ahead: UInt64
  ) {
    unsafe self.head = head
    unsafe self.bytes = bytes
    self.held = held
    self.ahead = ahead
    operation = nil
    unsafe owned = nil
  }

  /// A write with a copy of its bytes.
  init(
    copying bytes: [UInt8], _ held: PipeWriter.Held, ahead: UInt64, _ operation: PipeOperation?
  ) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 16)
    unsafe copy.copyBytes(from: bytes)
    unsafe owned = copy
    unsafe head = UnsafeRawBufferPointer(start: nil, count: 0)
    unsafe self.bytes = UnsafeRawBufferPointer(rebasing: copy[..<bytes.count])
    self.held = held
    self.ahead = ahead
    self.operation = operation
  }

  deinit { unsafe owned?.deallocate() }
}

/// A flush that waits.
final class FlushRequest: @unchecked Sendable {
  // Sendable: touched with the link's output lock held.
  let operation: PipeOperation
  /// How many messages must be behind the reader.
  var messages: UInt64
  /// How many bytes that is.
  let bytes: UInt64

  init(_ operation: PipeOperation, messages: UInt64, bytes: UInt64) {
    self.operation = operation
    self.messages = messages
    self.bytes = bytes
  }
}

extension PipeLink {
  private static let operationName: StaticString = "write to the pipe"

  /// Writes a message, or bytes, and waits until what is unread of it is within the quota. All of it
  /// can be read at once.
  ///
  /// - Parameters:
  ///   - head: Goes ahead of `bytes`, in the same message.
  ///   - noWait: Whether to write nothing, and return 0, when it does not fit.
  ///   - splits: Whether, with `noWait`, to write at least what reads that wait will take of it.
  ///   - patient: Whether, when it does not fit, to wait until half of what is unread was read: fewer
  ///     turns for who does not care.
  /// - Returns: How many bytes were written.
  /// - Throws: `.noReader` when the peer has gone before, `.brokenPipe` when it went while this
  ///   waited, `.disconnected`, `.closed`; `.timedOut`, then what was not read is taken back.
  @inline(__always)
  func write(
    _ head: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer, noWait: Bool = false,
    splits: Bool = false, patient: Bool = false, deadline: Deadline
  ) throws(TransportError) -> Int {
    outputLock.lock()
    if let error = obstacle(Self.operationName) ?? noReader() {
      outputLock.unlock()
      throw error
    }
    let count = head.count + bytes.count
    var isWritten = false
    if unsafe output.pointee.queue.isEmpty
      && (output.pointee.writer.fits(count, quota: quota) || count == 0)
    {
      do throws(PipeViolation) {
        isWritten =
          try unsafe count < PipeWriter.leastInParts
          ? output.pointee.writer.putWhole(head, bytes) : putLong(head, bytes)
      } catch {
        outputLock.unlock()
        throw violation()
      }
    }
    if isWritten {
      let isThere = ringData()
      outputLock.unlock()
      if !isThere { throw noReaderError() }
      return count
    }
    if count == 0 {
      let finished = queueEmptyMessage()
      outputLock.unlock()
      for action in finished { action() }
      return 0
    }
    if noWait {
      let part = splits ? partForReads : 0
      outputLock.unlock()
      if part == 0 { return 0 }
      return try unsafe write(
        head, UnsafeRawBufferPointer(rebasing: bytes.prefix(part)), noWait: true,
        deadline: deadline)
    }
    try unsafe writeHeld(head, bytes, patient, deadline)
    return count
  }

  /// Puts in a message that is within the quota, with the lock held.
  @inline(never)
  private func putLong(
    _ head: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer
  ) throws(PipeViolation) -> Bool {
    let part = unsafe output.pointee.writer.partSize
    if head.count + bytes.count >= PipeWriter.leastInParts, part < .max,
      try unsafe output.pointee.writer.putInParts(of: part, head, bytes, wake: wakeReader)
    {
      return true
    }
    return try unsafe output.pointee.writer.putWhole(head, bytes)
  }

  /// Wakes the reader, which was taken from its sleep, with the lock held.
  private func wakeReader() {
    if !dataBell.ring() { unsafe output.pointee.peerIsGone = true }
  }

  /// How many bytes reads that wait will take at once, with the lock held.
  private var partForReads: Int {
    unsafe output.pointee.queue.isEmpty ? Int(clamping: output.pointee.writer.wantedNow) : 0
  }

  /// Queues an empty message behind writes that wait, with the lock held; the caller runs what it
  /// returns without. It needs no room: who writes it does not wait.
  private func queueEmptyMessage() -> [() -> Void] {
    let ahead = messagesAhead
    let request = WriteRequest(
      copying: [], unsafe output.pointee.writer.hold(0), ahead: ahead, nil)
    unsafe output.pointee.queue.append(request)
    return progressWrites() + driveWrites()
  }

  /// Wakes a sleeping reader, with the lock held.
  ///
  /// - Returns: Whether the peer is there.
  @inline(__always)
  private func ringData() -> Bool {
    if unsafe output.pointee.writer.takesReaderFromSleep() { wakeReader() }
    return unsafe !output.pointee.peerIsGone
  }

  /// The error of a new write when nobody will read it, with the lock held.
  @inline(__always)
  private func noReader() -> TransportError? {
    // A reader that sleeps is woken through the kernel, which says when there is none.
    if unsafe peerHasClosed(output.pointee.peerIsGone)
      || (!output.pointee.writer.readerSleeps && dataBell.hasHungUp())
    {
      return noReaderError()
    }
    return nil
  }

  @inline(never)
  private func noReaderError() -> TransportError {
    TransportError(.noReader, "\(Self.operationName)")
  }

  // MARK: - Writes that wait

  /// Writes more than is within the quota, and waits. Called with the lock held, and gives it back.
  @inline(never)
  private func writeHeld(
    _ head: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer, _ patient: Bool,
    _ deadline: Deadline
  ) throws(TransportError) {
    let ahead = messagesAhead
    let request = unsafe WriteRequest(
      borrowing: head, bytes, output.pointee.writer.hold(head.count + bytes.count), ahead: ahead)
    unsafe output.pointee.queue.append(request)
    var finished = progressWrites()
    var failure: SystemError?
    while request.outcome == nil && failure == nil {
      if unsafe output.pointee.isDriven {
        // Another thread hears the bells. It ends this write, or leaves its place.
        failure = waitForTurn(running: finished.take(), deadline)
        continue
      }
      unsafe output.pointee.isDriven = true
      unsafe stopWatching(&output.pointee.watch)
      let begin = MonotonicClock.now()
      if deadline != .immediate {
        let (processor, wanted) = (unsafe output.pointee.writer.readerProcessor, wakeAt(patient))
        let isRead = unsafe output.pointee.lingering.wait(for: processor, since: begin) {
          unsafe output.pointee.writer.consumedBytes >= wanted
        }
        if isRead { finished += progressWrites() }
      }
      if request.outcome == nil {
        announceWriterSleep(patient)
        finished += progressWrites()
      }
      if request.outcome == nil {
        outputLock.unlock()
        for action in finished.take() { action() }
        var outcome = DescriptorIO.BellOutcome.rang
        do throws(SystemError) { outcome = try roomBell.waitForBell(deadline: deadline) } catch {
          failure = error
        }
        outputLock.lock()
        if outcome == .gone { unsafe output.pointee.peerIsGone = true }
        unsafe output.pointee.lingering.hasSlept(since: begin)
        finished = progressWrites()
      }
      unsafe output.pointee.isDriven = false
      turns.signal()
    }
    let obstacle = obstacle(Self.operationName)
    let consumed = request.outcome == nil ? takeBack(request) : 0
    finished += driveWrites()
    outputLock.unlock()
    for action in finished { action() }
    if let outcome = request.outcome {
      _ = try outcome.get()
      return
    }
    if let obstacle { throw obstacle }
    throw TransportError(
      failure ?? SystemError(code: ETIMEDOUT, call: "recv"), "\(Self.operationName)",
      remedy: consumed > 0 ? "\(consumed) bytes of it had been read." : nil)
  }

  /// Waits until the driver has left its place or has ended somebody's write. Called with the lock
  /// held, which it gives back for the time.
  private func waitForTurn(
    running actions: [() -> Void], _ deadline: Deadline
  ) -> SystemError? {
    let seen = turns.count
    outputLock.unlock()
    for action in actions { action() }
    turns.wait(while: seen, deadline: deadline)
    outputLock.lock()
    if CancellableCalls.isCancelled { return SystemError(code: ECANCELED, call: "futex") }
    return deadline.hasPassed ? SystemError(code: ETIMEDOUT, call: "futex") : nil
  }

  /// Starts a write.
  func startWrite(
    _ bytes: [UInt8], noWait: Bool = false, splits: Bool = false,
    completion: PipeOperation.Completion?
  ) -> PipeOperation {
    let operation = PipeOperation(completion)
    var bytes = bytes
    outputLock.lock()
    if let error = obstacle(Self.operationName) ?? noReader() {
      outputLock.unlock()
      operation.finish(.failure(error))
      return operation
    }
    var immediate: Result<PipeTransfer, TransportError>?
    let doesFit =
      unsafe output.pointee.queue.isEmpty
      && (output.pointee.writer.fits(bytes.count, quota: quota) || bytes.isEmpty)
    if !doesFit && noWait && !bytes.isEmpty {
      bytes = Array(bytes.prefix(splits ? partForReads : 0))
      if bytes.isEmpty { immediate = .success(PipeTransfer(count: 0)) }
    }
    if immediate == nil && (doesFit || noWait), unsafe output.pointee.queue.isEmpty {
      do throws(PipeViolation) {
        if try putWhole(bytes) {
          immediate =
            ringData()
            ? .success(PipeTransfer(count: bytes.count)) : .failure(noReaderError())
        }
      } catch {
        outputLock.unlock()
        operation.finish(.failure(violation()))
        return operation
      }
    }
    var finished: [() -> Void] = []
    if immediate == nil && bytes.isEmpty {
      finished = queueEmptyMessage()
      immediate = .success(PipeTransfer(count: 0))
    }
    if immediate == nil && noWait { immediate = .success(PipeTransfer(count: 0)) }
    if immediate == nil {
      let ahead = messagesAhead
      let request = WriteRequest(
        copying: bytes, unsafe output.pointee.writer.hold(bytes.count), ahead: ahead, operation)
      operation.attach(
        look: { [weak self] in self?.lookForWrites() },
        abort: { [weak self] in self?.abort(request) })
      unsafe output.pointee.queue.append(request)
      finished = progressWrites() + driveWrites()
    }
    outputLock.unlock()
    for action in finished { action() }
    if let immediate { operation.finish(immediate) }
    return operation
  }

  /// Messages written so far, those that wait for the ring included, with the lock held.
  private var messagesAhead: UInt64 {
    let waiting = unsafe output.pointee.queue.count { $0.held.slot == nil }
    return unsafe output.pointee.writer.queuedMessages + UInt64(waiting)
  }

  // MARK: - Flushing

  /// Starts to wait until the peer has read everything.
  ///
  /// - Note: Over at once when the peer has closed: nobody will read it. It fails with `.brokenPipe`
  ///   when the peer closes while it waits, with `.disconnected` when the server disconnects.
  func startFlush(completion: PipeOperation.Completion?) -> PipeOperation {
    let operation = PipeOperation(completion)
    outputLock.lock()
    let messages = messagesAhead
    if unsafe output.pointee.writer.isRead(upTo: messages)
      || peerHasClosed(output.pointee.peerIsGone) || dataBell.hasHungUp()
    {
      outputLock.unlock()
      operation.finish(.success(PipeTransfer()))
      return operation
    }
    let request = FlushRequest(
      operation, messages: messages, bytes: unsafe output.pointee.writer.queuedBytes)
    operation.attach(
      look: { [weak self] in self?.lookForWrites() },
      abort: { [weak self] in self?.abort(request) })
    unsafe output.pointee.flushes.append(request)
    let finished = driveWrites()
    outputLock.unlock()
    for action in finished { action() }
    return operation
  }

  private func putWhole(_ bytes: [UInt8]) throws(PipeViolation) -> Bool {
    let result = unsafe bytes.withUnsafeBytes { bytes -> Result<Bool, PipeViolation> in
      do throws(PipeViolation) {
        let head = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        return .success(try unsafe putLong(head, bytes))
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  // MARK: - Progress

  /// Has somebody wait for the next bell on behalf of what is queued, with the lock held; the caller
  /// runs what it returns without.
  private func driveWrites() -> [() -> Void] {
    var finished: [() -> Void] = []
    while unsafe !output.pointee.queue.isEmpty || !output.pointee.flushes.isEmpty {
      if unsafe output.pointee.watch == nil && !output.pointee.isDriven {
        unsafe output.pointee.watch = watch(roomBell) { link, number in link.roomBellRang(number) }
      }
      announceWriterSleep(false)
      // What was read before the announcement rings no bell.
      if !hasProgress { return finished }
      finished += progressWrites()
    }
    if unsafe !output.pointee.isDriven {
      unsafe output.pointee.writer.stopSleeping()
      unsafe stopWatching(&output.pointee.watch)
    }
    return finished
  }

  /// Says at how many bytes read this end wants to be woken, with the lock held.
  private func announceWriterSleep(_ patient: Bool) {
    unsafe output.pointee.writer.announceSleep(until: wakeAt(patient))
  }

  private func wakeAt(_ patient: Bool) -> UInt64 {
    let consumed = unsafe output.pointee.writer.consumedBytes
    var least = UInt64.max
    if let first = unsafe output.pointee.queue.first {
      let queued = unsafe output.pointee.writer.queuedBytes
      let lastIsSent = unsafe output.pointee.queue.last?.held.isSent ?? true
      if patient || !lastIsSent {
        least = consumed + max(1, (queued - consumed) / 2)
      }
      if first.held.isSent && !patient {
        least = min(least, first.held.end > quota ? first.held.end - quota : 0)
      }
    }
    for flush in unsafe output.pointee.flushes { least = min(least, flush.bytes) }
    return least
  }

  /// Whether ``progressWrites()`` would do something.
  private var hasProgress: Bool {
    if obstacle(Self.operationName) != nil || peerHasClosed(unsafe output.pointee.peerIsGone) {
      return true
    }
    if let last = unsafe output.pointee.queue.last, !last.held.isSent,
      unsafe output.pointee.writer.hasNewRoom
    {
      return true
    }
    let consumed = unsafe output.pointee.writer.consumedBytes
    if let first = unsafe output.pointee.queue.first, isWithinQuota(first, consumed) { return true }
    return unsafe output.pointee.flushes.contains(where: isFlushed)
  }

  /// Whether nothing of what a flush waits for is unread.
  private func isFlushed(_ flush: FlushRequest) -> Bool {
    unsafe output.pointee.writer.isRead(upTo: flush.messages)
  }

  private func isWithinQuota(_ request: WriteRequest, _ consumed: UInt64) -> Bool {
    request.held.isSent && request.held.end <= consumed + quota
  }

  private func roomBellRang(_ number: UInt64) {
    outputLock.lock()
    guard unsafe output.pointee.watch?.number == number else { return outputLock.unlock() }
    unsafe output.pointee.watch = nil
    if !roomBell.takeBells() { unsafe output.pointee.peerIsGone = true }
    let finished = progressWrites() + driveWrites()
    outputLock.unlock()
    for action in finished { action() }
  }

  private func lookForWrites() {
    outputLock.lock()
    let finished = progressWrites() + driveWrites()
    outputLock.unlock()
    for action in finished { action() }
  }

  /// Puts in what there is room for and completes what can be completed, with the lock held; the
  /// caller runs what it returns.
  private func progressWrites() -> [() -> Void] {
    // Before looking at what was read: a peer says that it has closed after what it has read.
    let hasEnded = peerHasClosed(unsafe output.pointee.peerIsGone)
    var finished = completeWhatWasRead()
    if let error = obstacle(Self.operationName)
      ?? (hasEnded ? TransportError(.brokenPipe, "\(Self.operationName)") : nil)
    {
      for request in unsafe output.pointee.queue.take() {
        request.outcome = .failure(error)
        if let operation = request.operation { finished.append(operation.decide(.failure(error))) }
      }
      for flush in unsafe output.pointee.flushes.take() {
        finished.append(flush.operation.decide(.failure(error)))
      }
      return finished
    }
    var hasPut = false
    for request in unsafe output.pointee.queue where !request.held.isSent {
      do throws(PipeViolation) {
        let isOn = try unsafe output.pointee.writer.put(
          &request.held, request.head, request.bytes, wake: wakeReader)
        if isOn { hasPut = true }
      } catch {
        finished.append { _ = self.violation() }
        return finished
      }
      if !request.held.isSent { break }
    }
    if hasPut { finished += completeWhatWasRead() }
    return finished
  }

  /// Completes the writes of which no more than the quota is unread, and the flushes of which nothing
  /// is, with the lock held; the caller runs what it returns.
  private func completeWhatWasRead() -> [() -> Void] {
    var finished: [() -> Void] = []
    let consumed = unsafe output.pointee.writer.consumedBytes
    while let request = unsafe output.pointee.queue.first, isWithinQuota(request, consumed) {
      unsafe _ = output.pointee.queue.removeFirst()
      let outcome = Result<PipeTransfer, TransportError>.success(
        PipeTransfer(count: request.held.count))
      request.outcome = outcome
      if let operation = request.operation { finished.append(operation.decide(outcome)) }
    }
    // Asked once for each: the peer may read on meanwhile.
    unsafe output.pointee.flushes.removeAll { flush in
      guard isFlushed(flush) else { return false }
      finished.append(flush.operation.decide(.success(PipeTransfer())))
      return true
    }
    return finished
  }

  /// Takes a waiting write back, with the lock held; returns how many of its bytes were read.
  private func takeBack(_ request: WriteRequest) -> Int {
    guard let place = unsafe output.pointee.queue.firstIndex(where: { $0 === request }) else {
      return 0
    }
    unsafe _ = output.pointee.queue.remove(at: place)
    let consumed = unsafe output.pointee.writer.takeBack(request.held)
    let removed = UInt64(request.held.count - consumed)
    for later in unsafe output.pointee.queue[place...] { later.held.end -= removed }
    if request.held.slot == nil {
      // It never becomes a message: those behind it move up.
      for later in unsafe output.pointee.queue[place...] { later.ahead -= 1 }
      for flush in unsafe output.pointee.flushes where flush.messages > request.ahead {
        flush.messages -= 1
      }
    }
    return consumed
  }

  private func abort(_ request: WriteRequest) {
    outputLock.lock()
    guard unsafe output.pointee.queue.contains(where: { $0 === request }) else {
      return outputLock.unlock()
    }
    _ = takeBack(request)
    let finished = progressWrites() + driveWrites()
    outputLock.unlock()
    request.operation?.finish(.failure(TransportError(.cancelled, "\(Self.operationName)")))
    for action in finished { action() }
  }

  private func abort(_ request: FlushRequest) {
    outputLock.lock()
    unsafe output.pointee.flushes.removeAll { $0 === request }
    let finished = driveWrites()
    outputLock.unlock()
    request.operation.finish(.failure(TransportError(.cancelled, "flush the pipe")))
    for action in finished { action() }
  }
}
