// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import AnonymousPipes
internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// Creates a pipe without a name.
///
/// Underneath is a pipe of the kernel: any program can inherit an end as its standard input or
/// output. See `QuotaPipe` for how its rules become those of Win32.
///
/// - Parameters:
///   - hReadPipe: Gets the end that is read.
///   - hWritePipe: Gets the end that is written.
///   - lpPipeAttributes: Whether the handles are inherited; or `nil`.
///   - nSize: How many unread bytes a write may leave behind; 0 for 4096.
@discardableResult
public func CreatePipe(
  _ hReadPipe: LPHANDLE, _ hWritePipe: LPHANDLE, _ lpPipeAttributes: LPSECURITY_ATTRIBUTES,
  _ nSize: DWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    guard let hReadPipe = unsafe hReadPipe, let hWritePipe = unsafe hWritePipe else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    let isInherited = unsafe lpPipeAttributes?.pointee.bInheritHandle ?? false
    let pipe = try translating { () throws(TransportError) in try QuotaPipe(quota: Int(nSize)) }
    unsafe hReadPipe.pointee = HandleTable.shared.insert(
      QuotaPipeReadingFile(pipe.reader),
      access: FileAccess.rights(of: GENERIC_READ)
        | FILE_WRITE_ATTRIBUTES, isInherited: isInherited)
    unsafe hWritePipe.pointee = HandleTable.shared.insert(
      QuotaPipeWritingFile(pipe.writer), access: FileAccess.rights(of: GENERIC_WRITE),
      isInherited: isInherited)
  }
}

/// Starts a program.
///
/// The child sees its three standard descriptors and nothing else; with `bInheritHandles` also every
/// inherited handle of a file or an anonymous pipe, as a descriptor from 3 on. A child that uses this
/// module finds those under the same handle values. Named pipes, events and processes are not
/// inherited, but an end of a named pipe can be a standard handle: this process then moves the bytes,
/// as long as it lives.
///
/// - Parameters:
///   - lpApplicationName: The program's path; `nil` takes the first part of the command line, which
///     is looked up beside this program, in the working directory and in `PATH`.
///   - lpCommandLine: The command line. It is taken apart as Windows programs do it: quotation marks,
///     and backslashes before them.
///   - lpProcessAttributes: Whether the process handle is inherited, which has no effect. Or `nil`.
///   - lpThreadAttributes: Whether the thread handle is inherited, which has no effect. Or `nil`.
///   - bInheritHandles: Whether inherited handles are passed on. Standard handles from
///     `lpStartupInfo` need it, and must be inherited ones.
///   - dwCreationFlags: `CREATE_NEW_PROCESS_GROUP` has an effect; `CREATE_SUSPENDED` and
///     `CREATE_UNICODE_ENVIRONMENT` are not supported.
///   - lpEnvironment: `NAME=value` texts, each ended by a 0, and another 0; `nil` for this process's.
///   - lpCurrentDirectory: The working directory; `nil` for this process's.
///   - lpStartupInfo: The standard handles, when its `dwFlags` have `STARTF_USESTDHANDLES`; else the
///     child has this process's. Or `nil`.
///   - lpProcessInformation: Gets the handles and ids; or `nil`.
/// - Note: Errors: `ERROR_FILE_NOT_FOUND`, `ERROR_ACCESS_DENIED`, `ERROR_BAD_EXE_FORMAT`,
///   `ERROR_DIRECTORY`, `ERROR_INVALID_PARAMETER`, `ERROR_NOT_SUPPORTED`.
@discardableResult
public func CreateProcess(
  _ lpApplicationName: LPCTSTR, _ lpCommandLine: LPCTSTR,
  _ lpProcessAttributes: LPSECURITY_ATTRIBUTES, _ lpThreadAttributes: LPSECURITY_ATTRIBUTES,
  _ bInheritHandles: BOOL, _ dwCreationFlags: DWORD, _ lpEnvironment: LPVOID,
  _ lpCurrentDirectory: LPCTSTR, _ lpStartupInfo: LPSTARTUPINFO,
  _ lpProcessInformation: LPPROCESS_INFORMATION
) -> BOOL {
  succeeds { () throws(Failure) in
    if dwCreationFlags & (CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT) != 0 {
      throw Failure(ERROR_NOT_SUPPORTED)
    }
    var standard: [HANDLE]?
    if let info = unsafe lpStartupInfo?.pointee, info.dwFlags & STARTF_USESTDHANDLES != 0 {
      standard = [info.hStdInput, info.hStdOutput, info.hStdError]
    }
    let creation = ProcessCreation(
      application: lpApplicationName, commandLine: lpCommandLine, inheritsHandles: bInheritHandles,
      environment: unsafe lpEnvironment.map { unsafe ProcessCreation.texts(at: $0) },
      directory: lpCurrentDirectory,
      startsGroup: dwCreationFlags & CREATE_NEW_PROCESS_GROUP != 0, standard: standard)
    let process = try creation.start()
    let processHandle = HandleTable.shared.insert(
      process, access: PROCESS_ALL_ACCESS,
      isInherited: unsafe lpProcessAttributes?.pointee.bInheritHandle ?? false)
    guard let information = unsafe lpProcessInformation else {
      CloseHandle(processHandle)
      return
    }
    unsafe information.pointee = PROCESS_INFORMATION()
    unsafe information.pointee.hProcess = processHandle
    unsafe information.pointee.hThread = HandleTable.shared.insert(
      ProcessThreadObject(of: process), access: THREAD_ALL_ACCESS,
      isInherited: unsafe lpThreadAttributes?.pointee.bInheritHandle ?? false)
    unsafe information.pointee.dwProcessId = process.id
    unsafe information.pointee.dwThreadId = process.id
  }
}

