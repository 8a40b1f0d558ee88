// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import NamedPipes

/// Creates an instance of a named pipe and returns its server end, which listens from now on.
///
/// - Parameters:
///   - lpName: `\\.\pipe\name`.
///   - dwOpenMode: `PIPE_ACCESS_DUPLEX`, `PIPE_ACCESS_INBOUND` or `PIPE_ACCESS_OUTBOUND`, with
///     `FILE_FLAG_OVERLAPPED` and `FILE_FLAG_FIRST_PIPE_INSTANCE`.
///   - dwPipeMode: `PIPE_TYPE_BYTE` or `PIPE_TYPE_MESSAGE`; `PIPE_READMODE_BYTE` or
///     `PIPE_READMODE_MESSAGE`; `PIPE_WAIT` or `PIPE_NOWAIT`.
///   - nMaxInstances: 1 to 254, or `PIPE_UNLIMITED_INSTANCES`.
///   - nOutBufferSize: How many unread bytes to the client a write may leave behind.
///   - nInBufferSize: How many unread bytes from the client a write may leave behind.
///   - nDefaultTimeOut: How long clients wait for an instance when they do not say, in milliseconds;
///     0 for 50.
///   - lpSecurityAttributes: Whether the handle is inherited (a named pipe is not), and who may
///     connect: see ``SECURITY_DESCRIPTOR``. Or `nil`: processes of this user.
/// - Returns: A handle; `INVALID_HANDLE_VALUE` on failure.
/// - Note: Errors: `ERROR_INVALID_NAME`, `ERROR_INVALID_PARAMETER`; `ERROR_ACCESS_DENIED` when the
///   name has instances and this was to be the first, or differs; `ERROR_PIPE_BUSY` when it has as
///   many as it can have.
public func CreateNamedPipe(
  _ lpName: LPCTSTR, _ dwOpenMode: DWORD, _ dwPipeMode: DWORD, _ nMaxInstances: DWORD,
  _ nOutBufferSize: DWORD, _ nInBufferSize: DWORD, _ nDefaultTimeOut: DWORD,
  _ lpSecurityAttributes: LPSECURITY_ATTRIBUTES
) -> HANDLE {
  answer(otherwise: INVALID_HANDLE_VALUE) { () throws(Failure) in
    let name = try NamedPipeOpening.name(lpName.orFailure(ERROR_PATH_NOT_FOUND))
    var options = try NamedPipeOpening.options(
      openMode: dwOpenMode, pipeMode: dwPipeMode, maxInstances: nMaxInstances,
      outSize: nOutBufferSize, inSize: nInBufferSize, timeout: nDefaultTimeOut)
    options.access = try unsafe SecurityDescriptors.access(of: lpSecurityAttributes)
    let directory = try Win32Names.directory()
    let instance = try translating { [options] () throws(TransportError) in
      try NamedPipeInstance(name, in: directory, options: options)
    }
    return HandleTable.shared.insert(
      NamedPipeFile(instance, isOverlapped: dwOpenMode & FILE_FLAG_OVERLAPPED != 0),
      access: NamedPipeOpening.access(openMode: dwOpenMode),
      isInherited: unsafe lpSecurityAttributes?.pointee.bInheritHandle ?? false)
  }
}

/// Waits for a client of this instance. After `DisconnectNamedPipe`, the instance listens again.
///
/// - Parameters:
///   - hNamedPipe: The server's end.
///   - lpOverlapped: The operation, on a handle with `FILE_FLAG_OVERLAPPED`, when the call is not to
///     wait; or `nil`.
/// - Note: Errors: `ERROR_PIPE_CONNECTED` when a client came before the call, which is as good;
///   `ERROR_NO_DATA` when it has left already; `ERROR_IO_PENDING`; `ERROR_PIPE_LISTENING` with
///   `PIPE_NOWAIT`, also when the instance only now listens again; `ERROR_INVALID_FUNCTION` on a
///   client's end; `ERROR_NOT_SUPPORTED` on an anonymous pipe that was disconnected: nobody could come.
@discardableResult
public func ConnectNamedPipe(_ hNamedPipe: HANDLE, _ lpOverlapped: LPOVERLAPPED) -> BOOL {
  succeeds { () throws(Failure) in
    let end = try NamedPipeOpening.anyPipe(hNamedPipe)
    if let anonymous = end as? QuotaPipeReadingFile {
      // Nobody could open it.
      if anonymous.isDisconnected { throw Failure(ERROR_NOT_SUPPORTED) }
      throw Failure(try anonymous.isOtherEndGone() ? ERROR_NO_DATA : ERROR_PIPE_CONNECTED)
    }
    let pipe = try NamedPipeOpening.pipe(hNamedPipe)
    let instance = try pipe.instance()
    var count = 0
    try unsafe Transfers.run(.connect, on: pipe, lpOverlapped, count: &count) {
      place throws(Failure) in
      try translating { () throws(TransportError) in try instance.waitForClient(deadline: .never) }
      return Transfer(count: 0)
    }
  }
}

