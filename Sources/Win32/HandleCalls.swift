// swift-format-ignore-file: AlwaysUseLowerCamelCase

/// Closes a handle. The object goes away with its last handle.
@discardableResult
public func CloseHandle(_ hObject: HANDLE) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Makes another handle of the same object, in this process.
@discardableResult
public func DuplicateHandle(
  _ hSourceProcessHandle: HANDLE, _ hSourceHandle: HANDLE, _ hTargetProcessHandle: HANDLE,
  _ lpTargetHandle: LPHANDLE, _ dwDesiredAccess: DWORD, _ bInheritHandle: BOOL, _ dwOptions: DWORD
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Tells whether a handle is inherited and protected.
@discardableResult
public func GetHandleInformation(_ hObject: HANDLE, _ lpdwFlags: LPDWORD) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Changes whether a handle is inherited and protected.
@discardableResult
public func SetHandleInformation(_ hObject: HANDLE, _ dwMask: DWORD, _ dwFlags: DWORD) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// The process's standard input, output or error.
public func GetStdHandle(_ nStdHandle: DWORD) -> HANDLE {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return INVALID_HANDLE_VALUE
}

/// Replaces the process's standard input, output or error for `GetStdHandle` and for children.
@discardableResult
public func SetStdHandle(_ nStdHandle: DWORD, _ hHandle: HANDLE) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}
