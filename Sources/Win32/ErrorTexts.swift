/// The names and the words of the codes that calls of this module leave behind.
enum ErrorTexts {
  /// What is known of a code.
  struct Text {
    let name: String
    let words: String
  }

  static let texts = Dictionary(
    uniqueKeysWithValues: list.map { ($0.code, Text(name: $0.name, words: $0.words)) })

  private static let list: [(code: DWORD, name: String, words: String)] = [
    (
      ERROR_SUCCESS, "ERROR_SUCCESS",
      "The operation completed successfully."
    ),
    (
      ERROR_INVALID_FUNCTION, "ERROR_INVALID_FUNCTION",
      "Incorrect function."
    ),
    (
      ERROR_FILE_NOT_FOUND, "ERROR_FILE_NOT_FOUND",
      "The system cannot find the file specified."
    ),
    (
      ERROR_PATH_NOT_FOUND, "ERROR_PATH_NOT_FOUND",
      "The system cannot find the path specified."
    ),
    (
      ERROR_TOO_MANY_OPEN_FILES, "ERROR_TOO_MANY_OPEN_FILES",
      "The system cannot open the file."
    ),
    (
      ERROR_ACCESS_DENIED, "ERROR_ACCESS_DENIED",
      "Access is denied."
    ),
    (
      ERROR_INVALID_HANDLE, "ERROR_INVALID_HANDLE",
      "The handle is invalid."
    ),
    (
      ERROR_NOT_ENOUGH_MEMORY, "ERROR_NOT_ENOUGH_MEMORY",
      "Not enough memory resources are available to process this command."
    ),
    (
      ERROR_INVALID_DATA, "ERROR_INVALID_DATA",
      "The data is invalid."
    ),
    (
      ERROR_GEN_FAILURE, "ERROR_GEN_FAILURE",
      "A device attached to the system is not functioning."
    ),
    (
      ERROR_SHARING_VIOLATION, "ERROR_SHARING_VIOLATION",
      "The process cannot access the file because it is being used by another "
        + "process."
    ),
    (
      ERROR_HANDLE_EOF, "ERROR_HANDLE_EOF",
      "Reached the end of the file."
    ),
    (
      ERROR_NOT_SUPPORTED, "ERROR_NOT_SUPPORTED",
      "The request is not supported."
    ),
    (
      ERROR_BAD_NETPATH, "ERROR_BAD_NETPATH",
      "The network path was not found."
    ),
    (
      ERROR_FILE_EXISTS, "ERROR_FILE_EXISTS",
      "The file exists."
    ),
    (
      ERROR_INVALID_PARAMETER, "ERROR_INVALID_PARAMETER",
      "The parameter is incorrect."
    ),
    (
      ERROR_BROKEN_PIPE, "ERROR_BROKEN_PIPE",
      "The pipe has been ended."
    ),
    (
      ERROR_DISK_FULL, "ERROR_DISK_FULL",
      "There is not enough space on the disk."
    ),
    (
      ERROR_CALL_NOT_IMPLEMENTED, "ERROR_CALL_NOT_IMPLEMENTED",
      "This function is not supported on this system."
    ),
    (
      ERROR_SEM_TIMEOUT, "ERROR_SEM_TIMEOUT",
      "The semaphore timeout period has expired."
    ),
    (
      ERROR_INSUFFICIENT_BUFFER, "ERROR_INSUFFICIENT_BUFFER",
      "The data area passed to a system call is too small."
    ),
    (
      ERROR_INVALID_NAME, "ERROR_INVALID_NAME",
      "The filename, directory name, or volume label syntax is incorrect."
    ),
    (
      ERROR_NEGATIVE_SEEK, "ERROR_NEGATIVE_SEEK",
      "An attempt was made to move the file pointer before the beginning of the "
        + "file."
    ),
    (
      ERROR_BAD_PATHNAME, "ERROR_BAD_PATHNAME",
      "The specified path is invalid."
    ),
    (
      ERROR_ALREADY_EXISTS, "ERROR_ALREADY_EXISTS",
      "Cannot create a file when that file already exists."
    ),
    (
      ERROR_BAD_EXE_FORMAT, "ERROR_BAD_EXE_FORMAT",
      "The program is not a valid application."
    ),
    (
      ERROR_FILENAME_EXCED_RANGE, "ERROR_FILENAME_EXCED_RANGE",
      "The filename or extension is too long."
    ),
    (
      ERROR_NOT_OWNER, "ERROR_NOT_OWNER",
      "Attempt to release mutex not owned by caller."
    ),
    (
      ERROR_TOO_MANY_POSTS, "ERROR_TOO_MANY_POSTS",
      "Too many posts were made to a semaphore."
    ),
    (
      ERROR_INVALID_ADDRESS, "ERROR_INVALID_ADDRESS",
      "Attempt to access invalid address."
    ),
    (
      ERROR_FILE_INVALID, "ERROR_FILE_INVALID",
      "The volume for a file has been externally altered so that the opened file is no longer valid."
    ),
    (
      ERROR_MAPPED_ALIGNMENT, "ERROR_MAPPED_ALIGNMENT",
      "The base address or the file offset specified does not have the proper alignment."
    ),
    (
      ERROR_BAD_PIPE, "ERROR_BAD_PIPE",
      "The pipe state is invalid."
    ),
    (
      ERROR_PIPE_BUSY, "ERROR_PIPE_BUSY",
      "All pipe instances are busy."
    ),
    (
      ERROR_NO_DATA, "ERROR_NO_DATA",
      "The pipe is being closed."
    ),
    (
      ERROR_PIPE_NOT_CONNECTED, "ERROR_PIPE_NOT_CONNECTED",
      "No process is on the other end of the pipe."
    ),
    (
      ERROR_MORE_DATA, "ERROR_MORE_DATA",
      "More data is available."
    ),
    (
      WAIT_TIMEOUT, "WAIT_TIMEOUT",
      "The wait operation timed out."
    ),
    (
      WAIT_IO_COMPLETION, "WAIT_IO_COMPLETION",
      "One or more completion routines have run."
    ),
    (
      ERROR_DIRECTORY, "ERROR_DIRECTORY",
      "The directory name is invalid."
    ),
    (
      ERROR_MR_MID_NOT_FOUND, "ERROR_MR_MID_NOT_FOUND",
      "The system cannot find message text for the message number."
    ),
    (
      ERROR_PIPE_CONNECTED, "ERROR_PIPE_CONNECTED",
      "There is a process on other end of the pipe."
    ),
    (
      ERROR_PIPE_LISTENING, "ERROR_PIPE_LISTENING",
      "Waiting for a process to open the other end of the pipe."
    ),
    (
      ERROR_OPERATION_ABORTED, "ERROR_OPERATION_ABORTED",
      "The I/O operation has been aborted because of either a thread exit or an "
        + "application request."
    ),
    (
      ERROR_IO_INCOMPLETE, "ERROR_IO_INCOMPLETE",
      "Overlapped I/O event is not in a signaled state."
    ),
    (
      ERROR_IO_PENDING, "ERROR_IO_PENDING",
      "Overlapped I/O operation is in progress."
    ),
    (
      ERROR_NOACCESS, "ERROR_NOACCESS",
      "Invalid access to memory location."
    ),
    (
      ERROR_IO_DEVICE, "ERROR_IO_DEVICE",
      "The request could not be performed because of an I/O device error."
    ),
    (
      ERROR_NOT_FOUND, "ERROR_NOT_FOUND",
      "Element not found."
    ),
    (
      ERROR_NO_SYSTEM_RESOURCES, "ERROR_NO_SYSTEM_RESOURCES",
      "Insufficient system resources exist to complete the requested service."
    ),
  ]
}