/// Cuts the client off and discards what has not been read.
///
/// The end of an anonymous pipe that is read is a server's end, and the other one a client's. Once
/// disconnected, such a pipe stays so: it has no name to be opened by.
///
/// - Note: Errors: `ERROR_PIPE_NOT_CONNECTED` when that was done already; `ERROR_INVALID_FUNCTION` on
///   a client's end; `ERROR_NOT_SUPPORTED` for an anonymous pipe whose server's end other processes
///   have as well.
@discardableResult
public func DisconnectNamedPipe(_ hNamedPipe: HANDLE) -> BOOL {
  succeeds { () throws(Failure) in
    if let anonymous = try NamedPipeOpening.anyPipe(hNamedPipe) as? QuotaPipeReadingFile {
      return try anonymous.inTurn { () throws(Failure) in try anonymous.disconnect() }
    }
    let pipe = try NamedPipeOpening.pipe(hNamedPipe)
    let instance = try pipe.instance()
    try pipe.inTurn { () throws(Failure) in
      try translating { () throws(TransportError) in try instance.disconnect() }
    }
  }
}

/// Waits until a client could open an instance of the pipe, and reserves nothing.
///
/// - Parameters:
///   - lpNamedPipeName: The pipe's name.
///   - nTimeOut: Milliseconds, `NMPWAIT_USE_DEFAULT_WAIT` or `NMPWAIT_WAIT_FOREVER`.
/// - Note: Errors: `ERROR_FILE_NOT_FOUND` at once when there is no such pipe; `ERROR_SEM_TIMEOUT`.
@discardableResult
public func WaitNamedPipe(_ lpNamedPipeName: LPCTSTR, _ nTimeOut: DWORD) -> BOOL {
  succeeds { () throws(Failure) in
    let name = try NamedPipeOpening.name(lpNamedPipeName.orFailure(ERROR_INVALID_NAME))
    let directory = try Win32Names.directory()
    do throws(TransportError) {
      try FileObject.callsByName.run { () throws(TransportError) in
        try NamedPipes.waitForInstance(
          of: name, in: directory, deadline: NamedPipeOpening.deadline(nTimeOut))
      }
    } catch {
      throw error.code == .instancesBusy ? Failure(ERROR_SEM_TIMEOUT) : Failure(error)
    }
  }
}

/// Copies what could be read and leaves it in the pipe. It does not wait, but for other calls on a
/// handle without `FILE_FLAG_OVERLAPPED`.
///
/// - Parameters:
///   - hNamedPipe: An end of a pipe, also of an anonymous one, with the right to read.
///   - lpBuffer: Where to put the bytes; or `nil`.
///   - nBufferSize: How many there is room for.
///   - lpBytesRead: Gets how many were copied: on a pipe of messages, of the first message; or `nil`.
///   - lpTotalBytesAvail: Gets how many bytes can be read, of all messages; or `nil`.
///   - lpBytesLeftThisMessage: Gets how many bytes of the first message were not copied; on a pipe of
///     bytes the negative of how many were copied, as Windows does. Or `nil`.
/// - Note: Errors: `ERROR_BROKEN_PIPE` at the end; `ERROR_BAD_PIPE` on a server's end without a
///   client; `ERROR_PIPE_NOT_CONNECTED`, `ERROR_ACCESS_DENIED`.
@discardableResult
public func PeekNamedPipe(
  _ hNamedPipe: HANDLE, _ lpBuffer: LPVOID, _ nBufferSize: DWORD, _ lpBytesRead: LPDWORD,
  _ lpTotalBytesAvail: LPDWORD, _ lpBytesLeftThisMessage: LPDWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    let pipe = try NamedPipeOpening.anyPipe(hNamedPipe, access: FILE_READ_DATA)
    let target = try unsafe Transfers.memory(lpBuffer, unsafe lpBuffer == nil ? 0 : nBufferSize)
    let peek = try pipe.inTurn { () throws(Failure) in
      try pipe.peek(upTo: target.count)
    }
    unsafe target.copyBytes(from: peek.bytes)
    unsafe lpBytesRead?.pointee = DWORD(peek.bytes.count)
    unsafe lpTotalBytesAvail?.pointee = DWORD(clamping: peek.available)
    unsafe lpBytesLeftThisMessage?.pointee = DWORD(truncatingIfNeeded: peek.leftInMessage)
  }
}

