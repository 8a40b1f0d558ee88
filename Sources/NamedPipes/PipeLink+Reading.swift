internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// A read that waits.
@safe final class ReadRequest: @unchecked Sendable {
  // Sendable: touched with the link's input lock held.
  let operation: PipeOperation
  let joined: Bool
  let target: UnsafeMutableRawBufferPointer
  var filled = 0

  init(_ operation: PipeOperation, limit: Int, joined: Bool) {
    self.operation = operation
    self.joined = joined
    unsafe target = .allocate(byteCount: max(1, limit), alignment: 16)
    unsafe buffer = UnsafeMutableRawBufferPointer(rebasing: target[..<limit])
  }

  /// The part of the target that was asked for.
  let buffer: UnsafeMutableRawBufferPointer

  deinit { unsafe target.deallocate() }

  func transfer(_ part: PipeLink.Part) -> PipeTransfer {
    PipeTransfer(
      bytes: unsafe Array(buffer.prefix(part.count)), count: part.count, hasMore: part.hasMore)
  }
}

extension PipeLink {
  /// What a read gave.
  struct Part {
    /// How many bytes were put into the target.
    var count: Int
    /// Whether there is more of the message.
    var hasMore: Bool
  }

  /// How a read is done.
  struct ReadMode {
    /// Whether messages are read as bytes.
    var joined: Bool
    /// Whether to fail instead of waiting.
    var noWait = false
    /// Whether the caller will not wait, whoever says so.
    var isImpatient = false
    /// Whether a message that does not fit is left where it is (`.moreData`), not read in parts.
    var whole = false
  }

  private enum Attempt {
    case done(Part)
    case failed(TransportError)
    case wait
  }

  /// Reads from the pipe: what is there, or waits.
  ///
  /// - Throws: `.endOfFile`, `.disconnected`, `.closed`, `.wouldBlock`; `.timedOut`, which loses
  ///   nothing; `.moreData` when `mode.whole`.
  @inline(__always)
  func read(
    into target: UnsafeMutableRawBufferPointer, _ mode: ReadMode, deadline: Deadline
  ) throws(TransportError) -> Part {
    var filled = 0
    var mode = mode
    mode.isImpatient = deadline == .immediate
    inputLock.lock()
    if unsafe input.pointee.isDriven || !input.pointee.queue.isEmpty {
      inputLock.unlock()
      return try unsafe readInLine(target, mode, deadline)
    }
    var failure: TransportError
    loop: while true {
      switch unsafe attempt(target, &filled, mode) {
      case .done(let part):
        finishDriving()
        return part
      case .failed(let error):
        failure = error
        break loop
      case .wait: break
      }
      unsafe input.pointee.isDriven = true
      let begin = MonotonicClock.now()
      if deadline != .immediate {
        let processor = unsafe input.pointee.reader.writerProcessor
        let isFollowed = unsafe input.pointee.reader.isFollowed
        let hasNews = unsafe input.pointee.lingering.wait(
          for: processor, since: begin, isUrged: isFollowed
        ) { unsafe input.pointee.reader.hasNews }
        if hasNews { continue }
      }
      if unsafe input.pointee.reader.announceSleep(wanted: target.count) {
        unsafe input.pointee.reader.stopSleeping()
        continue
      }
      inputLock.unlock()
      let outcome = bell(dataBell, deadline)
      inputLock.lock()
      unsafe input.pointee.reader.stopSleeping()
      unsafe input.pointee.lingering.hasSlept(since: begin)
      switch outcome {
      case .success(.rang): break
      case .success(.gone): unsafe input.pointee.peerIsGone = true
      case .failure(let error):
        // Once more: it may have come just now, and how the link was ended is known there.
        if case .done(let part) = unsafe attempt(target, &filled, mode) {
          finishDriving()
          return part
        }
        failure = obstacle("read from the pipe") ?? TransportError(error, "read from the pipe")
        break loop
      }
    }
    let kept = unsafe keep(target, filled, mode.joined)
    finishDriving()
    if let kept { return kept }
    throw failure
  }

