// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import SyncObjects

/// Waits until an object is signalled: a mutex that is free, a semaphore above 0, an event that is set,
/// a process or thread that has ended, a file or pipe on which an operation has ended.
///
/// - Parameters:
///   - hHandle: The object.
///   - dwMilliseconds: How long to wait at most; 0 looks once, `INFINITE` waits for ever.
/// - Returns: `WAIT_OBJECT_0`, `WAIT_ABANDONED_0`, `WAIT_TIMEOUT`, or `WAIT_FAILED` with
///   `ERROR_INVALID_HANDLE` or `ERROR_ACCESS_DENIED`.
@discardableResult
public func WaitForSingleObject(_ hHandle: HANDLE, _ dwMilliseconds: DWORD) -> DWORD {
  WaitForSingleObjectEx(hHandle, dwMilliseconds, FALSE)
}

/// Waits until an object is signalled; alertable, if asked for.
///
/// - Parameters:
///   - hHandle: The object.
///   - dwMilliseconds: How long to wait at most; 0 looks once, `INFINITE` waits for ever.
///   - bAlertable: Whether completion routines run meanwhile; the wait then ends.
/// - Returns: `WAIT_OBJECT_0`, `WAIT_TIMEOUT`, `WAIT_IO_COMPLETION`, or `WAIT_FAILED` with
///   `ERROR_INVALID_HANDLE`.
@discardableResult
public func WaitForSingleObjectEx(
  _ hHandle: HANDLE, _ dwMilliseconds: DWORD, _ bAlertable: BOOL
) -> DWORD {
  answer(otherwise: WAIT_FAILED) { () throws(Failure) in
    Waits.any([try Waits.waitable(hHandle)], dwMilliseconds, bAlertable)
  }
}

/// Waits until one of several objects is signalled, or until all are at the same time.
///
/// - Parameters:
///   - nCount: How many objects; 1 to `MAXIMUM_WAIT_OBJECTS`.
///   - lpHandles: The objects.
///   - bWaitAll: Whether to wait for all. Until all are signalled, no signal is taken.
///   - dwMilliseconds: How long to wait at most; 0 looks once, `INFINITE` waits for ever.
/// - Returns: `WAIT_OBJECT_0` and the lowest index of a signalled object (`WAIT_OBJECT_0` alone for
///   all), `WAIT_TIMEOUT`, or `WAIT_FAILED` with `ERROR_INVALID_HANDLE` or `ERROR_INVALID_PARAMETER`
///   (no or too many objects, or one twice when waiting for all).
@discardableResult
public func WaitForMultipleObjects(
  _ nCount: DWORD, _ lpHandles: UnsafePointer<HANDLE>?, _ bWaitAll: BOOL, _ dwMilliseconds: DWORD
) -> DWORD {
  unsafe WaitForMultipleObjectsEx(nCount, lpHandles, bWaitAll, dwMilliseconds, FALSE)
}

/// Waits until one of several objects is signalled, or until all are at the same time; alertable, if
/// asked for.
///
/// - Parameters:
///   - nCount: How many objects; 1 to `MAXIMUM_WAIT_OBJECTS`.
///   - lpHandles: The objects.
///   - bWaitAll: Whether to wait for all. Until all are signalled, no signal is taken.
///   - dwMilliseconds: How long to wait at most; 0 looks once, `INFINITE` waits for ever.
///   - bAlertable: Whether completion routines run meanwhile; the wait then ends.
/// - Returns: As ``WaitForMultipleObjects(_:_:_:_:)``; or `WAIT_IO_COMPLETION`.
@discardableResult
public func WaitForMultipleObjectsEx(
  _ nCount: DWORD, _ lpHandles: UnsafePointer<HANDLE>?, _ bWaitAll: BOOL, _ dwMilliseconds: DWORD,
  _ bAlertable: BOOL
) -> DWORD {
  answer(otherwise: WAIT_FAILED) { () throws(Failure) in
    guard let start = unsafe lpHandles, (1...MAXIMUM_WAIT_OBJECTS).contains(nCount) else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    var objects: [any Waitable] = []
    for index in 0..<Int(nCount) {
      let handle = unsafe start[index]
      // Those that need no closing are for waits for one object only.
      if handle.value < 0 { throw Failure(ERROR_INVALID_HANDLE) }
      objects.append(try Waits.waitable(handle))
    }
    guard bWaitAll else { return Waits.any(objects, dwMilliseconds, bAlertable) }
    guard Set(objects.map(\.identity)).count == objects.count else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    return Waits.all(objects, dwMilliseconds, bAlertable)
  }
}

/// Does nothing for some time.
public func Sleep(_ dwMilliseconds: DWORD) { SleepEx(dwMilliseconds, FALSE) }

/// Does nothing for some time; if alertable, until a completion routine has run.
///
/// - Parameters:
///   - dwMilliseconds: How long; `INFINITE` for ever.
///   - bAlertable: Whether completion routines run meanwhile; the wait then ends.
/// - Returns: 0, or `WAIT_IO_COMPLETION` when routines have run.
@discardableResult
public func SleepEx(_ dwMilliseconds: DWORD, _ bAlertable: BOOL) -> DWORD {
  Waits.any([], dwMilliseconds, bAlertable) == WAIT_IO_COMPLETION ? WAIT_IO_COMPLETION : 0
}
