// swift-format-ignore-file: AlwaysUseLowerCamelCase

/// Opens or creates a file, or opens the client end of a named pipe.
public func CreateFile(
  _ lpFileName: LPCTSTR, _ dwDesiredAccess: DWORD, _ dwShareMode: DWORD,
  _ lpSecurityAttributes: LPSECURITY_ATTRIBUTES, _ dwCreationDisposition: DWORD,
  _ dwFlagsAndAttributes: DWORD, _ hTemplateFile: HANDLE
) -> HANDLE {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return INVALID_HANDLE_VALUE
}

/// Reads from a file or a pipe.
@discardableResult
public func ReadFile(
  _ hFile: HANDLE, _ lpBuffer: LPVOID, _ nNumberOfBytesToRead: DWORD,
  _ lpNumberOfBytesRead: LPDWORD, _ lpOverlapped: LPOVERLAPPED
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Writes to a file or a pipe.
@discardableResult
public func WriteFile(
  _ hFile: HANDLE, _ lpBuffer: LPCVOID, _ nNumberOfBytesToWrite: DWORD,
  _ lpNumberOfBytesWritten: LPDWORD, _ lpOverlapped: LPOVERLAPPED
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Waits until what was written has been read (pipes) or is on the disk (files).
@discardableResult
public func FlushFileBuffers(_ hFile: HANDLE) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Tells a file from a pipe and from a terminal.
@discardableResult
public func GetFileType(_ hFile: HANDLE) -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// The size of a file; the high 32 bits through the pointer.
@discardableResult
public func GetFileSize(_ hFile: HANDLE, _ lpFileSizeHigh: LPDWORD) -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// Moves the place where a file is read and written next.
@discardableResult
public func SetFilePointer(
  _ hFile: HANDLE, _ lDistanceToMove: LONG, _ lpDistanceToMoveHigh: UnsafeMutablePointer<LONG>?,
  _ dwMoveMethod: DWORD
) -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}
