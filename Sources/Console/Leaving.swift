internal import Glibc
internal import IPCSystem
internal import Synchronization
internal import Win32

/// Ways out of a console.
enum Leaving {
  private static let hasBegun = Atomic(false)

  /// Ends the process as `ExitProcess` does: nothing is closed but by the kernel.
  static func now(_ exit: Crew.Exit) -> Never {
    if exit.isHard { kill(getpid(), SIGKILL) }
    ExitProcess(exit.code)
  }

  /// Makes Ctrl-C, and signals that ask the process to end, close what is open and end the process,
  /// whatever the other threads wait for. Call it before other threads are started.
  static func onSignal(_ session: Session) throws(SystemError) {
    let signals = try InterruptSignals()
    try SystemThread.start {
      var request = pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)
      while unsafe poll(&request, 1, -1) == -1 && errno == EINTR {}
      begin()
      session.closeAll()
      _exit(130)
    }
  }

  /// Call it before closing what is open in order to end the process: the first thread that does is
  /// the one that ends it, any other waits here until then.
  static func begin() {
    if hasBegun.exchange(true, ordering: .acquiringAndReleasing) { park() }
  }

  /// Waits for the end if another thread has begun to end the process. What a call answers whose
  /// handle was closed for that is nobody's business.
  static func stopIfBegun() {
    if hasBegun.load(ordering: .acquiring) { park() }
  }

  private static func park() -> Never { while true { pause() } }
}
