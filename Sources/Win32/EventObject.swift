internal import SyncObjects

/// What waits are for.
protocol WaitableObject: KernelObject {
  /// What a thread sleeps on that waits for a handle of this object.
  var waitable: any Waitable { get }
}

/// An event.
final class EventObject: KernelObject, WaitableObject, @unchecked Sendable {
  // Sendable: an event is for several threads.
  let event: Event
  var waitable: any Waitable { event }

  init(_ event: Event) { self.event = event }

  override func rights(of desired: DWORD) throws(Failure) -> DWORD {
    try SyncObjectOpening.rights(desired, modify: EVENT_MODIFY_STATE, all: EVENT_ALL_ACCESS)
  }

  override func lastHandleWasClosed() { event.close() }
}

extension FileObject: WaitableObject {
  /// Signalled when an operation has ended.
  var waitable: any Waitable { completion }
}
