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
  var waitable: any Waitable { end }

  init(_ end: ThreadEnd) { self.end = end }

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
    ThreadContext.current.thread = self
    end.begin()
    hasBegun.set()
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
///   - dwCreationFlags: 0; `CREATE_SUSPENDED` is not supported.
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
    if dwCreationFlags != 0 { throw Failure(ERROR_NOT_SUPPORTED) }
    let thread = ThreadObject(ThreadEnd())
    let routine = unsafe ThreadRoutine(start, lpParameter)
    try translating { () throws(SystemError) in
      try SystemThread.start {
        thread.begin()
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
