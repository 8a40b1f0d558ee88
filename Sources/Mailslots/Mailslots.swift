internal import Glibc
public import IPCSystem
public import IPCTransport

/// Mailslots as Win32 has them, on Linux: one reader per name, any number of writers, one way.
///
/// The queue belongs to the reader. Every writer has a connection to it, on which the kernel holds
/// what was written and not read yet, up to 512 KiB of kernel memory per writer (a small message
/// costs 768 bytes of it); then a writer waits.
public enum Mailslots {
  /// The longest message in bytes: 16 MiB. A reader breaks with a writer that announces more.
  public static let maximumMessage = 16 << 20

  /// Bytes that a reader holds in its own memory before it leaves the rest to the kernel: 1 MiB.
  public static let quota = 1 << 20

  static let socketBuffer: Int32 = 256 << 10
  static let listenerName = ".sock"

  /// Removes what killed readers have left below `runtime`, and never anything alive.
  public static func sweep(_ runtime: RuntimeDirectory) {
    (try? registry(runtime))?.sweep()
  }

  static func registry(_ runtime: RuntimeDirectory) throws(SystemError) -> NameRegistry {
    try NameRegistry("mailslots", in: runtime)
  }
}

/// The name of a mailslot: `\\.\mailslot\name`, not case-sensitive.
///
/// - Note: Win32 “Mailslot Names”.
public struct MailslotName: Sendable, CustomStringConvertible {
  /// What every local name begins with.
  public static let prefix = #"\\.\mailslot\"#
  /// The longest whole name, in characters.
  public static let longest = 256

  /// The part after the prefix, as it was given.
  public let base: String

  /// Checks a whole name.
  ///
  /// - Throws: `.invalidArgument` when it does not begin with the prefix (in any case), has nothing
  ///   after it, holds NUL, or is too long.
  public init(_ text: String) throws(TransportError) {
    let head = text.prefix(Self.prefix.count)
    let base = text.dropFirst(Self.prefix.count)
    guard head.lowercased() == Self.prefix, !base.isEmpty, !base.utf8.contains(0),
      text.count <= Self.longest
    else {
      throw TransportError(
        .invalidArgument, "use the mailslot name \(text)", limit: Self.longest,
        remedy: #"A name is \\.\mailslot\ and at least one character, at most 256 in all."#)
    }
    self.base = String(base)
  }

  /// The whole name.
  public var description: String { Self.prefix + base }
}