  /// Gives up a read that is not finished, with the lock held: of a message, the next read begins with
  /// what there was of it; of bytes, the read is done.
  private func keep(
    _ target: UnsafeMutableRawBufferPointer, _ filled: Int, _ joined: Bool
  ) -> Part? {
    if filled == 0 { return nil }
    if joined { return Part(count: filled, hasMore: false) }
    unsafe input.pointee.reader.giveBack(UnsafeRawBufferPointer(rebasing: target[..<filled]))
    return nil
  }

  @inline(__always)
  private func bell(
    _ bell: DescriptorIO, _ deadline: Deadline
  ) -> Result<DescriptorIO.BellOutcome, SystemError> {
    do throws(SystemError) { return .success(try bell.waitForBell(deadline: deadline)) } catch {
      return .failure(error)
    }
  }

  /// Leaves the driver's place, with the lock held, and gives the lock back.
  @inline(__always)
  private func finishDriving() {
    unsafe input.pointee.isDriven = false
    if unsafe input.pointee.queue.isEmpty { return inputLock.unlock() }
    // The last look may have seen more than the driver took.
    let finished = progressReads() + driveReads()
    inputLock.unlock()
    for action in finished { action() }
  }

  /// Tries to read, with the lock held.
  @inline(__always)
  private func attempt(
    _ target: UnsafeMutableRawBufferPointer, _ filled: inout Int, _ mode: ReadMode
  ) -> Attempt {
    if let error = obstacle("read from the pipe") { return .failed(error) }
    dropWhatTheDeadHeld()
    // Before looking into the ring: what was written before the end was written is there.
    let hasEnded = peerHasClosed(unsafe input.pointee.peerIsGone)
    var isBeingWritten = false
    do throws(PipeViolation) {
      var progress: PipeReader.Progress
      var patience: UInt64 = 0
      if mode.whole, filled == 0,
        let length = try unsafe input.pointee.reader.lengthIfLonger(than: target.count)
      {
        return .failed(TransportError(.moreData, "read from the pipe", limit: length))
      }
      repeat {
        progress =
          try unsafe mode.joined
          ? input.pointee.reader.readBytes(into: target, filled: &filled)
          : input.pointee.reader.readMessage(into: target, filled: &filled)
        isBeingWritten = unsafe progress == .unfinished && input.pointee.reader.isFollowed
      } while unsafe isBeingWritten && (mode.noWait || mode.isImpatient)
        && input.pointee.reader.awaitPart(until: &patience)
      if case .done(let hasMore) = progress {
        if unsafe input.pointee.reader.publish() { ringRoom() }
        return .done(Part(count: filled, hasMore: hasMore))
      }
      if unsafe input.pointee.reader.publishSkipped() { ringRoom() }
    } catch {
      // Not under the lock that ending wants.
      inputLock.unlock()
      let error = violation()
      inputLock.lock()
      return .failed(error)
    }
    // A peer that closes says so, and puts in the rest of what it is writing, before it hangs up.
    if unsafe hasEnded && !(isBeingWritten && !input.pointee.peerIsGone) {
      return .failed(TransportError(.endOfFile, "read from the pipe"))
    }
    if mode.noWait { return .failed(TransportError(.wouldBlock, "read from the pipe")) }
    return .wait
  }

  /// A write that waits ends with its process, and what was not read of it goes along. With the lock
  /// held.
  @inline(__always)
  private func dropWhatTheDeadHeld(peeks: Bool = false) {
    if unsafe input.pointee.peerIsGone || input.pointee.reader.writerSleeps {
      dropIfDead(peeks: peeks)
    }
  }

  @inline(never)
  private func dropIfDead(peeks: Bool) {
    if unsafe input.pointee.hasDropped || !hasEndedForPolling(&input.pointee, peeks: peeks) {
      return
    }
    // Who closes says so before it hangs up.
    if memory.state(of: side.other) == .closed { return }
    unsafe input.pointee.hasDropped = true
    unsafe input.pointee.reader.dropUndelivered(quota: peerQuota)
  }

