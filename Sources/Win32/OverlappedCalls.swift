// swift-format-ignore-file: AlwaysUseLowerCamelCase

/// Starts to read; a routine runs in an alertable wait of this thread when it is complete.
@discardableResult
public func ReadFileEx(
  _ hFile: HANDLE, _ lpBuffer: LPVOID, _ nNumberOfBytesToRead: DWORD, _ lpOverlapped: LPOVERLAPPED,
  _ lpCompletionRoutine: LPOVERLAPPED_COMPLETION_ROUTINE
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Starts to write; a routine runs in an alertable wait of this thread when it is complete.
@discardableResult
public func WriteFileEx(
  _ hFile: HANDLE, _ lpBuffer: LPCVOID, _ nNumberOfBytesToWrite: DWORD,
  _ lpOverlapped: LPOVERLAPPED, _ lpCompletionRoutine: LPOVERLAPPED_COMPLETION_ROUTINE
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Tells the result of an operation, or waits for it.
@discardableResult
public func GetOverlappedResult(
  _ hFile: HANDLE, _ lpOverlapped: LPOVERLAPPED, _ lpNumberOfBytesTransferred: LPDWORD,
  _ bWait: BOOL
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Tells the result of an operation, or waits for it for some time.
@discardableResult
public func GetOverlappedResultEx(
  _ hFile: HANDLE, _ lpOverlapped: LPOVERLAPPED, _ lpNumberOfBytesTransferred: LPDWORD,
  _ dwMilliseconds: DWORD, _ bAlertable: BOOL
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Whether an operation is complete.
@discardableResult
public func HasOverlappedIoCompleted(_ lpOverlapped: LPOVERLAPPED) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Cancels what this thread has started on the handle.
@discardableResult
public func CancelIo(_ hFile: HANDLE) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Cancels one operation on the handle, or all.
@discardableResult
public func CancelIoEx(_ hFile: HANDLE, _ lpOverlapped: LPOVERLAPPED) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}
