// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import IPCSystem
internal import SyncObjects
internal import Synchronization

/// Starts to read. When it is over, the calling thread runs a routine, in its next alertable wait:
/// `SleepEx`, `WaitForSingleObjectEx`, `WaitForMultipleObjectsEx`, `GetOverlappedResultEx`.
///
/// - Parameters:
///   - hFile: A handle with `FILE_FLAG_OVERLAPPED`.
///   - lpBuffer: Where to put the bytes; valid until the routine runs.
///   - nNumberOfBytesToRead: How many there is room for.
///   - lpOverlapped: The operation; its `hEvent` is the caller's own.
///   - lpCompletionRoutine: What to run.
/// - Returns: Whether it was started. The routine does not run when it was not.
/// - Note: Errors: `ERROR_INVALID_PARAMETER` without an operation, a routine, or on a handle that is
///   not overlapped; else as ``ReadFile(_:_:_:_:_:)`` of what fails at once.
@discardableResult
public func ReadFileEx(
  _ hFile: HANDLE, _ lpBuffer: LPVOID, _ nNumberOfBytesToRead: DWORD,
  _ lpOverlapped: LPOVERLAPPED, _ lpCompletionRoutine: LPOVERLAPPED_COMPLETION_ROUTINE
) -> BOOL {
  succeeds { () throws(Failure) in
    try unsafe Transfers.readEx(
      hFile, lpBuffer, nNumberOfBytesToRead, lpOverlapped, lpCompletionRoutine)
  }
}

/// Starts to write. When it is over, the calling thread runs a routine, in its next alertable wait.
///
/// - Parameters:
///   - hFile: A handle with `FILE_FLAG_OVERLAPPED`.
///   - lpBuffer: The bytes.
///   - nNumberOfBytesToWrite: How many they are.
///   - lpOverlapped: The operation; its `hEvent` is the caller's own.
///   - lpCompletionRoutine: What to run.
/// - Returns: Whether it was started. The routine does not run when it was not.
@discardableResult
public func WriteFileEx(
  _ hFile: HANDLE, _ lpBuffer: LPCVOID, _ nNumberOfBytesToWrite: DWORD,
  _ lpOverlapped: LPOVERLAPPED, _ lpCompletionRoutine: LPOVERLAPPED_COMPLETION_ROUTINE
) -> BOOL {
  succeeds { () throws(Failure) in
    try unsafe Transfers.writeEx(
      hFile, lpBuffer, nNumberOfBytesToWrite, lpOverlapped, lpCompletionRoutine)
  }
}

/// Tells the result of an operation, or waits for it.
///
/// - Parameters:
///   - hFile: The handle that it was started on. It may be closed by now.
///   - lpOverlapped: The operation.
///   - lpNumberOfBytesTransferred: Gets how many bytes went over; or `nil`.
///   - bWait: Whether to wait.
/// - Returns: Whether the operation succeeded; its error is the last error.
/// - Note: Errors: `ERROR_IO_INCOMPLETE` when it is going on and the call does not wait.
@discardableResult
public func GetOverlappedResult(
  _ hFile: HANDLE, _ lpOverlapped: LPOVERLAPPED, _ lpNumberOfBytesTransferred: LPDWORD,
  _ bWait: BOOL
) -> BOOL {
  unsafe GetOverlappedResultEx(
    hFile, lpOverlapped, lpNumberOfBytesTransferred, bWait ? INFINITE : 0, FALSE)
}

/// Tells the result of an operation, or waits for it for some time.
///
/// - Parameters:
///   - hFile: The handle that it was started on. It may be closed by now.
///   - lpOverlapped: The operation.
///   - lpNumberOfBytesTransferred: Gets how many bytes went over; or `nil`.
///   - dwMilliseconds: How long to wait; 0 not at all, `INFINITE` for ever.
///   - bAlertable: Whether completion routines may run meanwhile; the wait then ends.
/// - Returns: Whether the operation succeeded; its error is the last error.
/// - Note: Errors: `ERROR_IO_INCOMPLETE` when it is going on and the call does not wait;
///   `WAIT_TIMEOUT`, `WAIT_IO_COMPLETION`.
@discardableResult
public func GetOverlappedResultEx(
  _ hFile: HANDLE, _ lpOverlapped: LPOVERLAPPED, _ lpNumberOfBytesTransferred: LPDWORD,
  _ dwMilliseconds: DWORD, _ bAlertable: BOOL
) -> BOOL {
  succeeds { () throws(Failure) in
    let overlapped = try unsafe overlapped(lpOverlapped)
    if let request = unsafe OverlappedRequest.running(overlapped) {
      request.notice()
      if request.isOver {
        // Another thread is about to deliver.
        _ = Waiting.any(of: [request.delivered], deadline: .never)
      } else if dwMilliseconds == 0 {
        throw Failure(ERROR_IO_INCOMPLETE)
      } else {
        switch Waits.any([request.delivered], dwMilliseconds, bAlertable) {
        case WAIT_TIMEOUT: throw Failure(WAIT_TIMEOUT)
        case WAIT_IO_COMPLETION: throw Failure(WAIT_IO_COMPLETION)
        default: request.takeEvent()
        }
      }
    }
    unsafe lpNumberOfBytesTransferred?.pointee =
      DWORD(truncatingIfNeeded: overlapped.pointee.InternalHigh)
    let error = unsafe Status.error(of: overlapped.pointee.Internal)
    if error == ERROR_IO_PENDING { throw Failure(ERROR_IO_INCOMPLETE) }
    if error != ERROR_SUCCESS { throw Failure(error) }
  }
}

