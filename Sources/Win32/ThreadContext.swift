internal import Glibc
internal import IPCSystem
internal import SyncObjects

/// What belongs to one thread: its last error, and the completion routines that wait for it.
///
/// It is signalled while routines wait to be run.
@safe final class ThreadContext: LocalWaitable, @unchecked Sendable {
  // Sendable: `lastError` and `thread` are only touched by the thread itself, the rest with the lock held.
  var lastError: DWORD = 0
  /// The thread, if somebody has a handle of it. Only touched by the thread itself.
  var thread: ThreadObject?

  let signalWord = SignalWord()
  private let guardian = ObjectLock()
  private var routines: [() -> Void] = []
  private var requests: [ObjectIdentifier: OverlappedRequest] = [:]

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    unsafe pthread_key_create(&key) { context in
      if let context = unsafe context {
        let ended = unsafe Unmanaged<ThreadContext>.fromOpaque(context).takeRetainedValue()
        OverlappedRequest.cancelAll(of: ended)
        ended.thread = nil
      }
    }
    return key
  }()

  /// The calling thread's.
  static var current: ThreadContext {
    if let known = unsafe pthread_getspecific(key) {
      return unsafe Unmanaged<ThreadContext>.fromOpaque(known).takeUnretainedValue()
    }
    let fresh = ThreadContext()
    unsafe pthread_setspecific(key, Unmanaged.passRetained(fresh).toOpaque())
    return fresh
  }

  /// Remembers an operation whose routine this thread will run.
  func expect(_ request: OverlappedRequest) {
    guardian.lock()
    defer { guardian.unlock() }
    requests[ObjectIdentifier(request)] = request
  }

  /// Queues the routine of an operation that is over.
  func enqueue(_ request: OverlappedRequest, _ routine: @escaping () -> Void) {
    guardian.lock()
    requests[ObjectIdentifier(request)] = nil
    guardian.unlock()
    enqueue(routine)
  }

  /// Queues a routine.
  func enqueue(_ routine: @escaping () -> Void) {
    guardian.lock()
    routines.append(routine)
    guardian.unlock()
    signalWord.signal()
  }

  /// Runs every routine that waits. Only on the thread itself.
  func runRoutines() {
    guardian.lock()
    let waiting = routines
    routines = []
    guardian.unlock()
    for routine in waiting { routine() }
  }

  // MARK: - Waitable

  var lockOrder: UInt64 { guardian.order }

  func notice() {
    guardian.lock()
    let expected = Array(requests.values)
    guardian.unlock()
    for request in expected { request.notice() }
  }

  func lock() { guardian.lock() }
  func unlock() { guardian.unlock() }
  var isSignalled: Bool { !routines.isEmpty }
}