/// Writes a message and reads the answer, on a pipe of messages in message read mode that has nothing
/// to read.
///
/// - Parameters:
///   - hNamedPipe: An end with the rights to read and to write.
///   - lpInBuffer: The message.
///   - nInBufferSize: How many bytes it has.
///   - lpOutBuffer: Where to put the answer.
///   - nOutBufferSize: How many bytes there is room for.
///   - lpBytesRead: Gets how many came; or `nil`.
///   - lpOverlapped: The operation, on a handle with `FILE_FLAG_OVERLAPPED`, when the call is not to
///     wait; or `nil`.
/// - Note: Errors: `ERROR_PIPE_BUSY` when there is something to read, and nothing was written;
///   `ERROR_BAD_PIPE` in byte mode, without a client or after the other end has closed;
///   `ERROR_MORE_DATA`, `ERROR_BROKEN_PIPE`, `ERROR_PIPE_NOT_CONNECTED`, `ERROR_ACCESS_DENIED`.
@discardableResult
public func TransactNamedPipe(
  _ hNamedPipe: HANDLE, _ lpInBuffer: LPCVOID, _ nInBufferSize: DWORD, _ lpOutBuffer: LPVOID,
  _ nOutBufferSize: DWORD, _ lpBytesRead: LPDWORD, _ lpOverlapped: LPOVERLAPPED
) -> BOOL {
  succeeds { () throws(Failure) in
    unsafe lpBytesRead?.pointee = 0
    let pipe = try NamedPipeOpening.pipe(hNamedPipe, access: FILE_READ_DATA | FILE_WRITE_DATA)
    let request = UnsafeRawBufferPointer(
      try unsafe Transfers.memory(lpInBuffer, nInBufferSize))
    let target = try unsafe Transfers.memory(lpOutBuffer, nOutBufferSize)
    var count = 0
    defer { unsafe lpBytesRead?.pointee = DWORD(count) }
    try unsafe Transfers.run(
      .transact(Array(request), limit: target.count), on: pipe, lpOverlapped, target: target,
      count: &count
    ) { place throws(Failure) in
      try unsafe pipe.transact(request, into: target)
    }
  }
}

/// Opens a pipe of messages, waiting for a free instance, writes a message, reads the answer and
/// closes.
///
/// - Parameters:
///   - lpNamedPipeName: The pipe's name.
///   - lpInBuffer: The message.
///   - nInBufferSize: How many bytes it has.
///   - lpOutBuffer: Where to put the answer.
///   - nOutBufferSize: How many bytes there is room for. The rest of a longer answer is lost.
///   - lpBytesRead: Gets how many came; or `nil`.
///   - nTimeOut: How long to wait for an instance: milliseconds, `NMPWAIT_NOWAIT`,
///     `NMPWAIT_USE_DEFAULT_WAIT` or `NMPWAIT_WAIT_FOREVER`.
/// - Note: Errors: `ERROR_FILE_NOT_FOUND`; `ERROR_SEM_TIMEOUT`, with `NMPWAIT_NOWAIT`
///   `ERROR_PIPE_BUSY`; `ERROR_INVALID_PARAMETER` for a pipe of bytes; `ERROR_MORE_DATA`,
///   `ERROR_BROKEN_PIPE`.
@discardableResult
public func CallNamedPipe(
  _ lpNamedPipeName: LPCTSTR, _ lpInBuffer: LPCVOID, _ nInBufferSize: DWORD,
  _ lpOutBuffer: LPVOID, _ nOutBufferSize: DWORD, _ lpBytesRead: LPDWORD, _ nTimeOut: DWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    unsafe lpBytesRead?.pointee = 0
    let name = try NamedPipeOpening.name(lpNamedPipeName.orFailure(ERROR_INVALID_NAME))
    let request = UnsafeRawBufferPointer(
      try unsafe Transfers.memory(lpInBuffer, nInBufferSize))
    let target = try unsafe Transfers.memory(lpOutBuffer, nOutBufferSize)
    let directory = try Win32Names.directory()
    let source = unsafe request.bindMemory(to: UInt8.self)
    let limit = target.count
    let answer = try translating { () throws(TransportError) in
      try FileObject.callsByName.run { () throws(TransportError) in
        unsafe try NamedPipes.call(
          name, Span(_unsafeElements: source), upTo: limit, in: directory,
          deadline: NamedPipeOpening.deadline(nTimeOut))
      }
    }
    unsafe target.copyBytes(from: answer.bytes)
    unsafe lpBytesRead?.pointee = DWORD(answer.count)
    if answer.hasMore { throw Failure(ERROR_MORE_DATA) }
  }
}

