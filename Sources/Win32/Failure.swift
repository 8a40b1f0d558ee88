internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// Why a call fails: what `GetLastError` will say.
struct Failure: Error {
  let code: DWORD

  init(_ code: DWORD) { self.code = code }

  /// Translates an error of a pipe.
  init(_ error: TransportError) {
    switch error.code {
    case .listening: code = ERROR_PIPE_LISTENING
    case .disconnected: code = ERROR_PIPE_NOT_CONNECTED
    case .invalidState, .protocolViolation: code = ERROR_BAD_PIPE
    case .alreadyConnected: code = ERROR_PIPE_CONNECTED
    case .noReader, .wouldBlock: code = ERROR_NO_DATA
    case .brokenPipe, .endOfFile: code = ERROR_BROKEN_PIPE
    case .instancesBusy, .unreadInput: code = ERROR_PIPE_BUSY
    case .moreData: code = ERROR_MORE_DATA
    case .accessDenied, .nameInUse: code = ERROR_ACCESS_DENIED
    case .notFound: code = ERROR_FILE_NOT_FOUND
    case .computerNotFound: code = ERROR_BAD_NETPATH
    case .timedOut, .queueFull: code = ERROR_SEM_TIMEOUT
    case .cancelled: code = ERROR_OPERATION_ABORTED
    case .invalidName: code = ERROR_INVALID_NAME
    case .invalidArgument, .messageTooLarge: code = ERROR_INVALID_PARAMETER
    case .closed: code = ERROR_INVALID_HANDLE
    case .notSupported: code = ERROR_NOT_SUPPORTED
    case .wrongEnd: code = ERROR_INVALID_FUNCTION
    default: code = error.system.map { Failure($0).code } ?? ERROR_NO_SYSTEM_RESOURCES
    }
  }

  /// Translates an error of the system.
  init(_ error: SystemError) {
    code =
      switch error.code {
      case ENOENT: ERROR_FILE_NOT_FOUND
      case ENOTDIR: ERROR_PATH_NOT_FOUND
      case EACCES, EPERM, EISDIR, EROFS: ERROR_ACCESS_DENIED
      case EEXIST: ERROR_FILE_EXISTS
      case EMFILE, ENFILE: ERROR_TOO_MANY_OPEN_FILES
      case ENOMEM: ERROR_NOT_ENOUGH_MEMORY
      case EAGAIN: ERROR_NO_SYSTEM_RESOURCES
      case ENOSPC, EDQUOT, EFBIG: ERROR_DISK_FULL
      case ENAMETOOLONG, E2BIG: ERROR_FILENAME_EXCED_RANGE
      case EINVAL: ERROR_INVALID_PARAMETER
      case EPIPE: ERROR_NO_DATA
      case EBADF: ERROR_INVALID_HANDLE
      case ESPIPE: ERROR_INVALID_FUNCTION
      case ETXTBSY, EBUSY: ERROR_SHARING_VIOLATION
      case ENOEXEC: ERROR_BAD_EXE_FORMAT
      case EIO: ERROR_IO_DEVICE
      default: ERROR_GEN_FAILURE
      }
  }
}

/// Runs `body` for a call that says whether it succeeded.
func succeeds(_ body: () throws(Failure) -> Void) -> BOOL {
  answer(otherwise: FALSE) { () throws(Failure) in
    try body()
    return TRUE
  }
}

/// Runs `body` for a call that returns `failed` when it fails.
func answer<R>(otherwise failed: R, _ body: () throws(Failure) -> R) -> R {
  do throws(Failure) { return try body() } catch {
    SetLastError(error.code)
    return failed
  }
}

/// Runs `body` and translates its error.
func translating<R: ~Copyable>(_ body: () throws(TransportError) -> R) throws(Failure) -> R {
  do throws(TransportError) { return try body() } catch { throw Failure(error) }
}

/// Runs `body` and translates its error.
func translating<R: ~Copyable>(_ body: () throws(SystemError) -> R) throws(Failure) -> R {
  do throws(SystemError) { return try body() } catch { throw Failure(error) }
}

extension Optional where Wrapped: ~Copyable {
  /// What a caller may leave out and has not.
  consuming func orFailure(_ code: DWORD) throws(Failure) -> Wrapped {
    guard let value = consume self else { throw Failure(code) }
    return value
  }
}
