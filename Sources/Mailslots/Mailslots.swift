internal import Glibc
public import IPCSystem

/// Mailslots as Win32 has them, on Linux: one reader per name, any number of writers, one way.
///
/// The queue belongs to the reader. Every writer has a connection to it, on which the kernel holds
/// what was written and not read yet, up to 512 KiB of kernel memory per writer (a small message
/// costs 768 bytes of it); then a writer waits, or is told, as it chooses. Nothing is lost silently.
///
/// Messages of one writer arrive in order; messages of several arrive in the order in which they were
/// written, as long as what has not been read fits ``quota``.
public enum Mailslots {
  /// The longest message in bytes: 16 MiB. A reader breaks with a writer that announces more.
  public static let maximumMessage = 16 << 20

  /// Bytes that a reader holds in its own memory before it leaves the rest to the kernel: 1 MiB.
  public static let quota = 1 << 20

  static let socketBuffer: Int32 = 256 << 10

  /// Removes what killed readers have left below `runtime`, and never anything alive.
  public static func sweep(_ runtime: RuntimeDirectory) {
    (try? registry(runtime))?.sweep()
  }

  static func registry(_ runtime: RuntimeDirectory) throws(SystemError) -> NameRegistry {
    try NameRegistry(kind, in: runtime)
  }

  static let kind = "mailslots"
}
