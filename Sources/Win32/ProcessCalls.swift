// swift-format-ignore-file: AlwaysUseLowerCamelCase

/// Creates a pipe without a name.
@discardableResult
public func CreatePipe(
  _ hReadPipe: LPHANDLE, _ hWritePipe: LPHANDLE, _ lpPipeAttributes: LPSECURITY_ATTRIBUTES,
  _ nSize: DWORD
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Starts a program.
@discardableResult
public func CreateProcess(
  _ lpApplicationName: LPCTSTR, _ lpCommandLine: LPCTSTR,
  _ lpProcessAttributes: LPSECURITY_ATTRIBUTES, _ lpThreadAttributes: LPSECURITY_ATTRIBUTES,
  _ bInheritHandles: BOOL, _ dwCreationFlags: DWORD, _ lpEnvironment: LPVOID,
  _ lpCurrentDirectory: LPCTSTR, _ lpStartupInfo: LPSTARTUPINFO,
  _ lpProcessInformation: LPPROCESS_INFORMATION
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Ends a process at once.
@discardableResult
public func TerminateProcess(_ hProcess: HANDLE, _ uExitCode: DWORD) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// The code that a process has ended with, or `STILL_ACTIVE`.
@discardableResult
public func GetExitCodeProcess(_ hProcess: HANDLE, _ lpExitCode: LPDWORD) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Ends this process at once.
public func ExitProcess(_ uExitCode: DWORD) -> Never { fatalError() }

/// A handle of this process that needs no closing.
public func GetCurrentProcess() -> HANDLE {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return INVALID_HANDLE_VALUE
}

/// The id of this process.
@discardableResult
public func GetCurrentProcessId() -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// The id of a process.
@discardableResult
public func GetProcessId(_ Process: HANDLE) -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// The id of the calling thread.
@discardableResult
public func GetCurrentThreadId() -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}
