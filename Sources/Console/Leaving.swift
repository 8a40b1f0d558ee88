internal import Glibc
internal import IPCSystem
internal import Win32

/// Ways out of a console.
enum Leaving {
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
      session.closeAll()
      _exit(130)
    }
  }
}