/// Changes the read mode and the wait mode of one end.
///
/// - Parameters:
///   - hNamedPipe: An end of a pipe with the right to write attributes.
///   - lpMode: `PIPE_READMODE_BYTE` or `PIPE_READMODE_MESSAGE`, with `PIPE_WAIT` or `PIPE_NOWAIT`; or
///     `nil` to leave the modes.
///   - lpMaxCollectionCount: `nil`: it is for clients on other machines.
///   - lpCollectDataTimeout: `nil`: it is for clients on other machines.
/// - Note: Errors: `ERROR_INVALID_PARAMETER`, also for reading messages from a pipe of bytes;
///   `ERROR_ACCESS_DENIED`, `ERROR_PIPE_NOT_CONNECTED`.
@discardableResult
public func SetNamedPipeHandleState(
  _ hNamedPipe: HANDLE, _ lpMode: LPDWORD, _ lpMaxCollectionCount: LPDWORD,
  _ lpCollectDataTimeout: LPDWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    let pipe = try NamedPipeOpening.anyPipe(hNamedPipe, access: FILE_WRITE_ATTRIBUTES)
    guard unsafe lpMaxCollectionCount == nil, unsafe lpCollectDataTimeout == nil else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    guard let mode = unsafe lpMode?.pointee else { return }
    if mode & ~(PIPE_READMODE_MESSAGE | PIPE_NOWAIT) != 0 {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    try pipe.inTurn { () throws(Failure) in try pipe.setMode(mode) }
  }
}

/// Tells the modes of one end, the number of instances and who the client is.
///
/// - Parameters:
///   - hNamedPipe: An end of a pipe with the right to read attributes: not the server's end of one
///     that goes outbound only.
///   - lpState: Gets `PIPE_READMODE_MESSAGE` and `PIPE_NOWAIT`; or `nil`.
///   - lpCurInstances: Gets how many instances the name has; or `nil`.
///   - lpMaxCollectionCount: `nil`: it is for clients on other machines.
///   - lpCollectDataTimeout: `nil`: it is for clients on other machines.
///   - lpUserName: Gets the name of the client's user, on a server's end; or `nil`.
///   - nMaxUserNameSize: How many bytes there is room for, the final 0 included.
/// - Note: Errors: `ERROR_INVALID_PARAMETER`; `ERROR_INSUFFICIENT_BUFFER`;
///   `ERROR_PIPE_NOT_CONNECTED` when the user of no client is asked for, and on a client's end that
///   was disconnected; `ERROR_ACCESS_DENIED`.
@discardableResult
public func GetNamedPipeHandleState(
  _ hNamedPipe: HANDLE, _ lpState: LPDWORD, _ lpCurInstances: LPDWORD,
  _ lpMaxCollectionCount: LPDWORD, _ lpCollectDataTimeout: LPDWORD,
  _ lpUserName: UnsafeMutablePointer<CChar>?, _ nMaxUserNameSize: DWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    let pipe = try NamedPipeOpening.anyPipe(hNamedPipe, access: FILE_READ_ATTRIBUTES)
    guard unsafe lpMaxCollectionCount == nil, unsafe lpCollectDataTimeout == nil else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    if let text = unsafe lpUserName {
      guard let named = pipe as? NamedPipeFile, named.end.info.side == .server else {
        throw Failure(ERROR_INVALID_PARAMETER)
      }
      let client = try named.end.peer.orFailure(ERROR_PIPE_NOT_CONNECTED)
      let user = Array(NamedPipeOpening.userName(client.uid).utf8CString)
      if user.count > Int(nMaxUserNameSize) { throw Failure(ERROR_INSUFFICIENT_BUFFER) }
      unsafe text.update(from: user, count: user.count)
    }
    try pipe.inTurn { () throws(Failure) in
      try pipe.verifyAttached()
      unsafe lpState?.pointee = pipe.mode
      if let lpCurInstances = unsafe lpCurInstances {
        unsafe lpCurInstances.pointee = DWORD(min(pipe.instanceCount, 255))
      }
    }
  }
}

