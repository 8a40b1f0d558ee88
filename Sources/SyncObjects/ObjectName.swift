/// The name of a mutex, semaphore, event or file mapping. They share one namespace, in which upper
/// and lower case differ.
///
/// `Local\` before a name means what the name means without it: the user's own session. `Global\` is
/// another namespace, which all sessions share. No other backslash may be in a name.
public struct ObjectName: Sendable, Hashable, CustomStringConvertible {
  /// The most UTF-16 units that a name has, without its prefix. (Win32 `MAX_PATH`)
  public static let longest = 260

  /// The name, with `Global\` if it has that, and without `Local\`.
  public let text: String

  private static let local = #"Local\"#
  private static let global = #"Global\"#

  /// Takes a name apart.
  ///
  /// - Throws: `.noSuchNamespace`, `.absoluteName`, `.nameTooLong`, `.invalidName`.
  public init(_ name: String) throws(ObjectError) {
    if name.hasPrefix("\\") { throw ObjectError(.absoluteName, "the name “\(name)”") }
    let isGlobal = name.hasPrefix(Self.global)
    let prefix = isGlobal ? Self.global : name.hasPrefix(Self.local) ? Self.local : ""
    let rest = name.dropFirst(prefix.count)
    if rest.contains("\\") { throw ObjectError(.noSuchNamespace, "the name “\(name)”") }
    if rest.isEmpty || rest.utf8.contains(0) {
      throw ObjectError(.invalidName, "the name “\(name)”")
    }
    if rest.utf16.count > Self.longest {
      throw ObjectError(.nameTooLong, "a name has at most \(Self.longest) characters")
    }
    text = isGlobal ? name : String(rest)
  }

  /// The name.
  public var description: String { text }
}