/// Ends a process at once, without clean-up. Its exit code is then `uExitCode`.
///
/// - Note: Errors: `ERROR_ACCESS_DENIED` when it has ended already; `ERROR_INVALID_HANDLE`.
@discardableResult
public func TerminateProcess(_ hProcess: HANDLE, _ uExitCode: DWORD) -> BOOL {
  if ThisProcess.isMeant(by: hProcess) { ExitProcess(uExitCode) }
  return succeeds { () throws(Failure) in
    try HandleTable.shared.object(hProcess, ProcessObject.self, access: PROCESS_TERMINATE)
      .terminate(code: uExitCode)
  }
}

/// The code that a process has ended with.
///
/// It is one of 32 bits when `TerminateProcess` or, in the child, ``ExitProcess(_:)`` has given it. Of
/// what a program returns by other means, such as C's `exit`, Linux passes the low 8 bits on.
///
/// - Parameter lpExitCode: Gets the code: `STILL_ACTIVE` while it runs; 128 and the signal's number
///   when a signal has ended it that `TerminateProcess` has not sent.
@discardableResult
public func GetExitCodeProcess(_ hProcess: HANDLE, _ lpExitCode: LPDWORD) -> BOOL {
  succeeds { () throws(Failure) in
    let code =
      ThisProcess.isMeant(by: hProcess)
      ? STILL_ACTIVE
      : try HandleTable.shared.object(
        hProcess, ProcessObject.self, access: PROCESS_QUERY_INFORMATION
      ).currentExitCode() ?? STILL_ACTIVE
    guard let lpExitCode = unsafe lpExitCode else { throw Failure(ERROR_NOACCESS) }
    unsafe lpExitCode.pointee = code
  }
}

/// Ends this process at once, without clean-up.
///
/// `GetExitCodeProcess` in its parent tells the whole code; a parent that asks in another way, such as a
/// shell, sees the low 8 bits.
public func ExitProcess(_ uExitCode: DWORD) -> Never { ChildProcess.exit(uExitCode) }

/// A handle of this process that needs no closing.
public func GetCurrentProcess() -> HANDLE { ThisProcess.handle }

/// The id of this process.
public func GetCurrentProcessId() -> DWORD { DWORD(bitPattern: getpid()) }

/// The id of a process; 0 with `ERROR_INVALID_HANDLE` for something else.
public func GetProcessId(_ Process: HANDLE) -> DWORD {
  if ThisProcess.isMeant(by: Process) { return GetCurrentProcessId() }
  return answer(otherwise: 0) { () throws(Failure) in
    try HandleTable.shared.object(Process, ProcessObject.self).id
  }
}

/// The id of the calling thread.
public func GetCurrentThreadId() -> DWORD { DWORD(bitPattern: SystemThread.currentNumber) }
