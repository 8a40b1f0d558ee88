internal import IPCSystem
internal import SyncObjects

/// A mutex.
final class MutexObject: KernelObject, WaitableObject, @unchecked Sendable {
  // Sendable: a mutex is for several threads.
  let mutex: OwnedMutex
  var waitable: any Waitable { mutex }

  init(_ mutex: OwnedMutex) { self.mutex = mutex }

  override func rights(of desired: DWORD) throws(Failure) -> DWORD {
    try SyncObjectOpening.rights(
      desired, modify: MUTEX_MODIFY_STATE, all: MUTEX_ALL_ACCESS)
  }

  override func lastHandleWasClosed() { mutex.close() }
}

/// A semaphore.
final class SemaphoreObject: KernelObject, WaitableObject, @unchecked Sendable {
  // Sendable: a semaphore is for several threads.
  let semaphore: CountingSemaphore
  var waitable: any Waitable { semaphore }

  init(_ semaphore: CountingSemaphore) { self.semaphore = semaphore }

  override func rights(of desired: DWORD) throws(Failure) -> DWORD {
    try SyncObjectOpening.rights(
      desired, modify: SEMAPHORE_MODIFY_STATE, all: SEMAPHORE_ALL_ACCESS)
  }

  override func lastHandleWasClosed() { semaphore.close() }
}

/// Creating and opening objects that may have names.
enum SyncObjectOpening {
  /// The name that a call was given; `nil` for an object without one.
  static func name(_ text: LPCTSTR) throws(Failure) -> ObjectName? {
    guard let text, !text.isEmpty else { return nil }
    return try translating { () throws(ObjectError) in try ObjectName(text) }
  }

  /// The name of an object that is to be opened. An empty one is that of the namespace itself, which
  /// is another kind of object.
  static func existingName(_ text: LPCTSTR) throws(Failure) -> ObjectName {
    try name(text).orFailure(text == nil ? ERROR_INVALID_PARAMETER : ERROR_INVALID_HANDLE)
  }

  /// Makes the handle of an object that was created, and leaves `ERROR_ALREADY_EXISTS` when it was
  /// there.
  static func handle(
    _ object: KernelObject, existed: Bool, access: DWORD, _ attributes: LPSECURITY_ATTRIBUTES
  ) -> HANDLE {
    SetLastError(existed ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS)
    return HandleTable.shared.insert(
      object, access: access,
      isInherited: unsafe attributes?.pointee.bInheritHandle ?? false)
  }

  /// Makes the handle of an object that was opened.
  static func handle(
    _ object: KernelObject, desired: DWORD, isInherited: BOOL
  ) throws(Failure) -> HANDLE {
    HandleTable.shared.insert(
      object, access: try object.rights(of: desired), isInherited: isInherited)
  }

  /// The rights that a call asks for, with the generic ones spelled out.
  ///
  /// - Throws: `ERROR_ACCESS_DENIED` for none, and for one that this kind of object does not have.
  static func rights(
    _ desired: DWORD, modify: DWORD, all: DWORD
  ) throws(Failure) -> DWORD {
    let whole = GENERIC_ALL | MAXIMUM_ALLOWED
    let generic = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE
    guard desired != 0, desired & ~(whole | generic | all | SYNCHRONIZE) == 0 else {
      throw Failure(ERROR_ACCESS_DENIED)
    }
    if desired & whole != 0 { return all }
    var rights = desired & ~generic
    if desired & GENERIC_WRITE != 0 { rights |= modify }
    if desired & GENERIC_EXECUTE != 0 { rights |= SYNCHRONIZE }
    return rights
  }
}

extension Failure {
  /// Translates an error of a mutex, semaphore, event or mapping.
  init(_ error: ObjectError) {
    let code: DWORD =
      switch error.code {
      case .notFound: ERROR_FILE_NOT_FOUND
      case .wrongKind: ERROR_INVALID_HANDLE
      case .noSuchNamespace: ERROR_PATH_NOT_FOUND
      case .absoluteName: ERROR_BAD_PATHNAME
      case .nameTooLong: ERROR_FILENAME_EXCED_RANGE
      case .invalidName: ERROR_INVALID_NAME
      case .invalidArgument: ERROR_INVALID_PARAMETER
      case .notOwner: ERROR_NOT_OWNER
      case .limitExceeded: ERROR_TOO_MANY_POSTS
      case .accessDenied: ERROR_ACCESS_DENIED
      case .emptyFile: ERROR_FILE_INVALID
      case .fileTooShort: ERROR_NOT_ENOUGH_MEMORY
      case .misaligned: ERROR_MAPPED_ALIGNMENT
      case .addressTaken: ERROR_INVALID_ADDRESS
      case .damaged: ERROR_INVALID_DATA
      default: error.system.map { Failure($0).code } ?? ERROR_GEN_FAILURE
      }
    self.init(code)
  }
}

/// Runs `body` and translates its error.
func translating<R: ~Copyable>(_ body: () throws(ObjectError) -> R) throws(Failure) -> R {
  do throws(ObjectError) { return try body() } catch { throw Failure(error) }
}
