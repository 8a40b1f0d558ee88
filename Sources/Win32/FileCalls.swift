// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import Glibc

/// Opens or creates a file, or opens the client end of a named pipe or a mailslot for writing.
///
/// - Parameters:
///   - lpFileName: A path, a pipe's name `\\.\pipe\name` or `\\COMPUTER\pipe\name`, or a mailslot's
///     name `\\.\mailslot\name`, `\\COMPUTER\mailslot\name`; `\\*\mailslot\name` or `\\DOMAIN\mailslot\name` for all.
///   - dwDesiredAccess: `GENERIC_READ`, `GENERIC_WRITE`, `FILE_…` rights; 0 to ask for attributes.
///   - dwShareMode: What others may open the file for meanwhile: `FILE_SHARE_READ`, `FILE_SHARE_WRITE`,
///     `FILE_SHARE_DELETE`. It holds between handles of this module, in all processes, not for programs
///     that open files otherwise; and where the file system has locks. Ignored for pipes and mailslots.
///   - lpSecurityAttributes: Whether the handle is inherited; or `nil`.
///   - dwCreationDisposition: `CREATE_NEW`, `CREATE_ALWAYS`, `OPEN_EXISTING`, `OPEN_ALWAYS` or
///     `TRUNCATE_EXISTING`; `OPEN_EXISTING` for pipes and mailslots.
///   - dwFlagsAndAttributes: `FILE_FLAG_OVERLAPPED`, `FILE_FLAG_DELETE_ON_CLOSE`,
///     `FILE_FLAG_WRITE_THROUGH`, `FILE_ATTRIBUTE_READONLY` have an effect.
///   - hTemplateFile: Ignored.
/// - Returns: A handle; `INVALID_HANDLE_VALUE` on failure. `CREATE_ALWAYS` and `OPEN_ALWAYS` leave
///   `ERROR_ALREADY_EXISTS` as the last error when there was such a file.
/// - Note: Errors: `ERROR_FILE_NOT_FOUND`, `ERROR_PATH_NOT_FOUND`, `ERROR_ACCESS_DENIED`,
///   `ERROR_FILE_EXISTS`, `ERROR_INVALID_PARAMETER`, `ERROR_SHARING_VIOLATION`; for pipes `ERROR_PIPE_BUSY` when all instances
///   are taken, `ERROR_BAD_NETPATH` when there is no such computer.
public func CreateFile(
  _ lpFileName: LPCTSTR, _ dwDesiredAccess: DWORD, _ dwShareMode: DWORD,
  _ lpSecurityAttributes: LPSECURITY_ATTRIBUTES, _ dwCreationDisposition: DWORD,
  _ dwFlagsAndAttributes: DWORD, _ hTemplateFile: HANDLE
) -> HANDLE {
  answer(otherwise: INVALID_HANDLE_VALUE) { () throws(Failure) in
    let name = try lpFileName.orFailure(ERROR_PATH_NOT_FOUND)
    let sharing = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE
    guard !name.utf8.contains(0), dwShareMode & ~sharing == 0,
      (CREATE_NEW...TRUNCATE_EXISTING).contains(dwCreationDisposition)
    else { throw Failure(ERROR_INVALID_PARAMETER) }
    if name.isEmpty { throw Failure(ERROR_PATH_NOT_FOUND) }
    let access = FileAccess.rights(of: dwDesiredAccess)
    let isInherited = unsafe lpSecurityAttributes?.pointee.bInheritHandle ?? false
    let isOverlapped = dwFlagsAndAttributes & FILE_FLAG_OVERLAPPED != 0
    if let mailslot = try MailslotOpening.open(name, disposition: dwCreationDisposition) {
      return HandleTable.shared.insert(mailslot, access: access, isInherited: isInherited)
    }
    if name.hasPrefix(#"\\"#) {
      let pipe = try NamedPipeOpening.open(
        name, access: access, disposition: dwCreationDisposition, isOverlapped: isOverlapped)
      return HandleTable.shared.insert(pipe, access: access, isInherited: isInherited)
    }
    let file = try FileOpening(
      path: name, access: access, share: dwShareMode, disposition: dwCreationDisposition,
      flags: dwFlagsAndAttributes
    ).open()
    SetLastError(file.existed ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS)
    return HandleTable.shared.insert(file.object, access: access, isInherited: isInherited)
  }
}

