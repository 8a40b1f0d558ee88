internal import IPCSystem
internal import SyncObjects

/// An operation with an `OVERLAPPED`, from its start until its result has been delivered.
@safe final class OverlappedRequest: SignalSource, @unchecked Sendable {
  // Sendable: the addresses are constant, what is behind them belongs to the operation until it is
  // over, and the rest is behind the mutex.
  private let overlapped: UnsafeMutablePointer<OVERLAPPED>
  private let target: UnsafeMutableRawBufferPointer?
  private let file: FileObject
  private let event: EventObject?
  private let routine: LPOVERLAPPED_COMPLETION_ROUTINE
  /// The thread that has started it.
  let thread: ThreadContext
  /// Set when the result has been delivered.
  let delivered = Event(.manual)
  private let state = Locked(State())

  private struct State {
    var phase = Phase.starting
    var work: (any RunningWork)?
  }

  private enum Phase {
    /// The call that starts it has not returned: it delivers the result itself.
    case starting
    case pending
    case over
  }

  /// The operations that are going on, by the address of their `OVERLAPPED`.
  private static let all = Locked<[UInt: OverlappedRequest]>([:])

  /// The operation that this structure is busy with.
  static func running(_ overlapped: UnsafeMutablePointer<OVERLAPPED>) -> OverlappedRequest? {
    all.withLock { $0[UInt(bitPattern: overlapped)] }
  }

  /// Cancels what a thread has started that has ended.
  static func cancelAll(of thread: ThreadContext) {
    let own = all.withLock { all in all.values.filter { $0.thread === thread } }
    for request in own { request.cancel() }
  }

  /// The address of the structure.
  var address: UInt { unsafe UInt(bitPattern: overlapped) }

  private init(
    _ overlapped: UnsafeMutablePointer<OVERLAPPED>, _ file: FileObject, event: EventObject?,
    target: UnsafeMutableRawBufferPointer?, routine: LPOVERLAPPED_COMPLETION_ROUTINE
  ) {
    unsafe self.overlapped = overlapped
    unsafe self.target = target
    self.file = file
    self.event = event
    unsafe self.routine = routine
    thread = .current
  }

  /// The event of an `OVERLAPPED`, which is reset. Its lowest bit has a meaning in Windows only.
  static func event(of overlapped: UnsafeMutablePointer<OVERLAPPED>) throws(Failure) -> EventObject?
  {
    let value = unsafe overlapped.pointee.hEvent.value & ~1
    if value == 0 { return nil }
    return try HandleTable.shared.object(HANDLE(value), EventObject.self)
  }

  /// Starts an operation.
  ///
  /// - Parameters:
  ///   - target: Where to put what is read.
  ///   - routine: What the calling thread shall run when it is over; the event is then not used.
  ///   - otherwise: Does the operation while the caller waits, if it cannot be started.
  /// - Returns: How many bytes went over, when it is over already.
  /// - Throws: `ERROR_IO_PENDING`; `ERROR_MORE_DATA`, and the structure tells the bytes; or why it
  ///   failed.
  static func start(
    _ work: Work, on file: FileObject, _ overlapped: UnsafeMutablePointer<OVERLAPPED>,
    target: UnsafeMutableRawBufferPointer? = nil,
    routine: LPOVERLAPPED_COMPLETION_ROUTINE = nil, count: inout Int,
    otherwise: () throws(Failure) -> Transfer
  ) throws(Failure) {
    let event = try unsafe routine == nil ? event(of: overlapped) : nil
    event?.event.clear()
    file.completion.clear()
    unsafe overlapped.pointee.Internal = ULONG_PTR(STATUS_PENDING)
    unsafe overlapped.pointee.InternalHigh = 0
    let request = unsafe OverlappedRequest(
      overlapped, file, event: event, target: target, routine: routine)
    request.enter()
    let work = file.start(work) { request.finishIfPending() }
    if let work {
      request.state.withLock { $0.work = work }
      guard let outcome = request.outcomeOrPending(work) else { throw Failure(ERROR_IO_PENDING) }
      try request.deliver(outcome, count: &count)
      return
    }
    // It runs to its end here.
    var outcome = WorkOutcome()
    do throws(Failure) {
      let transfer = try otherwise()
      outcome.count = transfer.count
      outcome.error = transfer.hasMore ? ERROR_MORE_DATA : ERROR_SUCCESS
    } catch { outcome.error = error.code }
    request.state.withLock { $0.phase = .over }
    try request.deliver(outcome, count: &count)
  }