/// Whether an operation is over.
public func HasOverlappedIoCompleted(_ lpOverlapped: LPOVERLAPPED) -> BOOL {
  guard let overlapped = unsafe lpOverlapped else { return FALSE }
  if let request = unsafe OverlappedRequest.running(overlapped) {
    request.notice()
    if unsafe OverlappedRequest.running(overlapped) != nil { return FALSE }
  }
  return unsafe overlapped.pointee.Internal != ULONG_PTR(STATUS_PENDING)
}

/// Cancels what the calling thread has started on the handle. Each operation ends with
/// `ERROR_OPERATION_ABORTED`, unless it was over.
@discardableResult
public func CancelIo(_ hFile: HANDLE) -> BOOL {
  succeeds { () throws(Failure) in
    let file = try HandleTable.shared.object(hFile, FileObject.self)
    let own = ThreadContext.current
    for request in file.requests.withLock({ $0 }) where request.thread === own { request.cancel() }
  }
}

/// Cancels one operation on the handle, or all, whichever thread has started them. Each ends with
/// `ERROR_OPERATION_ABORTED`, unless it was over.
///
/// What a cancelled write has put into a named pipe and nobody has read is taken back. What it has put
/// into an anonymous pipe stays there, and no count is told: the kernel gives nothing back.
///
/// - Parameters:
///   - hFile: The handle.
///   - lpOverlapped: The operation; `nil` for all, and for calls without one that other threads are
///     inside.
/// - Note: Errors: `ERROR_NOT_FOUND` when there was nothing to cancel.
@discardableResult
public func CancelIoEx(_ hFile: HANDLE, _ lpOverlapped: LPOVERLAPPED) -> BOOL {
  succeeds { () throws(Failure) in
    let file = try HandleTable.shared.object(hFile, FileObject.self)
    let address = unsafe lpOverlapped.map { UInt(bitPattern: $0) }
    for request in file.requests.withLock({ $0 }) { request.notice() }
    let going = file.requests.withLock { list in
      list.filter { address == nil || $0.address == address }
    }
    for request in going { request.cancel() }
    let hasCalls = address == nil && file.calls.cancel()
    if going.isEmpty && !hasCalls { throw Failure(ERROR_NOT_FOUND) }
  }
}

/// Ends the call that a thread of this process is inside: `ReadFile`, `WriteFile`, `ConnectNamedPipe`,
/// `WaitNamedPipe` and the like, when they wait. It fails with `ERROR_OPERATION_ABORTED`.
///
/// Operations that go on after their call has returned are not meant, nor are waits for objects.
///
/// - Parameter hThread: The thread; a handle of ``CreateThread(_:_:_:_:_:_:)``, or a duplicate of
///   `GetCurrentThread()` that the thread has made.
/// - Note: Errors: `ERROR_NOT_FOUND` when the thread is inside no such call; `ERROR_ACCESS_DENIED`
///   without the right `THREAD_TERMINATE`; `ERROR_INVALID_HANDLE`; `ERROR_NOT_SUPPORTED` for a thread
///   of another process.
@discardableResult
public func CancelSynchronousIo(_ hThread: HANDLE) -> BOOL {
  succeeds { () throws(Failure) in
    // Who asks is in no such call.
    if hThread == ThreadObject.pseudoHandle { throw Failure(ERROR_NOT_FOUND) }
    if try HandleTable.shared.entry(hThread).object is ProcessThreadObject {
      throw Failure(ERROR_NOT_SUPPORTED)
    }
    let thread = try HandleTable.shared.object(
      hThread, ThreadObject.self, access: THREAD_TERMINATE)
    let number = Int32(bitPattern: thread.number)
    let calls = HandleTable.shared.objects(FileObject.self).map(\.calls) + [FileObject.callsByName]
    // Another thread may have the number of one that has ended.
    guard !thread.end.hasEnded, calls.contains(where: { $0.cancel(of: number) }) else {
      throw Failure(ERROR_NOT_FOUND)
    }
  }
}

private func overlapped(
  _ overlapped: LPOVERLAPPED
) throws(Failure) -> UnsafeMutablePointer<OVERLAPPED> {
  guard let overlapped = unsafe overlapped else { throw Failure(ERROR_INVALID_PARAMETER) }
  return unsafe overlapped
}
