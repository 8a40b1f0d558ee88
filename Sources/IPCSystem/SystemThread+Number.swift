extension SystemThread {
  /// The kernel's number of the calling thread. Wraps `gettid(2)`, asked once per thread.
  public static var currentNumber: Int32 { ThreadIdentity.current }
}
