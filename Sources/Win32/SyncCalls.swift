// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import IPCSystem
internal import SyncObjects

/// Creates a mutex, or opens the one that has the name.
///
/// - Parameters:
///   - lpMutexAttributes: Whether the handle is inherited, which has no effect: children open mutexes
///     by name. Or `nil`.
///   - bInitialOwner: Whether the calling thread owns a new mutex from the start.
///   - lpName: The name, which mutexes, semaphores, events and mappings share; or `nil`.
/// - Returns: A handle; `nil` on failure. `ERROR_ALREADY_EXISTS` is the last error when there was such
///   a mutex, which is then not taken.
/// - Note: Errors: `ERROR_INVALID_HANDLE` when the name belongs to another kind of object,
///   `ERROR_PATH_NOT_FOUND` for a backslash after other words than `Local` and `Global`.
public func CreateMutex(
  _ lpMutexAttributes: LPSECURITY_ATTRIBUTES, _ bInitialOwner: BOOL, _ lpName: LPCTSTR
) -> HANDLE {
  answer(otherwise: nil) { () throws(Failure) in
    guard let name = try SyncObjectOpening.name(lpName) else {
      return unsafe SyncObjectOpening.handle(
        MutexObject(OwnedMutex(isOwned: bInitialOwner)), existed: false,
        access: MUTEX_ALL_ACCESS, lpMutexAttributes)
    }
    let directory = try Win32Names.directory()
    let (mutex, existed) = try translating { () throws(ObjectError) in
      try OwnedMutex.create(name, isOwned: bInitialOwner, in: directory)
    }
    return unsafe SyncObjectOpening.handle(
      MutexObject(mutex), existed: existed, access: MUTEX_ALL_ACCESS, lpMutexAttributes)
  }
}

/// Opens the mutex that has the name.
///
/// - Parameters:
///   - dwDesiredAccess: `SYNCHRONIZE` to wait; giving back needs no right, but some other must be there.
///   - bInheritHandle: Has no effect.
///   - lpName: The name.
/// - Note: Errors: `ERROR_FILE_NOT_FOUND`, `ERROR_INVALID_HANDLE`; `ERROR_ACCESS_DENIED` for no rights.
public func OpenMutex(
  _ dwDesiredAccess: DWORD, _ bInheritHandle: BOOL, _ lpName: LPCTSTR
) -> HANDLE {
  answer(otherwise: nil) { () throws(Failure) in
    let name = try SyncObjectOpening.existingName(lpName)
    let directory = try Win32Names.directory()
    let mutex = try translating { () throws(ObjectError) in
      try OwnedMutex.open(name, in: directory)
    }
    return try SyncObjectOpening.handle(
      MutexObject(mutex), desired: dwDesiredAccess, isInherited: bInheritHandle)
  }
}

/// Gives a mutex back, once.
///
/// - Note: Errors: `ERROR_NOT_OWNER` when the calling thread does not own it.
@discardableResult
public func ReleaseMutex(_ hMutex: HANDLE) -> BOOL {
  succeeds { () throws(Failure) in
    let mutex = try HandleTable.shared.object(hMutex, MutexObject.self).mutex
    try translating { () throws(ObjectError) in try mutex.unlock() }
  }
}

/// Creates a semaphore, or opens the one that has the name.
///
/// - Parameters:
///   - lpSemaphoreAttributes: Whether the handle is inherited, which has no effect. Or `nil`.
///   - lInitialCount: The count of a new semaphore: 0 to `lMaximumCount`.
///   - lMaximumCount: Its limit, more than 0.
///   - lpName: The name; or `nil`.
/// - Returns: A handle; `nil` on failure. `ERROR_ALREADY_EXISTS` is the last error when there was such
///   a semaphore.
/// - Note: Errors: `ERROR_INVALID_PARAMETER`, `ERROR_INVALID_HANDLE`, `ERROR_PATH_NOT_FOUND`.
public func CreateSemaphore(
  _ lpSemaphoreAttributes: LPSECURITY_ATTRIBUTES, _ lInitialCount: LONG, _ lMaximumCount: LONG,
  _ lpName: LPCTSTR
) -> HANDLE {
  answer(otherwise: nil) { () throws(Failure) in
    guard let name = try SyncObjectOpening.name(lpName) else {
      let semaphore = try translating { () throws(ObjectError) in
        try CountingSemaphore(count: lInitialCount, limit: lMaximumCount)
      }
      return unsafe SyncObjectOpening.handle(
        SemaphoreObject(semaphore), existed: false, access: SEMAPHORE_ALL_ACCESS,
        lpSemaphoreAttributes)
    }
    let directory = try Win32Names.directory()
    let (semaphore, existed) = try translating { () throws(ObjectError) in
      try CountingSemaphore.create(
        name, count: lInitialCount, limit: lMaximumCount, in: directory)
    }
    return unsafe SyncObjectOpening.handle(
      SemaphoreObject(semaphore), existed: existed, access: SEMAPHORE_ALL_ACCESS,
      lpSemaphoreAttributes)
  }
}

