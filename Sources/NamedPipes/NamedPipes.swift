public import IPCSystem

/// Named pipes as Win32 has them, on Linux.
public enum NamedPipes {
  /// Whether a pipe carries bytes or messages.
  public enum Kind: UInt32, Sendable, CaseIterable {
    /// A stream of bytes: what one write put in may come out in several reads, or with others.
    case byte = 1
    /// Messages: a read gives one message, or a part of one and says so.
    case message = 2
  }

  /// What the first instance of a name lays down for all.
  public struct Options: Sendable {
    /// Bytes or messages.
    public var kind: Kind
    /// How many unread bytes each direction holds before a writer waits.
    public var quota: Int

    /// The quota when none is given: 256 KiB.
    public static let defaultQuota = 256 * 1024

    /// Creates options.
    public init(kind: Kind, quota: Int = Options.defaultQuota) {
      self.kind = kind
      self.quota = quota
    }
  }

  /// Removes what killed servers have left below `runtime`, and never anything alive.
  public static func sweep(_ runtime: RuntimeDirectory) {
    (try? registry(runtime))?.sweep()
  }

  static func registry(_ runtime: RuntimeDirectory) throws(SystemError) -> NameRegistry {
    try NameRegistry("pipes", in: runtime)
  }

  static let listenerSuffix = ".sock"
}
