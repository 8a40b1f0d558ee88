/// The name of a mutex, semaphore, event or file mapping. They share one namespace, in which upper
/// and lower case differ.
///
/// `Local\` and `Global\` before a name mean this machine, as the name without them does: there are
/// no sessions. No other backslash may be in a name.
public struct ObjectName: Sendable, Hashable, CustomStringConvertible {
  /// The most UTF-16 units that a name has, without its prefix. (Win32 `MAX_PATH`)
  public static let longest = 260

  /// The name without a prefix.
  public let text: String

  /// Takes a name apart.
  ///
  /// - Throws: `.noSuchNamespace`, `.nameTooLong`, `.invalidName`.
  public init(_ name: String) throws(ObjectError) {
    var rest = name[...]
    for prefix in [#"Local\"#, #"Global\"#] where name.hasPrefix(prefix) {
      rest = name.dropFirst(prefix.count)
      break
    }
    if rest.contains("\\") { throw ObjectError(.noSuchNamespace, "the name “\(name)”") }
    if rest.isEmpty || rest.utf8.contains(0) {
      throw ObjectError(.invalidName, "the name “\(name)”")
    }
    if rest.utf16.count > Self.longest {
      throw ObjectError(.nameTooLong, "a name has at most \(Self.longest) characters")
    }
    text = String(rest)
  }

  /// The name.
  public var description: String { text }
}
