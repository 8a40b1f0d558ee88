// swift-format-ignore-file: AlwaysUseLowerCamelCase

/// The calling thread's last error.
@discardableResult
public func GetLastError() -> DWORD {
  return 0
}

/// Sets the calling thread's last error.
public func SetLastError(_ dwErrCode: DWORD) {

}

/// Writes the words for an error code.
@discardableResult
public func FormatMessage(
  _ dwFlags: DWORD, _ lpSource: LPCVOID, _ dwMessageId: DWORD, _ dwLanguageId: DWORD,
  _ lpBuffer: LPVOID, _ nSize: DWORD, _ Arguments: LPVOID
) -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// Frees what `FormatMessage` has allocated.
public func LocalFree(_ hMem: LPVOID) -> LPVOID {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return nil
}

/// The symbolic name of an error code, such as `ERROR_PIPE_BUSY`; not in Win32.
public func ErrorName(_ code: DWORD) -> String {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return ""
}

/// The words for an error code without a line end; not in Win32.
public func ErrorMessage(_ code: DWORD) -> String? {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return nil
}
