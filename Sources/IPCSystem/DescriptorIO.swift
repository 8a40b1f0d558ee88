public import CIPCShims
public import Glibc
public import Synchronization

/// Blocking reads and writes on one descriptor, with deadlines, that `close()` in another thread
/// ends at once.
///
/// A call without a deadline is one system call on a blocking descriptor: this is what the lab
/// measures. The first call with a deadline switches the descriptor to non-blocking mode for good;
/// from then on a call tries, waits in `ppoll(2)` when it must, and tries again.
///
/// `close()` cannot simply close: another thread may be inside `read(2)` or about to enter it, and
/// the number could be reused under it. It first puts an end-of-everything descriptor in the
/// place of the real one (`dup2`), so a late thread finds that, and then interrupts threads that
/// are inside with a signal until they have left. A thread that has blocked the signal stays until
/// its call is over: the number is then kept for as long as the object lives.
///
/// One thread may read while another writes; two readers, or two writers, at once are not allowed.
///
/// The way of a successful call is inlinable, so that no more frames than necessary are on the stack
/// during the system call: the kernel empties the processor's stack of return addresses, and each
/// return after it to a frame from before it is mispredicted.
public final class DescriptorIO: @unchecked Sendable {
  // Sendable: `descriptor` never changes; everything else that two threads touch is atomic.

  /// The descriptor's number. It belongs to this object.
  public let descriptor: Int32
  @usableFromInline let closed = Atomic<Bool>(false)
  @usableFromInline let nonblocking: Atomic<Bool>
  @usableFromInline let reader = Atomic<Int32>(0)
  @usableFromInline let writer = Atomic<Int32>(0)
  /// Whether the number is given back.
  private let isReleased = Atomic<Bool>(false)

  /// Takes over a descriptor.
  ///
  /// - Parameter nonblocking: Whether it is in non-blocking mode already.
  public init(adopting descriptor: consuming OwnedDescriptor, nonblocking: Bool = false) {
    self.descriptor = descriptor.release()
    self.nonblocking = Atomic(nonblocking)
    Self.prepareInterrupts
  }

  deinit {
    if !isReleased.load(ordering: .acquiring) { _ = Glibc.close(descriptor) }
  }

  /// Whether `close()` was called.
  @inlinable public var isClosed: Bool { closed.load(ordering: .acquiring) }

  /// Which direction a call waits for.
  public enum Direction: Sendable {
    /// Input.
    case read
    /// Output.
    case write
  }

  /// Runs a system call that may block, until it succeeds, fails, or the deadline passes.
  ///
  /// - Parameters:
  ///   - call: The call's name for the error.
  ///   - direction: What to wait for when the call would block.
  ///   - body: The call; returns -1 and sets `errno` as system calls do.
  /// - Throws: `ETIMEDOUT` at the deadline, `EBADF` when the object was closed, else the call's own
  ///   error.
  @inlinable @inline(__always)
  public func perform(
    _ call: StaticString, _ direction: Direction, deadline: Deadline, _ body: (Int32) -> Int
  ) throws(SystemError) -> Int {
    let slot = direction == .read
    enter(slot)
    defer { leave(slot) }
    while true {
      if closed.load(ordering: .sequentiallyConsistent) { throw closedError(call) }
      if !deadline.isNever && !nonblocking.load(ordering: .relaxed) { try makeNonblocking() }
      let result = body(descriptor)
      if result > 0 { return result }
      if try isFinal(result, call, direction, deadline) { return result }
    }
  }

  /// Whether `result`, which is not positive, is the call's own rather than what `close()` made of
  /// it or a reason to try again, for which this then waits. The call has been the last to set
  /// `errno`.
  @usableFromInline @inline(never)
  func isFinal(
    _ result: Int, _ call: StaticString, _ direction: Direction, _ deadline: Deadline
  ) throws(SystemError) -> Bool {
    let code = errno
    // Nothing is what the descriptor that `close()` puts here gives; anything else was real, and
    // an accepted socket must not be lost.
    if result == 0 && !closed.load(ordering: .relaxed) { return true }
    if closed.load(ordering: .acquiring) { throw closedError(call) }
    if code == EINTR {
      if CancellableCalls.isCancelled { throw SystemError(code: ECANCELED, call: "\(call)") }
      return false
    }
    // Not only when this object asked for non-blocking mode: it belongs to the open file, which
    // another process may share.
    guard code == EAGAIN else { throw SystemError(code: code, call: "\(call)") }
    try waitUntilReady(call, direction, deadline)
    return false
  }

