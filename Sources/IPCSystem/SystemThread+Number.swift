internal import CIPCShims

extension SystemThread {
  /// The kernel's number of the calling thread. Wraps `gettid(2)`, asked once per thread.
  public static var currentNumber: Int32 { ThreadIdentity.current }
}

extension SystemThread {
  /// Ends the calling thread, which must not be the main one. What its functions hold is not
  /// released. Wraps `pthread_exit(3)`.
  public static func exit() -> Never { cipc_exit_thread() }
}
