internal import CIPCShims
internal import Glibc

/// The process's standard error, unbuffered.
public enum StandardError {
  /// Writes text as it is. What cannot be written is dropped: there is nowhere to report it.
  public static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
      if count < 0 && errno != EINTR { return }
      bytes = bytes.dropFirst(max(0, count))
    }
  }

  /// Whether it is a terminal.
  public static var isTerminal: Bool { isatty(2) == 1 }
}

/// What a write to a pipe without a reader does to this process.
public enum BrokenPipes {
  /// Makes such a write fail with `EPIPE` instead of ending the process, unless the program has
  /// chosen something else for `SIGPIPE`. Child processes start with the default again.
  public static func ignore() { _ = cipc_ignore_sigpipe_if_default() }
}
