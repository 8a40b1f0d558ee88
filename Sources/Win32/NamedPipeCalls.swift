// swift-format-ignore-file: AlwaysUseLowerCamelCase

/// Creates an instance of a named pipe and returns its server end, which listens from now on.
public func CreateNamedPipe(
  _ lpName: LPCTSTR, _ dwOpenMode: DWORD, _ dwPipeMode: DWORD, _ nMaxInstances: DWORD,
  _ nOutBufferSize: DWORD, _ nInBufferSize: DWORD, _ nDefaultTimeOut: DWORD,
  _ lpSecurityAttributes: LPSECURITY_ATTRIBUTES
) -> HANDLE {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return INVALID_HANDLE_VALUE
}

/// Waits for a client of this instance.
@discardableResult
public func ConnectNamedPipe(_ hNamedPipe: HANDLE, _ lpOverlapped: LPOVERLAPPED) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Cuts the client off and discards what it has not read.
@discardableResult
public func DisconnectNamedPipe(_ hNamedPipe: HANDLE) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Waits for an instance that a client could open.
@discardableResult
public func WaitNamedPipe(_ lpNamedPipeName: LPCTSTR, _ nTimeOut: DWORD) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Copies what could be read without taking it.
@discardableResult
public func PeekNamedPipe(
  _ hNamedPipe: HANDLE, _ lpBuffer: LPVOID, _ nBufferSize: DWORD, _ lpBytesRead: LPDWORD,
  _ lpTotalBytesAvail: LPDWORD, _ lpBytesLeftThisMessage: LPDWORD
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Writes a message and reads the answer.
@discardableResult
public func TransactNamedPipe(
  _ hNamedPipe: HANDLE, _ lpInBuffer: LPVOID, _ nInBufferSize: DWORD, _ lpOutBuffer: LPVOID,
  _ nOutBufferSize: DWORD, _ lpBytesRead: LPDWORD, _ lpOverlapped: LPOVERLAPPED
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Opens a message pipe, writes a message, reads the answer and closes.
@discardableResult
public func CallNamedPipe(
  _ lpNamedPipeName: LPCTSTR, _ lpInBuffer: LPVOID, _ nInBufferSize: DWORD, _ lpOutBuffer: LPVOID,
  _ nOutBufferSize: DWORD, _ lpBytesRead: LPDWORD, _ nTimeOut: DWORD
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Changes the read mode and the wait mode of one end.
@discardableResult
public func SetNamedPipeHandleState(
  _ hNamedPipe: HANDLE, _ lpMode: LPDWORD, _ lpMaxCollectionCount: LPDWORD,
  _ lpCollectDataTimeout: LPDWORD
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Tells the modes of one end, the number of instances and who the client is.
@discardableResult
public func GetNamedPipeHandleState(
  _ hNamedPipe: HANDLE, _ lpState: LPDWORD, _ lpCurInstances: LPDWORD,
  _ lpMaxCollectionCount: LPDWORD, _ lpCollectDataTimeout: LPDWORD,
  _ lpUserName: UnsafeMutablePointer<CChar>?, _ nMaxUserNameSize: DWORD
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Tells what the pipe was created with.
@discardableResult
public func GetNamedPipeInfo(
  _ hNamedPipe: HANDLE, _ lpFlags: LPDWORD, _ lpOutBufferSize: LPDWORD, _ lpInBufferSize: LPDWORD,
  _ lpMaxInstances: LPDWORD
) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Tells which process opened the client end.
@discardableResult
public func GetNamedPipeClientProcessId(_ Pipe: HANDLE, _ ClientProcessId: LPDWORD) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}

/// Tells which process created the server end.
@discardableResult
public func GetNamedPipeServerProcessId(_ Pipe: HANDLE, _ ServerProcessId: LPDWORD) -> BOOL {
  SetLastError(ERROR_CALL_NOT_IMPLEMENTED)
  return FALSE
}
