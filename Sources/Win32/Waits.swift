internal import IPCSystem
internal import SyncObjects

/// Waiting as the Win32 calls have it: milliseconds, handles, and completion routines meanwhile.
enum Waits {
  /// The point in time that lies so many milliseconds ahead.
  static func deadline(_ milliseconds: DWORD) -> Deadline {
    switch milliseconds {
    case 0: .immediate
    case INFINITE: .never
    default: .after(.milliseconds(Int64(milliseconds)))
    }
  }

  /// Waits for one of the objects.
  static func any(_ objects: [any Waitable], _ milliseconds: DWORD, _ isAlertable: BOOL) -> DWORD {
    result(isAlertable) { alert in
      Waiting.any(of: objects, deadline: deadline(milliseconds), alert: alert)
    }
  }

  /// Does something, and then waits for one of the objects.
  ///
  /// - Parameter begin: What to do first; a pulse that comes of it counts.
  static func any<E: Error>(
    _ objects: [any Waitable], _ milliseconds: DWORD, _ isAlertable: BOOL,
    after begin: () throws(E) -> Void
  ) throws(E) -> DWORD {
    let deadline = deadline(milliseconds)
    return try result(isAlertable) { (alert) throws(E) in
      try Waiting.any(of: objects, deadline: deadline, alert: alert, after: begin)
    }
  }

  /// Waits for all of the objects.
  static func all(_ objects: [any Waitable], _ milliseconds: DWORD, _ isAlertable: BOOL) -> DWORD {
    result(isAlertable) { alert in
      Waiting.all(of: objects, deadline: deadline(milliseconds), alert: alert)
    }
  }

  private static func result<E: Error>(
    _ isAlertable: BOOL, _ wait: ((any Waitable)?) throws(E) -> Waiting.Outcome
  ) throws(E) -> DWORD {
    let thread = isAlertable ? ThreadContext.current : nil
    switch try wait(thread) {
    case .taken(let index): return WAIT_OBJECT_0 + DWORD(index)
    case .takenAll: return WAIT_OBJECT_0
    case .abandoned(let index): return WAIT_ABANDONED_0 + DWORD(index)
    case .abandonedAll: return WAIT_ABANDONED_0
    case .timedOut: return WAIT_TIMEOUT
    case .alerted:
      thread?.runRoutines()
      return WAIT_IO_COMPLETION
    }
  }

  /// What to sleep on for a handle.
  static func waitable(_ handle: HANDLE) throws(Failure) -> any Waitable {
    if handle == ThisProcess.handle || handle == ThreadObject.pseudoHandle {
      return ThisProcess.object.waitable
    }
    let entry = try HandleTable.shared.entry(handle)
    // Handles of mappings do not have the right.
    if entry.access & SYNCHRONIZE == 0 { throw Failure(ERROR_ACCESS_DENIED) }
    guard let object = entry.object as? any WaitableObject else {
      throw Failure(ERROR_INVALID_HANDLE)
    }
    return object.waitable
  }
}
