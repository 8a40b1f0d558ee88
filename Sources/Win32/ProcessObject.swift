internal import Glibc
internal import IPCSystem
internal import SyncObjects

/// A child process. It is signalled when it has ended, and collected then, handles or not.
final class ProcessObject: KernelObject, WaitableObject, LocalWaitable, @unchecked Sendable {
  // Sendable: the variables are only touched with the lock held.
  private let child: ChildProcess
  let signalWord = SignalWord()
  private let guardian = ObjectLock()
  private var exitCode: DWORD?
  private var codeOfTermination: DWORD?
  private var lastActions: [() -> Void] = []

  /// Starts a process.
  static func start(_ plan: ChildProcess.Plan) throws(Failure) -> ProcessObject {
    let child = try translating { () throws(SystemError) in try ChildProcess.start(plan) }
    let process = ProcessObject(child)
    do throws(SystemError) { try process.watch() } catch {
      child.signal(SIGKILL)
      _ = try? child.wait()
      throw Failure(error)
    }
    return process
  }

  private init(_ child: ChildProcess) { self.child = child }

  /// The registration keeps the object until the process has ended.
  private func watch() throws(SystemError) {
    let descriptor = DescriptorIO(adopting: try child.openPidfd())
    _ = try PeerWatcher.shared.watch(descriptor.descriptor, pidfd: true) {
      self.notice()
      descriptor.close()
    }
  }

  /// The process id.
  var id: DWORD { DWORD(bitPattern: child.pid) }

  /// The code it has ended with; `nil` while it runs.
  func currentExitCode() -> DWORD? {
    notice()
    lock()
    defer { unlock() }
    return exitCode
  }

  /// Ends it.
  func terminate(code: DWORD) throws(Failure) {
    notice()
    lock()
    defer { unlock() }
    if exitCode != nil { throw Failure(ERROR_ACCESS_DENIED) }
    if codeOfTermination == nil { codeOfTermination = code }
    // It has not been collected: the number is still its own.
    child.signal(SIGKILL)
  }

  /// Runs `action` when it has ended, before anybody can see that, with the lock held.
  func atEnd(_ action: @escaping () -> Void) {
    lock()
    defer { unlock() }
    if exitCode != nil { action() } else { lastActions.append(action) }
  }

  // MARK: - Waitable

  var waitable: any Waitable { self }
  var lockOrder: UInt64 { guardian.order }

  func notice() {
    lock()
    let wasRunning = exitCode == nil
    if wasRunning { collect() }
    let hasEnded = wasRunning && exitCode != nil
    if hasEnded {
      for action in lastActions { action() }
      lastActions = []
    }
    unlock()
    if hasEnded { signalWord.signal() }
  }

  private func collect() {
    do throws(SystemError) {
      guard let (status, _) = try child.poll() else { return }
      exitCode =
        switch status {
        case .exited(let code): DWORD(bitPattern: code)
        // Win32 has no signals; shells say it this way.
        case .signaled(let number):
          number == SIGKILL ? codeOfTermination ?? 128 + 9 : 128 + DWORD(number)
        }
    } catch {
      // Somebody else has collected it: it has ended, and nobody knows how.
      exitCode = 0
    }
  }

  func lock() { guardian.lock() }
  func unlock() { guardian.unlock() }
  var isSignalled: Bool { exitCode != nil }
}

/// The main thread of a child process.
final class ProcessThreadObject: KernelObject, WaitableObject, @unchecked Sendable {
  // Sendable: it is a constant.
  private let process: ProcessObject
  var waitable: any Waitable { process }

  init(of process: ProcessObject) { self.process = process }
}

/// This process. Its pseudo handle needs no entry in the table; a duplicate of that has one.
final class ThisProcess: KernelObject, WaitableObject, @unchecked Sendable {
  // Sendable: there is nothing in it.
  static let handle = HANDLE(-1)
  static let object = ThisProcess()
  private static let end = Event(.manual)

  /// It has not ended while somebody asks.
  var waitable: any Waitable { Self.end }

  /// Whether a handle is one of this process.
  static func isMeant(by handle: HANDLE) -> Bool {
    handle == Self.handle || (try? HandleTable.shared.object(handle, ThisProcess.self)) != nil
  }
}
