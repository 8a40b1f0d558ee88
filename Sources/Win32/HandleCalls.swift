// swift-format-ignore-file: AlwaysUseLowerCamelCase

/// Closes a handle. The object goes away with its last handle; calls that are going on on it end.
///
/// - Note: Errors: `ERROR_INVALID_HANDLE`, also for a protected handle.
@discardableResult
public func CloseHandle(_ hObject: HANDLE) -> BOOL {
  // The pseudo handle of this process can be closed without effect.
  if hObject == ThisProcess.handle { return TRUE }
  return succeeds { () throws(Failure) in try HandleTable.shared.close(hObject) }
}

/// Makes another handle of the same object, in this process.
///
/// - Parameters:
///   - hSourceProcessHandle: This process: `GetCurrentProcess()`.
///   - hSourceHandle: The handle; a duplicate of `GetCurrentProcess()` or `GetCurrentThread()` is one
///     that other threads can use.
///   - hTargetProcessHandle: This process: `GetCurrentProcess()`.
///   - lpTargetHandle: Gets the new handle; or `nil`.
///   - dwDesiredAccess: What the new handle may do: for a file or pipe, of what the old one may do.
///     Ignored with `DUPLICATE_SAME_ACCESS`.
///   - bInheritHandle: Whether the new handle is inherited.
///   - dwOptions: `DUPLICATE_SAME_ACCESS`; `DUPLICATE_CLOSE_SOURCE`, which closes the old handle, if it
///     is not protected, whether or not there is a new one.
/// - Note: Errors: `ERROR_INVALID_HANDLE`, `ERROR_ACCESS_DENIED`; `ERROR_NOT_SUPPORTED` for other
///   processes: they get handles by inheritance.
@discardableResult
public func DuplicateHandle(
  _ hSourceProcessHandle: HANDLE, _ hSourceHandle: HANDLE, _ hTargetProcessHandle: HANDLE,
  _ lpTargetHandle: LPHANDLE, _ dwDesiredAccess: DWORD, _ bInheritHandle: BOOL, _ dwOptions: DWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    guard dwOptions & ~(DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE) == 0 else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    for process in [hSourceProcessHandle, hTargetProcessHandle]
    where !ThisProcess.isMeant(by: process) {
      _ = try HandleTable.shared.object(process, ProcessObject.self)
      throw Failure(ERROR_NOT_SUPPORTED)
    }
    defer {
      if dwOptions & DUPLICATE_CLOSE_SOURCE != 0 { try? HandleTable.shared.close(hSourceHandle) }
    }
    let desired = dwOptions & DUPLICATE_SAME_ACCESS != 0 ? nil : dwDesiredAccess
    let pseudo: KernelObject? =
      switch hSourceHandle {
      case ThisProcess.handle: ThisProcess.object
      case ThreadObject.pseudoHandle: ThreadObject.current
      default: nil
      }
    if let pseudo {
      unsafe lpTargetHandle?.pointee = HandleTable.shared.insert(
        pseudo, access: try pseudo.rights(of: desired ?? PROCESS_ALL_ACCESS),
        isInherited: bInheritHandle)
      return
    }
    let copy = try HandleTable.shared.duplicate(
      hSourceHandle, desired: desired, isInherited: bInheritHandle)
    unsafe lpTargetHandle?.pointee = copy
  }
}

/// Tells whether a handle is inherited and protected.
///
/// - Parameter lpdwFlags: Gets `HANDLE_FLAG_INHERIT` and `HANDLE_FLAG_PROTECT_FROM_CLOSE`.
@discardableResult
public func GetHandleInformation(_ hObject: HANDLE, _ lpdwFlags: LPDWORD) -> BOOL {
  succeeds { () throws(Failure) in
    let entry = try HandleTable.shared.entry(hObject)
    guard let flags = unsafe lpdwFlags else { throw Failure(ERROR_NOACCESS) }
    unsafe flags.pointee =
      (entry.isInherited ? HANDLE_FLAG_INHERIT : 0)
      | (entry.isProtected ? HANDLE_FLAG_PROTECT_FROM_CLOSE : 0)
  }
}

/// Changes whether a handle is inherited and protected.
///
/// - Parameters:
///   - hObject: The handle.
///   - dwMask: Which of `HANDLE_FLAG_INHERIT` and `HANDLE_FLAG_PROTECT_FROM_CLOSE` to change.
///   - dwFlags: Those that are to be set.
@discardableResult
public func SetHandleInformation(
  _ hObject: HANDLE, _ dwMask: DWORD, _ dwFlags: DWORD
) -> BOOL {
  succeeds { () throws(Failure) in
    let known = HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE
    if (dwMask | dwFlags) & ~known != 0 { throw Failure(ERROR_INVALID_PARAMETER) }
    try HandleTable.shared.change(hObject) { entry in
      if dwMask & HANDLE_FLAG_INHERIT != 0 {
        entry.isInherited = dwFlags & HANDLE_FLAG_INHERIT != 0
      }
      if dwMask & HANDLE_FLAG_PROTECT_FROM_CLOSE != 0 {
        entry.isProtected = dwFlags & HANDLE_FLAG_PROTECT_FROM_CLOSE != 0
      }
    }
  }
}

/// The process's standard input, output or error.
///
/// Closing it lets the descriptor go as well: who reads the other end of a pipe sees the end.
///
/// - Parameter nStdHandle: `STD_INPUT_HANDLE`, `STD_OUTPUT_HANDLE` or `STD_ERROR_HANDLE`.
/// - Returns: The handle, the same each time; `nil` when the process was started without;
///   `INVALID_HANDLE_VALUE` with `ERROR_INVALID_PARAMETER` for another number.
public func GetStdHandle(_ nStdHandle: DWORD) -> HANDLE {
  answer(otherwise: INVALID_HANDLE_VALUE) { () throws(Failure) in
    let number = try StandardStreams.descriptor(of: nStdHandle).orFailure(ERROR_INVALID_PARAMETER)
    return HandleTable.shared.standard(
      nStdHandle, { StandardStreams.object(number) },
      access: FileAccess.rights(of: number == 0 ? GENERIC_READ : GENERIC_WRITE))
  }
}

/// Replaces the process's standard input, output or error for `GetStdHandle` and for children that
/// are created with `bInheritHandles`. The descriptors 0, 1 and 2 stay.
@discardableResult
public func SetStdHandle(_ nStdHandle: DWORD, _ hHandle: HANDLE) -> BOOL {
  succeeds { () throws(Failure) in
    _ = try StandardStreams.descriptor(of: nStdHandle).orFailure(ERROR_INVALID_PARAMETER)
    HandleTable.shared.setStandard(nStdHandle, hHandle)
  }
}
