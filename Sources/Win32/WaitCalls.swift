// swift-format-ignore-file: AlwaysUseLowerCamelCase

/// Waits for an object.
@discardableResult
public func WaitForSingleObject(_ hHandle: HANDLE, _ dwMilliseconds: DWORD) -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// Waits for an object; alertable, if asked for.
@discardableResult
public func WaitForSingleObjectEx(_ hHandle: HANDLE, _ dwMilliseconds: DWORD, _ bAlertable: BOOL)
  -> DWORD
{
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// Waits for one object of several, or for all of them.
@discardableResult
public func WaitForMultipleObjects(
  _ nCount: DWORD, _ lpHandles: UnsafePointer<HANDLE>?, _ bWaitAll: BOOL, _ dwMilliseconds: DWORD
) -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// Waits for one object of several, or for all of them; alertable, if asked for.
@discardableResult
public func WaitForMultipleObjectsEx(
  _ nCount: DWORD, _ lpHandles: UnsafePointer<HANDLE>?, _ bWaitAll: BOOL, _ dwMilliseconds: DWORD,
  _ bAlertable: BOOL
) -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// Does nothing for some time.
public func Sleep(_ dwMilliseconds: DWORD) {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)

}

/// Does nothing for some time; if alertable, until a completion routine has run.
@discardableResult
public func SleepEx(_ dwMilliseconds: DWORD, _ bAlertable: BOOL) -> DWORD {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return 0
}

/// Creates an event without a name.
public func CreateEvent(
  _ lpEventAttributes: LPSECURITY_ATTRIBUTES, _ bManualReset: BOOL, _ bInitialState: BOOL,
  _ lpName: LPCTSTR
) -> HANDLE {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return INVALID_HANDLE_VALUE
}

/// Sets an event: who waits for it goes on.
@discardableResult
public func SetEvent(_ hEvent: HANDLE) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Resets an event: who waits for it waits.
@discardableResult
public func ResetEvent(_ hEvent: HANDLE) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}
