internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// Where the standard input, output and error of a started program lead.
///
/// - Note: Win32 `STARTUPINFO.hStdInput`, `hStdOutput`, `hStdError`.
public enum Redirection {
  /// Where standard input comes from.
  public enum Input: Sendable, Hashable {
    /// A pipe whose other end the parent gets.
    case pipe
    /// A file, from its beginning.
    case file(String)
    /// `/dev/null`: end of file at once.
    case null
    /// The parent's own.
    case inherit
  }

  /// Where standard output goes.
  public enum Output: Sendable, Hashable {
    /// A pipe whose other end the parent gets.
    case pipe
    /// A file, created when missing (mode 0666 less the umask); what it held is replaced.
    case file(String)
    /// A file, created when missing; the output is added at its end.
    case appending(String)
    /// `/dev/null`: thrown away.
    case null
    /// The parent's own.
    case inherit
  }

  /// Where standard error goes.
  public enum ErrorOutput: Sendable, Hashable {
    /// To one of the places that standard output can go to.
    case to(Output)
    /// To where standard output goes, in the order in which the program writes (`2>&1`).
    case sameAsOutput
  }

  static func open(forInput path: String) throws(TransportError) -> OwnedDescriptor {
    try open(path, O_RDONLY, "read")
  }

  /// The file behind an output; `nil` for a pipe and for the parent's own.
  static func open(forOutput output: Output) throws(TransportError) -> OwnedDescriptor? {
    switch output {
    case .pipe, .inherit: nil
    case .null: try open("/dev/null", O_WRONLY, "write")
    case .file(let path): try open(path, O_WRONLY | O_CREAT | O_TRUNC, "write")
    case .appending(let path): try open(path, O_WRONLY | O_CREAT | O_APPEND, "append to")
    }
  }

  private static func open(
    _ path: String, _ mode: Int32, _ purpose: String
  ) throws(TransportError) -> OwnedDescriptor {
    try translating("open \(path) to \(purpose) it") { () throws(SystemError) in
      OwnedDescriptor(
        adopting: try retrying("open") { unsafe Glibc.open(path, mode | O_CLOEXEC, 0o666) })
    }
  }
}
