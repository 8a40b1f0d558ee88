internal import CIPCShims
internal import Glibc

/// `SIGINT`, `SIGTERM` and `SIGHUP` as something to wait for instead of something that ends the
/// process. Wraps `signalfd(2)`.
///
/// The signals are blocked in the thread that creates the value, and in threads that it starts later;
/// create it before other threads, or one of those is interrupted. Children started by
/// ``ChildProcess`` have them unblocked. When the value goes away, the thread is as it was before.
@safe public struct InterruptSignals: ~Copyable, Sendable {
  private let file: OwnedDescriptor
  private let previous: sigset_t

  /// Blocks the signals in the calling thread.
  public init() throws(SystemError) {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&signals, number) }
    let file = OwnedDescriptor(adopting: try checked("signalfd") { unsafe cipc_signalfd(&signals) })
    var previous = sigset_t()
    let result = unsafe pthread_sigmask(SIG_BLOCK, &signals, &previous)
    if result != 0 { throw SystemError(code: result, call: "pthread_sigmask") }
    self.file = file
    self.previous = previous
  }

  deinit {
    // One that has arrived is taken, or it would end the process now.
    while take() != nil {}
    var mask = previous
    unsafe pthread_sigmask(SIG_SETMASK, &mask, nil)
  }

  /// A descriptor that is readable while a signal has arrived that was not taken.
  public var descriptor: Int32 { file.raw }

  /// Takes a signal that has arrived; `nil` when none has. Does not wait.
  public borrowing func take() -> Int32? {
    let number = cipc_read_signal(file.raw)
    return number > 0 ? number : nil
  }
}
