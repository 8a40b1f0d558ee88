// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import Glibc

/// The calling thread's last error: why its last call that failed did so.
///
/// Calls that succeed leave it alone, but for those whose documentation says otherwise.
public func GetLastError() -> DWORD { ThreadContext.current.lastError }

/// Sets the calling thread's last error.
public func SetLastError(_ dwErrCode: DWORD) { ThreadContext.current.lastError = dwErrCode }

/// Writes the words for an error code, in English and ended by a line break and a 0.
///
/// - Parameters:
///   - dwFlags: `FORMAT_MESSAGE_FROM_SYSTEM`; with `FORMAT_MESSAGE_ALLOCATE_BUFFER`, `lpBuffer` is the
///     address of a pointer that gets memory to be freed with ``LocalFree(_:)``;
///     `FORMAT_MESSAGE_IGNORE_INSERTS`; with `FORMAT_MESSAGE_MAX_WIDTH_MASK` there is a blank instead
///     of the line break.
///   - lpSource: Ignored.
///   - dwMessageId: The code.
///   - dwLanguageId: Ignored.
///   - lpBuffer: Where to write.
///   - nSize: How many characters there is room for, the 0 included.
///   - Arguments: Ignored: no message has any.
/// - Returns: How many bytes were written, without the 0; 0 on failure.
/// - Note: Errors: `ERROR_MR_MID_NOT_FOUND` for a code that this module does not return;
///   `ERROR_INSUFFICIENT_BUFFER`, `ERROR_INVALID_PARAMETER`.
@discardableResult
public func FormatMessage(
  _ dwFlags: DWORD, _ lpSource: LPCVOID, _ dwMessageId: DWORD, _ dwLanguageId: DWORD,
  _ lpBuffer: LPVOID, _ nSize: DWORD, _ Arguments: LPVOID
) -> DWORD {
  answer(otherwise: 0) { () throws(Failure) in
    guard let buffer = unsafe lpBuffer, dwFlags & FORMAT_MESSAGE_FROM_SYSTEM != 0 else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    let words = try ErrorMessage(dwMessageId).orFailure(ERROR_MR_MID_NOT_FOUND)
    let isOneLine = dwFlags & FORMAT_MESSAGE_MAX_WIDTH_MASK == FORMAT_MESSAGE_MAX_WIDTH_MASK
    let text = Array((words + (isOneLine ? " " : "\r\n")).utf8) + [0]
    if dwFlags & FORMAT_MESSAGE_ALLOCATE_BUFFER != 0 {
      guard let copy = unsafe malloc(max(text.count, Int(nSize))) else {
        throw Failure(ERROR_NOT_ENOUGH_MEMORY)
      }
      unsafe copy.copyMemory(from: text, byteCount: text.count)
      unsafe buffer.storeBytes(of: copy, as: UnsafeMutableRawPointer.self)
    } else {
      if text.count > Int(nSize) { throw Failure(ERROR_INSUFFICIENT_BUFFER) }
      unsafe buffer.copyMemory(from: text, byteCount: text.count)
    }
    return DWORD(text.count - 1)
  }
}

/// Frees what `FormatMessage` has allocated.
///
/// - Returns: `nil`.
@discardableResult
public func LocalFree(_ hMem: LPVOID) -> LPVOID {
  unsafe free(hMem)
  return nil
}

/// The symbolic name of an error code, such as `ERROR_PIPE_BUSY`; its number when it has none here.
/// Not in Win32.
public func ErrorName(_ code: DWORD) -> String { ErrorTexts.texts[code]?.name ?? "\(code)" }

/// The words for an error code, without a line break; `nil` for a code that this module does not
/// return. Not in Win32.
public func ErrorMessage(_ code: DWORD) -> String? { ErrorTexts.texts[code]?.words }