/// Reads from a file or a pipe.
///
/// - Parameters:
///   - hFile: A handle with the right to read.
///   - lpBuffer: Where to put the bytes.
///   - nNumberOfBytesToRead: How many there is room for.
///   - lpNumberOfBytesRead: Gets how many came; or `nil`.
///   - lpOverlapped: The operation, on a handle with `FILE_FLAG_OVERLAPPED`, when the call is not to
///     wait; or `nil`.
/// - Returns: Whether it succeeded. At the end of a file it does, with no bytes.
/// - Note: Errors: `ERROR_MORE_DATA` when a message is longer than the buffer, which was filled; on a
///   mailslot `ERROR_INSUFFICIENT_BUFFER`, and the message stays, or `ERROR_SEM_TIMEOUT`;
///   `ERROR_BROKEN_PIPE` at the end of a pipe; `ERROR_IO_PENDING`; `ERROR_HANDLE_EOF` at the end of a
///   file, when there is an `OVERLAPPED`; `ERROR_NO_DATA`, `ERROR_PIPE_LISTENING`,
///   `ERROR_PIPE_NOT_CONNECTED`, `ERROR_ACCESS_DENIED`, `ERROR_INVALID_HANDLE`.
@discardableResult
public func ReadFile(
  _ hFile: HANDLE, _ lpBuffer: LPVOID, _ nNumberOfBytesToRead: DWORD,
  _ lpNumberOfBytesRead: LPDWORD, _ lpOverlapped: LPOVERLAPPED
) -> BOOL {
  succeeds { () throws(Failure) in
    try unsafe Transfers.read(
      hFile, lpBuffer, nNumberOfBytesToRead, lpNumberOfBytesRead, lpOverlapped)
  }
}

/// Writes to a file or a pipe. A write to a pipe waits until what is unread of it fits the quota.
///
/// - Parameters:
///   - hFile: A handle with the right to write.
///   - lpBuffer: The bytes.
///   - nNumberOfBytesToWrite: How many they are; on a pipe of messages they are one message.
///   - lpNumberOfBytesWritten: Gets how many were written; or `nil`.
///   - lpOverlapped: The operation, on a handle with `FILE_FLAG_OVERLAPPED`, when the call is not to
///     wait; or `nil`.
/// - Returns: Whether it succeeded. On a pipe with `PIPE_NOWAIT` it does, with no bytes, when they do
///   not fit.
/// - Note: Errors: `ERROR_NO_DATA` when the reader has closed, `ERROR_BROKEN_PIPE` when it closes
///   while the call waits; `ERROR_IO_PENDING`, `ERROR_PIPE_LISTENING`, `ERROR_PIPE_NOT_CONNECTED`,
///   `ERROR_DISK_FULL`, `ERROR_ACCESS_DENIED`, `ERROR_INVALID_HANDLE`.
@discardableResult
public func WriteFile(
  _ hFile: HANDLE, _ lpBuffer: LPCVOID, _ nNumberOfBytesToWrite: DWORD,
  _ lpNumberOfBytesWritten: LPDWORD, _ lpOverlapped: LPOVERLAPPED
) -> BOOL {
  succeeds { () throws(Failure) in
    try unsafe Transfers.write(
      hFile, lpBuffer, nNumberOfBytesToWrite, lpNumberOfBytesWritten, lpOverlapped)
  }
}

/// Waits until what was written has been read (pipes) or is on the disk (files).
///
/// - Note: Errors: `ERROR_ACCESS_DENIED` without the right to write; `ERROR_BROKEN_PIPE` when the
///   other end is closed while the call waits, and no error when it was before;
///   `ERROR_PIPE_NOT_CONNECTED`, `ERROR_INVALID_HANDLE`.
@discardableResult
public func FlushFileBuffers(_ hFile: HANDLE) -> BOOL {
  succeeds { () throws(Failure) in
    let file = try Transfers.writable(hFile)
    try file.waiting { () throws(Failure) in try file.flush() }
  }
}