/// Opens the semaphore that has the name.
///
/// - Parameters:
///   - dwDesiredAccess: `SYNCHRONIZE` to wait, `SEMAPHORE_MODIFY_STATE` to release.
///   - bInheritHandle: Has no effect.
///   - lpName: The name.
/// - Note: Errors: `ERROR_FILE_NOT_FOUND`, `ERROR_INVALID_HANDLE`.
public func OpenSemaphore(
  _ dwDesiredAccess: DWORD, _ bInheritHandle: BOOL, _ lpName: LPCTSTR
) -> HANDLE {
  answer(otherwise: nil) { () throws(Failure) in
    let name = try SyncObjectOpening.existingName(lpName)
    let directory = try Win32Names.directory()
    let semaphore = try translating { () throws(ObjectError) in
      try CountingSemaphore.open(name, in: directory)
    }
    return try SyncObjectOpening.handle(
      SemaphoreObject(semaphore), desired: dwDesiredAccess, isInherited: bInheritHandle)
  }
}

/// Adds to the count of a semaphore.
///
/// - Parameters:
///   - hSemaphore: The semaphore.
///   - lReleaseCount: How much to add; more than 0.
///   - lpPreviousCount: Gets the count before; or `nil`.
/// - Note: Errors: `ERROR_TOO_MANY_POSTS`, and nothing is changed; `ERROR_INVALID_PARAMETER`.
@discardableResult
public func ReleaseSemaphore(
  _ hSemaphore: HANDLE, _ lReleaseCount: LONG, _ lpPreviousCount: UnsafeMutablePointer<LONG>?
) -> BOOL {
  succeeds { () throws(Failure) in
    let semaphore = try HandleTable.shared.object(
      hSemaphore, SemaphoreObject.self, access: SEMAPHORE_MODIFY_STATE
    ).semaphore
    let before = try translating { () throws(ObjectError) in
      try semaphore.release(lReleaseCount)
    }
    unsafe lpPreviousCount?.pointee = before
  }
}

/// Creates an event, or opens the one that has the name.
///
/// - Parameters:
///   - lpEventAttributes: Whether the handle is inherited, which has no effect. Or `nil`.
///   - bManualReset: Whether a new event stays set until `ResetEvent`. Else it is reset when a wait
///     succeeds.
///   - bInitialState: Whether a new event is set.
///   - lpName: The name; or `nil`.
/// - Returns: A handle; `nil` on failure. `ERROR_ALREADY_EXISTS` is the last error when there was such
///   an event.
/// - Note: Errors: `ERROR_INVALID_HANDLE`, `ERROR_PATH_NOT_FOUND`.
public func CreateEvent(
  _ lpEventAttributes: LPSECURITY_ATTRIBUTES, _ bManualReset: BOOL, _ bInitialState: BOOL,
  _ lpName: LPCTSTR
) -> HANDLE {
  answer(otherwise: nil) { () throws(Failure) in
    let reset = bManualReset ? Event.Reset.manual : .automatic
    guard let name = try SyncObjectOpening.name(lpName) else {
      return unsafe SyncObjectOpening.handle(
        EventObject(Event(reset, isSet: bInitialState)), existed: false,
        access: EVENT_ALL_ACCESS, lpEventAttributes)
    }
    let directory = try Win32Names.directory()
    let (event, existed) = try translating { () throws(ObjectError) in
      try Event.create(name, reset, isSet: bInitialState, in: directory)
    }
    return unsafe SyncObjectOpening.handle(
      EventObject(event), existed: existed, access: EVENT_ALL_ACCESS, lpEventAttributes)
  }
}

