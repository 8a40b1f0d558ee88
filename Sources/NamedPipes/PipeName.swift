internal import IPCSystem
public import IPCTransport

/// The name of a named pipe: `\\HOST\pipe\name`, not case-sensitive.
///
/// The part after `pipe\` may hold any character but NUL, backslashes included. The whole name has at
/// most 256 characters.
///
/// - Note: Win32 “Pipe Names”.
public struct PipeName: Sendable, CustomStringConvertible {
  /// Where the pipe is.
  public enum Host: Sendable, Hashable {
    /// `.`: on this process's computer.
    case here
    /// On the computer of this name, in capitals.
    case named(String)
  }

  /// What every local name begins with.
  public static let prefix = #"\\.\pipe\"#
  /// The longest whole name, in characters.
  public static let longest = 256

  /// Where the pipe is.
  public let host: Host
  /// The part after `pipe\`, as it was given.
  public let base: String

  private static let middle = #"\pipe\"#

  /// Checks a whole name.
  ///
  /// - Throws: `.invalidName` when it does not have the form of one (in any case), has nothing after
  ///   `pipe\`, holds NUL, or is too long.
  public init(_ text: String) throws(TransportError) {
    guard let parts = Self.split(text), !parts.base.isEmpty, !parts.base.utf8.contains(0),
      text.count <= Self.longest
    else {
      throw TransportError(
        .invalidName, "use the pipe name \(text)", limit: Self.longest,
        remedy: #"A name is \\.\pipe\ and at least one character, at most 256 in all; another "#
          + "computer's has its name for the dot.")
    }
    host = parts.host == "." ? .here : .named(parts.host.uppercased())
    base = String(parts.base)
  }

  /// Whether a text is meant as the name of a pipe, be it a good one or not.
  public static func isMeant(by text: String) -> Bool { split(text) != nil }

  private static func split(_ text: String) -> (host: Substring, base: Substring)? {
    guard text.hasPrefix(#"\\"#) else { return nil }
    let rest = text.dropFirst(2)
    guard let end = rest.firstIndex(of: "\\"), end > rest.startIndex,
      rest[end...].prefix(middle.count).lowercased() == middle
    else { return nil }
    return (rest[..<end], rest[end...].dropFirst(middle.count))
  }

  /// The whole name.
  public var description: String {
    switch host {
    case .here: Self.prefix + base
    case .named(let name): #"\\"# + name + Self.middle + base
    }
  }
}

/// A name and the runtime directory in which it is looked up.
struct PipeAddress {
  let name: PipeName
  let runtime: RuntimeDirectory

  /// Understands a whole pipe name, optionally behind the path of a runtime directory.
  init(_ endpoint: Endpoint, runtime: RuntimeDirectory?) throws(TransportError) {
    let text = endpoint.address
    let start = text.firstRange(of: #"\\"#)?.lowerBound ?? text.endIndex
    name = try PipeName(String(text[start...]))
    do throws(SystemError) {
      if start > text.startIndex {
        self.runtime = try RuntimeDirectory(verifying: String(text[..<start]))
      } else if let runtime {
        self.runtime = runtime
      } else {
        self.runtime = try RuntimeDirectory.open()
      }
    } catch { throw TransportError(error, "open the runtime directory of \(text)") }
  }
}
