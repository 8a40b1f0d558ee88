// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import Glibc
internal import IPCSystem
internal import SyncObjects

/// What a thread runs: it gets the parameter and returns the exit code.
///
/// A Swift function and not a C one; a C function pointer is called through a closure.
public typealias LPTHREAD_START_ROUTINE = ((LPVOID) -> DWORD)?

/// A thread of this process. It is signalled when it has ended.
final class ThreadObject: KernelObject, WaitableObject, @unchecked Sendable {
  // Sendable: what is stored is constant or has its own lock.
  static let pseudoHandle = HANDLE(-2)

  let end: ThreadEnd
  let hasBegun = Event(.manual)
  private let state = Locked((code: STILL_ACTIVE, number: DWORD(0)))
  private let context = Locked<ThreadContext?>(nil)
  /// How often it must be resumed before it runs.
  private let suspensions: Locked<DWORD>
  private let mayRun = Event(.manual)
  var waitable: any Waitable { end }

  init(_ end: ThreadEnd, isSuspended: Bool = false) {
    self.end = end
    suspensions = Locked(isSuspended ? 1 : 0)
    if !isSuspended { mayRun.set() }
  }

  /// The calling thread. When `CreateThread` has not made it, its end may be seen a moment before what
  /// it owned at the first question is abandoned.
  static var current: ThreadObject {
    if let known = ThreadContext.current.thread { return known }
    let thread = ThreadObject(ThreadEnd())
    thread.begin()
    return thread
  }

  /// The kernel's number of the thread.
  var number: DWORD { state.withLock { $0.number } }

  /// The code that it has ended with.
  var exitCode: DWORD {
    end.hasEnded ? state.withLock { $0.code } : STILL_ACTIVE
  }

  /// Runs on the thread.
  func begin() {
    state.withLock { $0.number = DWORD(bitPattern: SystemThread.currentNumber) }
    let context = ThreadContext.current
    context.thread = self
    self.context.withLock { $0 = context }
    end.begin()
    hasBegun.set()
  }

  /// Waits on the thread until it is resumed; what was queued until then runs first.
  func awaitResumption() {
    _ = Waiting.any(of: [mayRun], deadline: .never)
    ThreadContext.current.runRoutines()
  }

  /// Takes one suspension back, and tells how many there were.
  func resume() -> DWORD {
    let before = suspensions.withLock { count in
      defer { count = max(count, 1) - 1 }
      return count
    }
    if before == 1 { mayRun.set() }
    return before
  }

  /// Queues a routine for the next alertable wait of the thread.
  func enqueue(_ routine: @escaping () -> Void) throws(Failure) {
    guard let context = context.withLock({ $0 }), !end.hasEnded else {
      throw Failure(ERROR_GEN_FAILURE)
    }
    context.enqueue(routine)
  }

  func setExitCode(_ code: DWORD) { state.withLock { $0.code = code } }
}

/// Starts a thread.
///
/// - Parameters:
///   - lpThreadAttributes: Whether the handle is inherited, which has no effect. Or `nil`.
///   - dwStackSize: Ignored.
///   - lpStartAddress: What it runs.
///   - lpParameter: What that gets.
///   - dwCreationFlags: 0, or `CREATE_SUSPENDED`: it runs after `ResumeThread`.
///   - lpThreadId: Gets the thread's number; or `nil`.
/// - Returns: A handle, which is signalled when the thread has ended; `nil` on failure.
/// - Note: Errors: `ERROR_INVALID_PARAMETER`, `ERROR_NOT_SUPPORTED`, `ERROR_NO_SYSTEM_RESOURCES`.
public func CreateThread(
  _ lpThreadAttributes: LPSECURITY_ATTRIBUTES, _ dwStackSize: Int,
  _ lpStartAddress: LPTHREAD_START_ROUTINE, _ lpParameter: LPVOID, _ dwCreationFlags: DWORD,
  _ lpThreadId: LPDWORD
) -> HANDLE {
  answer(otherwise: nil) { () throws(Failure) in
    guard let start = unsafe lpStartAddress else { throw Failure(ERROR_INVALID_PARAMETER) }
    if dwCreationFlags & ~CREATE_SUSPENDED != 0 { throw Failure(ERROR_NOT_SUPPORTED) }
    let thread = ThreadObject(ThreadEnd(), isSuspended: dwCreationFlags != 0)
    let routine = unsafe ThreadRoutine(start, lpParameter)
    try translating { () throws(SystemError) in
      try SystemThread.start {
        thread.begin()
        thread.awaitResumption()
        thread.setExitCode(routine.run())
      }
    }
    // From now on its end can be waited for, and its number is known.
    _ = Waiting.any(of: [thread.hasBegun], deadline: .never)
    unsafe lpThreadId?.pointee = thread.number
    return HandleTable.shared.insert(
      thread, access: THREAD_ALL_ACCESS,
      isInherited: unsafe lpThreadAttributes?.pointee.bInheritHandle ?? false)
  }
}

/// What a thread runs, on its way there.
@safe private final class ThreadRoutine: @unchecked Sendable {
  // Sendable: it is made by one thread and run by another; the caller answers for the parameter.
  private let start: (LPVOID) -> DWORD
  private let parameter: LPVOID

  init(_ start: @escaping (LPVOID) -> DWORD, _ parameter: LPVOID) {
    unsafe self.start = start
    unsafe self.parameter = parameter
  }

  func run() -> DWORD { unsafe start(parameter) }
}