/// Opens the event that has the name.
///
/// - Parameters:
///   - dwDesiredAccess: `SYNCHRONIZE` to wait, `EVENT_MODIFY_STATE` to set and reset.
///   - bInheritHandle: Has no effect.
///   - lpName: The name.
/// - Note: Errors: `ERROR_FILE_NOT_FOUND`, `ERROR_INVALID_HANDLE`.
public func OpenEvent(
  _ dwDesiredAccess: DWORD, _ bInheritHandle: BOOL, _ lpName: LPCTSTR
) -> HANDLE {
  answer(otherwise: nil) { () throws(Failure) in
    let name = try SyncObjectOpening.existingName(lpName)
    let directory = try Win32Names.directory()
    let event = try translating { () throws(ObjectError) in try Event.open(name, in: directory) }
    return try SyncObjectOpening.handle(
      EventObject(event), desired: dwDesiredAccess, isInherited: bInheritHandle)
  }
}

/// Sets an event: who waits for it goes on.
@discardableResult
public func SetEvent(_ hEvent: HANDLE) -> BOOL {
  succeeds { () throws(Failure) in
    try HandleTable.shared.object(hEvent, EventObject.self, access: EVENT_MODIFY_STATE).event.set()
  }
}

/// Resets an event: who waits for it waits.
@discardableResult
public func ResetEvent(_ hEvent: HANDLE) -> BOOL {
  succeeds { () throws(Failure) in
    try HandleTable.shared.object(hEvent, EventObject.self, access: EVENT_MODIFY_STATE)
      .event.clear()
  }
}

/// Lets those go on who wait for an event at this moment (one, if it resets itself), and resets it.
@discardableResult
public func PulseEvent(_ hEvent: HANDLE) -> BOOL {
  succeeds { () throws(Failure) in
    try HandleTable.shared.object(hEvent, EventObject.self, access: EVENT_MODIFY_STATE)
      .event.pulse()
  }
}

/// Signals one object and waits for another. What comes of the signal, also a pulse, finds the caller
/// waiting.
///
/// - Parameters:
///   - hObjectToSignal: A mutex, which is given back; a semaphore, which gets one more; or an event,
///     which is set.
///   - hObjectToWaitOn: What to wait for.
///   - dwMilliseconds: How long at most; 0 looks once, `INFINITE` waits for ever.
///   - bAlertable: Whether completion routines run meanwhile; the wait then ends.
/// - Returns: As ``WaitForSingleObjectEx(_:_:_:)``. Nothing is signalled when either handle is wrong.
/// - Note: Errors: `ERROR_NOT_OWNER`, `ERROR_TOO_MANY_POSTS`, `ERROR_INVALID_HANDLE`,
///   `ERROR_ACCESS_DENIED`.
@discardableResult
public func SignalObjectAndWait(
  _ hObjectToSignal: HANDLE, _ hObjectToWaitOn: HANDLE, _ dwMilliseconds: DWORD,
  _ bAlertable: BOOL
) -> DWORD {
  answer(otherwise: WAIT_FAILED) { () throws(Failure) in
    let entry = try HandleTable.shared.entry(hObjectToSignal)
    let object = try Waits.waitable(hObjectToWaitOn)
    let right: DWORD =
      switch entry.object {
      case is MutexObject: 0
      case is SemaphoreObject: SEMAPHORE_MODIFY_STATE
      case is EventObject: EVENT_MODIFY_STATE
      default: throw Failure(ERROR_INVALID_HANDLE)
      }
    if entry.access & right != right { throw Failure(ERROR_ACCESS_DENIED) }
    return try Waits.any([object], dwMilliseconds, bAlertable) { () throws(Failure) in
      try translating { () throws(ObjectError) in
        switch entry.object {
        case let mutex as MutexObject: try mutex.mutex.unlock()
        case let semaphore as SemaphoreObject: try semaphore.semaphore.release()
        case let event as EventObject: event.event.set()
        default: break
        }
      }
    }
  }
}