  // Not static: naming `Self` keeps a method of a class from being inlined.
  @usableFromInline @inline(never)
  func closedError(_ call: StaticString) -> SystemError {
    SystemError(code: EBADF, call: "\(call)")
  }

  /// Reads at most `buffer.count` bytes; 0 is end of file. Wraps `read(2)`.
  @inlinable @inline(__always)
  public func read(
    into buffer: UnsafeMutableRawBufferPointer, deadline: Deadline
  ) throws(SystemError) -> Int {
    try perform("read", .read, deadline: deadline) {
      unsafe Glibc.read($0, buffer.baseAddress, buffer.count)
    }
  }

  /// Writes at least one byte of `buffer` and returns how many. Wraps `write(2)`.
  @inlinable @inline(__always)
  public func write(
    _ buffer: UnsafeRawBufferPointer, deadline: Deadline
  ) throws(SystemError) -> Int {
    try perform("write", .write, deadline: deadline) {
      unsafe Glibc.write($0, buffer.baseAddress, buffer.count)
    }
  }

  /// Closes the descriptor. Threads inside a call leave it with `EBADF`. Safe to call twice.
  ///
  /// It waits for them for about a second, which matters only when one of them has blocked `SIGURG`
  /// itself or is held by a debugger.
  public func close() {
    guard
      closed.compareExchange(expected: false, desired: true, ordering: .sequentiallyConsistent)
        .exchanged
    else { return }
    if reader.load(ordering: .sequentiallyConsistent) != 0
      || writer.load(ordering: .sequentiallyConsistent) != 0
    {
      replaceFile()
      // The number must not lead to another file while a thread may still use it.
      if !ThreadIdentity.interrupt(threadsInside) { return }
    }
    isReleased.store(true, ordering: .releasing)
    _ = Glibc.close(descriptor)
  }

  // MARK: - Inside

  static let prepareInterrupts: Void = {
    _ = cipc_install_interrupt(cipc_interrupt_signal())
    BrokenPipes.ignore()
  }()

  // This store and the load of `closed` after it pair with the store and the loads in `close()`:
  // in one order that all threads agree on, either the caller sees that the object is closed, or
  // `close()` sees that the caller is inside. With a weaker order neither might, and the call would
  // go to whatever file gets the number next. While there is one thread only, nobody else can close,
  // and the store need not wait for those before it: 2 % of a stream of short messages (measured).
  @inlinable @inline(__always)
  func enter(_ reading: Bool) {
    let thread = ThreadIdentity.current
    switch (reading, cipc_is_single_threaded()) {
    case (true, true): reader.store(thread, ordering: .relaxed)
    case (true, false): reader.store(thread, ordering: .sequentiallyConsistent)
    case (false, true): writer.store(thread, ordering: .relaxed)
    case (false, false): writer.store(thread, ordering: .sequentiallyConsistent)
    }
  }

  @inlinable @inline(__always)
  func leave(_ reading: Bool) {
    if reading {
      reader.store(0, ordering: .releasing)
    } else {
      writer.store(0, ordering: .releasing)
    }
  }

  @usableFromInline
  func makeNonblocking() throws(SystemError) {
    try Descriptors.setNonblocking(descriptor, true)
    nonblocking.store(true, ordering: .relaxed)
  }

  private func waitUntilReady(
    _ call: StaticString, _ direction: Direction, _ deadline: Deadline
  ) throws(SystemError) {
    var entry = pollfd(
      fd: descriptor, events: Int16(direction == .read ? POLLIN : POLLOUT), revents: 0)
    var left = timespec()
    if let remaining = deadline.remaining {
      if remaining == 0 { throw SystemError(code: ETIMEDOUT, call: "\(call)") }
      left = timespec(
        tv_sec: Int(remaining / 1_000_000_000), tv_nsec: Int(remaining % 1_000_000_000))
    }
    let ready =
      deadline.isNever
      ? unsafe cipc_ppoll(&entry, 1, nil) : unsafe cipc_ppoll(&entry, 1, &left)
    if ready == -1 {
      if errno != EINTR { throw lastError("ppoll") }
      if CancellableCalls.isCancelled { throw SystemError(code: ECANCELED, call: "\(call)") }
    }
  }