  @inline(__always)
  private func ringRoom() {
    if !roomBell.ring() { unsafe input.pointee.peerIsGone = true }
  }

  // MARK: - Reads that queue

  @inline(never)
  private func readInLine(
    _ target: UnsafeMutableRawBufferPointer, _ mode: ReadMode, _ deadline: Deadline
  ) throws(TransportError) -> Part {
    if mode.noWait || deadline == .immediate {
      throw TransportError(mode.noWait ? .wouldBlock : .timedOut, "read from the pipe")
    }
    let operation = startRead(limit: target.count, joined: mode.joined, completion: nil)
    do {
      let transfer = try operation.wait(deadline: deadline)
      unsafe target.copyBytes(from: transfer.bytes)
      return Part(count: transfer.count, hasMore: transfer.hasMore)
    } catch {
      let gaveUp = error.code == .timedOut || error.code == .cancelled
      guard gaveUp, !operation.cancel(), let outcome = operation.outcome else {
        throw error
      }
      let transfer = try outcome.get()
      unsafe target.copyBytes(from: transfer.bytes)
      return Part(count: transfer.count, hasMore: transfer.hasMore)
    }
  }

  /// Starts a read.
  func startRead(
    limit: Int, joined: Bool, noWait: Bool = false, completion: PipeOperation.Completion?
  ) -> PipeOperation {
    let operation = PipeOperation(completion)
    let request = ReadRequest(operation, limit: limit, joined: joined)
    inputLock.lock()
    var immediate: Result<PipeTransfer, TransportError>?
    if unsafe !input.pointee.isDriven && input.pointee.queue.isEmpty {
      let mode = ReadMode(joined: joined, noWait: noWait)
      switch unsafe attempt(request.buffer, &request.filled, mode) {
      case .done(let part): immediate = .success(request.transfer(part))
      case .failed(let error): immediate = giveUp(request, error)
      case .wait: break
      }
    } else if let error = obstacle("read from the pipe") {
      immediate = .failure(error)
    } else if noWait {
      immediate = .failure(TransportError(.wouldBlock, "read from the pipe"))
    }
    var finished: [() -> Void] = []
    if immediate == nil {
      operation.attach(
        look: { [weak self] in self?.lookForReads() },
        abort: { [weak self] in self?.abort(request) })
      unsafe input.pointee.queue.append(request)
      if unsafe !input.pointee.isDriven { finished = driveReads() }
    }
    inputLock.unlock()
    for action in finished { action() }
    if let immediate { operation.finish(immediate) }
    return operation
  }

  /// Has the watcher wait for the next bell on behalf of the queue, with the lock held; the caller
  /// runs what it returns without.
  private func driveReads() -> [() -> Void] {
    var finished: [() -> Void] = []
    while unsafe !input.pointee.queue.isEmpty {
      if unsafe input.pointee.watch == nil {
        unsafe input.pointee.watch = watch(dataBell) { link, number in link.dataBellRang(number) }
      }
      let wanted = unsafe input.pointee.queue.reduce(0) { unsafe $0 + $1.buffer.count }
      if unsafe !input.pointee.reader.announceSleep(wanted: wanted) { return finished }
      finished += progressReads()
    }
    unsafe input.pointee.reader.stopSleeping()
    unsafe stopWatching(&input.pointee.watch)
    return finished
  }

  private func dataBellRang(_ number: UInt64) {
    inputLock.lock()
    guard unsafe input.pointee.watch?.number == number else { return inputLock.unlock() }
    unsafe input.pointee.watch = nil
    if !dataBell.takeBells() { unsafe input.pointee.peerIsGone = true }
    let finished = progressReads() + driveReads()
    inputLock.unlock()
    for action in finished { action() }
  }

  private func lookForReads() {
    inputLock.lock()
    var finished: [() -> Void] = []
    if unsafe !input.pointee.isDriven {
      finished = progressReads()
      finished += driveReads()
    }
    inputLock.unlock()
    for action in finished { action() }
  }