/// Lets a thread run that was created with `CREATE_SUSPENDED`. A thread that runs cannot be suspended.
///
/// - Returns: How often it was suspended: 1, or 0 when it runs already; `0xFFFFFFFF` on failure.
/// - Note: Errors: `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`.
@discardableResult
public func ResumeThread(_ hThread: HANDLE) -> DWORD {
  if hThread == ThreadObject.pseudoHandle { return 0 }
  return answer(otherwise: .max) { () throws(Failure) in
    try HandleTable.shared.object(hThread, ThreadObject.self, access: THREAD_SUSPEND_RESUME)
      .resume()
  }
}

/// What ``QueueUserAPC(_:_:_:)`` has a thread run.
public typealias PAPCFUNC = ((ULONG_PTR) -> Void)?

/// Has a thread run a routine in its next alertable wait: `SleepEx`, `WaitForSingleObjectEx`, …
///
/// - Parameters:
///   - pfnAPC: What it runs.
///   - hThread: The thread: `GetCurrentThread()`, or one of this process.
///   - dwData: What the routine gets.
/// - Returns: Whether it was queued. Those of a thread run in the order in which they were.
/// - Note: Errors: `ERROR_INVALID_HANDLE`; `ERROR_GEN_FAILURE` when the thread has ended;
///   `ERROR_INVALID_PARAMETER` without a routine.
@discardableResult
public func QueueUserAPC(_ pfnAPC: PAPCFUNC, _ hThread: HANDLE, _ dwData: ULONG_PTR) -> BOOL {
  succeeds { () throws(Failure) in
    guard let routine = pfnAPC else { throw Failure(ERROR_INVALID_PARAMETER) }
    if hThread == ThreadObject.pseudoHandle {
      return ThreadContext.current.enqueue { routine(dwData) }
    }
    try HandleTable.shared.object(hThread, ThreadObject.self, access: THREAD_SET_CONTEXT)
      .enqueue { routine(dwData) }
  }
}

/// Ends the calling thread. Mutexes that it owns are abandoned.
///
/// What the functions of the thread hold is not released: return from them instead, where that is
/// possible.
public func ExitThread(_ dwExitCode: DWORD) -> Never {
  ThreadContext.current.thread?.setExitCode(dwExitCode)
  SystemThread.exit()
}

/// The code that a thread has ended with.
///
/// - Parameter lpExitCode: Gets the code; `STILL_ACTIVE` while it runs.
@discardableResult
public func GetExitCodeThread(_ hThread: HANDLE, _ lpExitCode: LPDWORD) -> BOOL {
  succeeds { () throws(Failure) in
    let code =
      hThread == ThreadObject.pseudoHandle
      ? STILL_ACTIVE : try HandleTable.shared.object(hThread, ThreadObject.self).exitCode
    guard let lpExitCode = unsafe lpExitCode else { throw Failure(ERROR_NOACCESS) }
    unsafe lpExitCode.pointee = code
  }
}

/// A handle of the calling thread that needs no closing.
public func GetCurrentThread() -> HANDLE { ThreadObject.pseudoHandle }

/// The number of a thread; 0 with `ERROR_INVALID_HANDLE` for something else.
public func GetThreadId(_ Thread: HANDLE) -> DWORD {
  if Thread == ThreadObject.pseudoHandle { return GetCurrentThreadId() }
  return answer(otherwise: 0) { () throws(Failure) in
    try HandleTable.shared.object(Thread, ThreadObject.self).number
  }
}

/// What the machine is like. Laid out as in C, but for the union at its beginning.
@frozen @safe public struct SYSTEM_INFO {
  /// `PROCESSOR_ARCHITECTURE_…`
  public var wProcessorArchitecture: WORD = 0
  /// Zero.
  public var wReserved: WORD = 0
  /// The size of a page of memory in bytes.
  public var dwPageSize: DWORD = 0
  /// The lowest address that a program may use.
  public var lpMinimumApplicationAddress: LPVOID = nil
  /// The highest.
  public var lpMaximumApplicationAddress: LPVOID = nil
  /// A bit for each processor of the first 64.
  public var dwActiveProcessorMask: ULONG_PTR = 0
  /// How many processors this process may use.
  public var dwNumberOfProcessors: DWORD = 0
  /// Not used.
  public var dwProcessorType: DWORD = 0
  /// What the offset of a view is a multiple of, in bytes.
  public var dwAllocationGranularity: DWORD = 0
  /// Not used.
  public var wProcessorLevel: WORD = 0
  /// Not used.
  public var wProcessorRevision: WORD = 0

  /// Creates a structure of zeros.
  public init() {}
}

/// Tells what the machine is like.
public func GetSystemInfo(_ lpSystemInfo: UnsafeMutablePointer<SYSTEM_INFO>) {
  var info = SYSTEM_INFO()
  #if arch(arm64)
    info.wProcessorArchitecture = PROCESSOR_ARCHITECTURE_ARM64
  #else
    info.wProcessorArchitecture = PROCESSOR_ARCHITECTURE_AMD64
  #endif
  let processors = Processor.allowed()
  info.dwPageSize = DWORD(MappedPart.page)
  info.dwAllocationGranularity = DWORD(MappedPart.alignment)
  info.dwNumberOfProcessors = DWORD(processors.count)
  for number in processors where number < 64 { info.dwActiveProcessorMask |= 1 << UInt(number) }
  unsafe info.lpMinimumApplicationAddress = UnsafeMutableRawPointer(bitPattern: 0x10000)
  unsafe info.lpMaximumApplicationAddress = UnsafeMutableRawPointer(bitPattern: 0x7FFF_FFFE_FFFF)
  unsafe lpSystemInfo.pointee = info
}