  /// Puts the end-of-everything descriptor in the place of the real one.
  private func replaceFile() {
    // A dead pipe end: reading it gives end of file, writing it EPIPE, polling it readiness.
    guard let dead = try? Pipes.make(capacity: nil) else { return }
    dead.writeEnd.close()
    _ = cipc_replace(descriptor, dead.readEnd.raw)
    dead.readEnd.close()
  }

  /// The other threads that are inside a call.
  private func threadsInside() -> [Int32] {
    [
      reader.load(ordering: .sequentiallyConsistent),
      writer.load(ordering: .sequentiallyConsistent),
    ].filter { $0 != 0 && $0 != ThreadIdentity.current }
  }
}

/// The calling thread's kernel id, kept per thread: asking each time would be a system call.
public enum ThreadIdentity {
  /// The calling thread's id.
  public static var current: Int32 {
    let known = cipc_get_own_thread()
    return known != 0 ? known : introduce()
  }

  @inline(never)
  private static func introduce() -> Int32 {
    let fresh = cipc_gettid()
    // Threads of dispatch queues and of Swift's cooperative pool have every signal blocked, and
    // `close()` would wait for them for ever.
    var interrupt = sigset_t()
    unsafe sigemptyset(&interrupt)
    unsafe sigaddset(&interrupt, cipc_interrupt_signal())
    unsafe pthread_sigmask(SIG_UNBLOCK, &interrupt, nil)
    cipc_set_own_thread(fresh)
    return fresh
  }

  /// Interrupts threads until they have left the calls that they are inside.
  ///
  /// - Parameter threads: Gives those that are still inside.
  /// - Returns: Whether all have left.
  static func interrupt(_ threads: () -> [Int32]) -> Bool {
    let process = getpid()
    // A thread may have been signalled just before it went to sleep, so again and again; but one that
    // has blocked the signal since, or is held up by something else such as a debugger, is not waited
    // for.
    for round in 0..<5000 {
      let left = threads()
      if left.isEmpty { return true }
      for thread in left { _ = cipc_tgkill(process, thread, cipc_interrupt_signal()) }
      if round < 100 { sched_yield() } else { usleep(200) }
    }
    return false
  }
}

/// Anonymous pipes as the kernel makes them.
public enum Pipes {
  /// The two ends of a new pipe.
  @frozen public struct Ends: ~Copyable {
    /// The end that is read.
    public var readEnd: OwnedDescriptor
    /// The end that is written.
    public var writeEnd: OwnedDescriptor
  }

  /// Creates a pipe. Wraps `pipe2(2)` and `F_SETPIPE_SZ`.
  ///
  /// - Parameter capacity: Bytes the pipe should hold; the kernel rounds up to a power of two pages.
  ///   `nil` keeps the default (64 KiB).
  /// - Throws: `EPERM` when the capacity is above `fs.pipe-max-size`.
  public static func make(capacity: Int?) throws(SystemError) -> Ends {
    var numbers: [Int32] = [-1, -1]
    try checked("pipe2") { unsafe cipc_pipe2(&numbers, O_CLOEXEC) }
    let ends = Ends(
      readEnd: OwnedDescriptor(adopting: numbers[0]),
      writeEnd: OwnedDescriptor(adopting: numbers[1]))
    if let capacity {
      try setCapacity(of: ends.writeEnd.raw, to: capacity)
    }
    return ends
  }

  /// Changes how many bytes a pipe or FIFO holds.
  public static func setCapacity(of descriptor: Int32, to bytes: Int) throws(SystemError) {
    guard let wanted = Int32(exactly: bytes), wanted > 0 else {
      throw SystemError(code: EINVAL, call: "fcntl(F_SETPIPE_SZ)")
    }
    try checked("fcntl(F_SETPIPE_SZ)") { cipc_set_pipe_size(descriptor, wanted) }
  }

  /// How many bytes a pipe or FIFO holds.
  public static func capacity(of descriptor: Int32) throws(SystemError) -> Int {
    Int(try checked("fcntl(F_GETPIPE_SZ)") { cipc_get_pipe_size(descriptor) })
  }
}