  /// What came of an operation that was over at once; else it is pending from now on.
  private func outcomeOrPending(_ work: any RunningWork) -> WorkOutcome? {
    if let outcome = work.outcome {
      state.withLock { $0.phase = .over }
      return outcome
    }
    state.withLock { $0.phase = .pending }
    event?.event.attach(self)
    file.completion.attach(self)
    if unsafe routine != nil { thread.expect(self) }
    // It may have ended between the question and the change, and nobody would have delivered it.
    finishIfPending()
    return nil
  }

  /// Looks whether it is over, and then delivers the result.
  func notice() { finishIfPending() }

  private func finishIfPending() {
    let work = state.withLock { $0.phase == .pending ? $0.work : nil }
    guard let outcome = work?.outcome else { return }
    let isFirst = state.withLock { state in
      defer { state.phase = .over }
      return state.phase == .pending
    }
    if isFirst { complete(outcome) }
  }

  /// Delivers the result to the call that has started it.
  private func deliver(_ outcome: WorkOutcome, count: inout Int) throws(Failure) {
    let succeeds = outcome.error == ERROR_SUCCESS || outcome.error == ERROR_MORE_DATA
    if succeeds {
      complete(outcome)
    } else {
      // An operation that fails at once is no operation: nothing is signalled.
      leave()
      unsafe overlapped.pointee.Internal = Status.of(error: outcome.error)
    }
    // The bytes of a part of a message are told by the structure only, as in Windows.
    if outcome.error != ERROR_SUCCESS { throw Failure(outcome.error) }
    count = outcome.count
  }

  /// Delivers the result: into the structure and the buffer first, then to who waits for it.
  private func complete(_ outcome: WorkOutcome) {
    if let target = unsafe target {
      unsafe target.copyBytes(from: outcome.bytes.prefix(target.count))
    }
    unsafe overlapped.pointee.InternalHigh = ULONG_PTR(outcome.count)
    unsafe overlapped.pointee.Internal = Status.of(error: outcome.error)
    // From the moment that somebody is told, the structure may be gone: it is not touched any more.
    // It counts as busy until everybody was told, or an event could be set after its next use.
    if let event { event.event.set() } else { file.completion.set() }
    leave()
    delivered.set()
    if let routine = unsafe routine {
      let (error, count) = (outcome.error, DWORD(truncatingIfNeeded: outcome.count))
      let overlapped = unsafe self.overlapped
      thread.enqueue(self) { unsafe routine(error, count, overlapped) }
    }
  }

  private func enter() {
    Self.all.withLock { $0[address] = self }
    file.requests.withLock { $0.append(self) }
  }

  private func leave() {
    Self.all.withLock { if $0[address] === self { $0[address] = nil } }
    file.requests.withLock { list in list.removeAll { $0 === self } }
    event?.event.detach(self)
    file.completion.detach(self)
  }

  /// Gives the operation up, if it is going on.
  func cancel() {
    state.withLock { $0.work }?.cancel()
    finishIfPending()
  }

  /// Whether the result has been delivered.
  var isOver: Bool { state.withLock { $0.phase == .over } }

  /// Takes the signal of the operation's event, as a wait for it would.
  func takeEvent() { _ = event?.event.takeIfSignalled() }
}