  /// Completes what can be completed, with the lock held; the caller runs what it returns without.
  private func progressReads() -> [() -> Void] {
    var finished: [() -> Void] = []
    while let request = unsafe input.pointee.queue.first {
      let mode = ReadMode(joined: request.joined)
      let outcome: Result<PipeTransfer, TransportError>
      switch unsafe attempt(request.buffer, &request.filled, mode) {
      case .done(let part): outcome = .success(request.transfer(part))
      case .failed(let error): outcome = giveUp(request, error)
      case .wait: return finished
      }
      // Empty when a violation has ended the link.
      if unsafe input.pointee.queue.first === request {
        unsafe _ = input.pointee.queue.removeFirst()
      }
      finished.append(request.operation.decide(outcome))
    }
    return finished
  }

  /// What comes of a request that is given up, with the lock held.
  private func giveUp(
    _ request: ReadRequest, _ error: TransportError
  ) -> Result<PipeTransfer, TransportError> {
    let kept = unsafe keep(request.buffer, request.filled, request.joined)
    return kept.map { .success(request.transfer($0)) } ?? .failure(error)
  }

  private func abort(_ request: ReadRequest) {
    inputLock.lock()
    guard let place = unsafe input.pointee.queue.firstIndex(where: { $0 === request }) else {
      return inputLock.unlock()
    }
    unsafe _ = input.pointee.queue.remove(at: place)
    let outcome = giveUp(request, TransportError(.cancelled, "read from the pipe"))
    let finished = unsafe input.pointee.isDriven ? [] : progressReads() + driveReads()
    inputLock.unlock()
    request.operation.finish(outcome)
    for action in finished { action() }
  }

  // MARK: - Looking

  /// What is unread, without reading it.
  ///
  /// - Throws: `.endOfFile` when nothing is and the peer has closed; `.disconnected`, `.closed`.
  func peek(upTo limit: Int, joined: Bool) throws(TransportError) -> PipePeek {
    inputLock.lock()
    if let error = obstacle("peek into the pipe") {
      inputLock.unlock()
      throw error
    }
    dropWhatTheDeadHeld(peeks: true)
    let hasEnded = unsafe hasEndedForPolling(&input.pointee, peeks: true)
    let result: Result<PipePeek?, PipeViolation>
    do throws(PipeViolation) {
      let seen = try unsafe input.pointee.reader.peek(upTo: limit, joined: joined)
      let isEmpty = try unsafe input.pointee.reader.isEmpty()
      if unsafe input.pointee.reader.publishSkipped() { ringRoom() }
      let peek = PipePeek(
        bytes: seen.bytes, available: isEmpty ? 0 : seen.available,
        leftInMessage: joined ? -seen.bytes.count : max(0, seen.message - seen.bytes.count))
      result = .success(hasEnded && isEmpty ? nil : peek)
    } catch { result = .failure(error) }
    inputLock.unlock()
    switch result {
    case .success(let peek?): return peek
    case .success(nil): throw TransportError(.endOfFile, "peek into the pipe")
    case .failure: throw violation()
    }
  }

  /// Whether there is nothing to read.
  func isEmpty() throws(TransportError) -> Bool {
    inputLock.lock()
    do throws(PipeViolation) {
      let isEmpty = try unsafe input.pointee.reader.isEmpty()
      inputLock.unlock()
      return isEmpty
    } catch {
      inputLock.unlock()
      throw violation()
    }
  }

  /// Whether the peer has closed or died, for a call that programs make in a loop: the kernel is
  /// asked once in a millisecond at most for peeks, and once for reads, which shall know of a death
  /// that came after a peek.
  private func hasEndedForPolling(_ input: inout Input, peeks: Bool) -> Bool {
    if peerHasClosed(input.peerIsGone) { return true }
    let now = MonotonicClock.now()
    if now &- (peeks ? input.lastLookOfPeeks : input.lastLookOfReads) < 1_000_000 { return false }
    if peeks { input.lastLookOfPeeks = now } else { input.lastLookOfReads = now }
    if roomBell.hasHungUp() { input.peerIsGone = true }
    return input.peerIsGone
  }
}