/// Tells what the pipe was created with.
///
/// - Parameters:
///   - hNamedPipe: An end of a pipe with the right to read attributes: not the server's end of one
///     that goes outbound only.
///   - lpFlags: Gets `PIPE_SERVER_END` or `PIPE_CLIENT_END`, with `PIPE_TYPE_MESSAGE` or
///     `PIPE_TYPE_BYTE`; or `nil`.
///   - lpOutBufferSize: Gets the quota from server to client; or `nil`.
///   - lpInBufferSize: Gets the quota from client to server; or `nil`.
///   - lpMaxInstances: Gets how many instances there can be; or `nil`.
/// - Note: Errors: `ERROR_ACCESS_DENIED`; `ERROR_PIPE_NOT_CONNECTED` on a client's end that was
///   disconnected.
@discardableResult
public func GetNamedPipeInfo(
  _ hNamedPipe: HANDLE, _ lpFlags: LPDWORD, _ lpOutBufferSize: LPDWORD, _ lpInBufferSize: LPDWORD,
  _ lpMaxInstances: LPDWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    let pipe = try NamedPipeOpening.anyPipe(hNamedPipe, access: FILE_READ_ATTRIBUTES)
    try pipe.verifyAttached()
    let info = pipe.info
    unsafe lpFlags?.pointee = info.flags
    unsafe lpOutBufferSize?.pointee = DWORD(clamping: info.outQuota)
    unsafe lpInBufferSize?.pointee = DWORD(clamping: info.inQuota)
    unsafe lpMaxInstances?.pointee = info.maxInstances
  }
}

/// Tells which process has opened the client's end, as the kernel recorded it.
///
/// - Note: Errors: `ERROR_NOT_FOUND` when there is no client; `ERROR_PIPE_NOT_CONNECTED` on a client's
///   end that was disconnected.
@discardableResult
public func GetNamedPipeClientProcessId(_ Pipe: HANDLE, _ ClientProcessId: LPDWORD) -> BOOL {
  succeeds { () throws(Failure) in
    try unsafe NamedPipeOpening.processId(of: .client, Pipe, ClientProcessId)
  }
}

/// Tells which process has created the server's end, as the kernel recorded it.
@discardableResult
public func GetNamedPipeServerProcessId(_ Pipe: HANDLE, _ ServerProcessId: LPDWORD) -> BOOL {
  succeeds { () throws(Failure) in
    try unsafe NamedPipeOpening.processId(of: .server, Pipe, ServerProcessId)
  }
}

extension NamedPipeOpening {
  /// The end of a named pipe that a handle is; other things that can be read have no such calls.
  fileprivate static func pipe(
    _ handle: HANDLE, access: DWORD = 0
  ) throws(Failure) -> NamedPipeFile {
    let file = try HandleTable.shared.object(handle, FileObject.self, access: access)
    guard let pipe = file as? NamedPipeFile else { throw Failure(ERROR_INVALID_FUNCTION) }
    return pipe
  }

  /// The end of a pipe of either kind that a handle is.
  fileprivate static func anyPipe(
    _ handle: HANDLE, access: DWORD = 0
  ) throws(Failure) -> PipeFile {
    let file = try HandleTable.shared.object(handle, FileObject.self, access: access)
    guard let pipe = file as? PipeFile else { throw Failure(ERROR_INVALID_FUNCTION) }
    return pipe
  }

  fileprivate static func processId(
    of side: NamedPipeInfo.Side, _ handle: HANDLE, _ place: LPDWORD
  ) throws(Failure) {
    let pipe = try anyPipe(handle)
    try pipe.verifyAttached()
    guard let place = unsafe place else { throw Failure(ERROR_NOACCESS) }
    // The ends of an anonymous pipe were made by this process.
    guard let end = (pipe as? NamedPipeFile)?.end, end.info.side != side else {
      return unsafe place.pointee = GetCurrentProcessId()
    }
    let peer = try end.peer.orFailure(ERROR_NOT_FOUND)
    unsafe place.pointee = DWORD(bitPattern: peer.pid)
  }
}
