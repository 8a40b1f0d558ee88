/// The status that an `OVERLAPPED` holds is an NTSTATUS, as in Windows.
enum Status {
  private static let pairs: [(error: DWORD, status: UInt32)] = [
    (ERROR_SUCCESS, 0),
    (ERROR_IO_PENDING, STATUS_PENDING),
    (ERROR_MORE_DATA, 0x8000_0005),
    (ERROR_INVALID_HANDLE, 0xC000_0008),
    (ERROR_INVALID_PARAMETER, 0xC000_000D),
    (ERROR_HANDLE_EOF, 0xC000_0011),
    (ERROR_ACCESS_DENIED, 0xC000_0022),
    (ERROR_DISK_FULL, 0xC000_007F),
    (ERROR_BAD_PIPE, 0xC000_00AD),
    (ERROR_PIPE_BUSY, 0xC000_00AE),
    (ERROR_PIPE_NOT_CONNECTED, 0xC000_00B0),
    (ERROR_NO_DATA, 0xC000_00B1),
    (ERROR_PIPE_CONNECTED, 0xC000_00B2),
    (ERROR_PIPE_LISTENING, 0xC000_00B3),
    (ERROR_NOT_SUPPORTED, 0xC000_00BB),
    (ERROR_OPERATION_ABORTED, 0xC000_0120),
    (ERROR_BROKEN_PIPE, 0xC000_014B),
  ]
  /// The facility of statuses that are nothing but an error code.
  private static let plainError: UInt32 = 0xC007_0000

  /// The status of an operation that ended with this error code.
  static func of(error: DWORD) -> ULONG_PTR {
    ULONG_PTR(pairs.first { $0.error == error }?.status ?? plainError | error & 0xFFFF)
  }

  /// The error code of an operation that ended with this status.
  static func error(of status: ULONG_PTR) -> DWORD {
    let status = UInt32(truncatingIfNeeded: status)
    if let pair = pairs.first(where: { $0.status == status }) { return pair.error }
    return status & 0xFFFF_0000 == plainError ? status & 0xFFFF : ERROR_MR_MID_NOT_FOUND
  }
}