/// Tells a file from a pipe and from a terminal.
///
/// - Returns: `FILE_TYPE_DISK`, `FILE_TYPE_PIPE`, `FILE_TYPE_CHAR`; `FILE_TYPE_UNKNOWN` for other
///   things, and for an invalid handle with `ERROR_INVALID_HANDLE`.
@discardableResult
public func GetFileType(_ hFile: HANDLE) -> DWORD {
  answer(otherwise: FILE_TYPE_UNKNOWN) { () throws(Failure) in
    let type = try HandleTable.shared.object(hFile, FileObject.self).type
    SetLastError(NO_ERROR)
    return type
  }
}

/// The size of a file; of an end of a pipe, how many bytes could be read.
///
/// - Parameter lpFileSizeHigh: Gets the high 32 bits; or `nil`.
/// - Returns: The low 32 bits; `INVALID_FILE_SIZE` with a last error other than `NO_ERROR` on
///   failure.
@discardableResult
public func GetFileSize(_ hFile: HANDLE, _ lpFileSizeHigh: LPDWORD) -> DWORD {
  answer(otherwise: INVALID_FILE_SIZE) { () throws(Failure) in
    let file = try HandleTable.shared.object(hFile, FileObject.self)
    let size: UInt64
    if let pipe = file as? PipeFile {
      try pipe.verifyAttached()
      size = UInt64(try pipe.size())
    } else {
      size = UInt64(try Transfers.placed(hFile).size())
    }
    unsafe lpFileSizeHigh?.pointee = DWORD(size >> 32)
    SetLastError(NO_ERROR)
    return DWORD(truncatingIfNeeded: size)
  }
}

/// Moves the place where a file is read and written next.
///
/// - Parameters:
///   - hFile: A file.
///   - lDistanceToMove: How far, in bytes: the low 32 bits, or all when `lpDistanceToMoveHigh` is
///     `nil`.
///   - lpDistanceToMoveHigh: The high 32 bits; gets those of the new place. Or `nil`.
///   - dwMoveMethod: `FILE_BEGIN`, `FILE_CURRENT` or `FILE_END`.
/// - Returns: The low 32 bits of the new place; `INVALID_SET_FILE_POINTER` with a last error other
///   than `NO_ERROR` on failure.
/// - Note: Errors: `ERROR_NEGATIVE_SEEK` before the beginning; `ERROR_INVALID_PARAMETER` also for a
///   place above 32 bits when there is nowhere to put its high part.
@discardableResult
public func SetFilePointer(
  _ hFile: HANDLE, _ lDistanceToMove: LONG, _ lpDistanceToMoveHigh: UnsafeMutablePointer<LONG>?,
  _ dwMoveMethod: DWORD
) -> DWORD {
  answer(otherwise: INVALID_SET_FILE_POINTER) { () throws(Failure) in
    let file = try Transfers.placed(hFile)
    let distance =
      if let high = unsafe lpDistanceToMoveHigh {
        unsafe Int64(high.pointee) << 32 | Int64(DWORD(bitPattern: lDistanceToMove))
      } else {
        Int64(lDistanceToMove)
      }
    let place = UInt64(
      try file.inTurn { () throws(Failure) in
        let start =
          switch dwMoveMethod {
          case FILE_BEGIN: Int64(0)
          case FILE_CURRENT: try file.seek(0, SEEK_CUR)
          case FILE_END: try file.size()
          default: throw Failure(ERROR_INVALID_PARAMETER)
          }
        let (target, overflow) = start.addingReportingOverflow(distance)
        if overflow { throw Failure(ERROR_INVALID_PARAMETER) }
        if target < 0 { throw Failure(ERROR_NEGATIVE_SEEK) }
        if unsafe lpDistanceToMoveHigh == nil, target > Int64(DWORD.max) {
          throw Failure(ERROR_INVALID_PARAMETER)
        }
        return try file.seek(target, SEEK_SET)
      })
    unsafe lpDistanceToMoveHigh?.pointee = LONG(truncatingIfNeeded: place >> 32)
    SetLastError(NO_ERROR)
    return DWORD(truncatingIfNeeded: place)
  }
}
