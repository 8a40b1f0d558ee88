public import IPCTransport

/// The name of a mailslot: `\\HOST\mailslot\[path\]name`, not case-sensitive.
///
/// - Note: Win32 “Mailslot Names”.
public struct MailslotName: Sendable, CustomStringConvertible {
  /// Where the mailslot is.
  public enum Host: Sendable, Hashable {
    /// `.`: on this process's computer.
    case here
    /// A computer, or a domain: on every computer of it. In capitals.
    case named(String)
    /// `*`: on every computer of this process's domain.
    case everyone
  }

  /// What every local name begins with.
  public static let prefix = #"\\.\mailslot\"#
  /// The longest whole name, in characters.
  public static let longest = 256

  /// Where the mailslot is.
  public let host: Host
  /// The part after `mailslot\`, as it was given.
  public let base: String

  private static let middle = #"\mailslot\"#

  /// Checks a whole name.
  ///
  /// - Throws: `.invalidName` when it does not have the form of one, has nothing after `mailslot\`,
  ///   holds NUL, is too long, or when the host is no name of a computer.
  public init(_ text: String) throws(TransportError) {
    guard let parts = Self.split(text), !parts.base.isEmpty, !parts.base.utf8.contains(0),
      text.count <= Self.longest, let host = Self.host(parts.host)
    else {
      throw TransportError(
        .invalidName, "use the mailslot name \(text)", limit: Self.longest,
        remedy: #"A name is \\HOST\mailslot\ and at least one character, at most 256 in all; HOST "#
          + "is . or *, a computer or a domain.")
    }
    self.host = host
    base = String(parts.base)
  }

  /// Whether a text is meant as the name of a mailslot, be it a good one or not.
  public static func isMeant(by text: String) -> Bool { split(text) != nil }

  private static func split(_ text: String) -> (host: Substring, base: Substring)? {
    guard text.hasPrefix(#"\\"#) else { return nil }
    let rest = text.dropFirst(2)
    guard let end = rest.firstIndex(of: "\\"),
      rest[end...].prefix(middle.count).lowercased() == middle
    else { return nil }
    return (rest[..<end], rest[end...].dropFirst(middle.count))
  }

  private static func host(_ text: Substring) -> Host? {
    switch text {
    case ".": .here
    case "*": .everyone
    default: VirtualComputer.isName(text) ? .named(text.uppercased()) : nil
    }
  }

  /// The whole name.
  public var description: String {
    switch host {
    case .here: Self.prefix + base
    case .named(let name): #"\\"# + name + Self.middle + base
    case .everyone: #"\\*"# + Self.middle + base
    }
  }
}
