internal import IPCSystem
public import IPCTransport

/// The name of a named pipe: `\\.\pipe\name`, not case-sensitive.
///
/// The part after `\\.\pipe\` may hold any character but NUL, backslashes included. The whole name
/// has at most 256 characters.
///
/// - Note: Win32 “Pipe Names”.
public struct PipeName: Sendable, CustomStringConvertible {
  /// What every local name begins with.
  public static let prefix = #"\\.\pipe\"#
  /// The longest whole name, in characters.
  public static let longest = 256

  /// The part after the prefix, as it was given.
  public let base: String

  /// Checks a whole name.
  ///
  /// - Throws: `.invalidName` when it does not begin with the prefix (in any case), has nothing
  ///   after it, holds NUL, or is too long.
  public init(_ text: String) throws(TransportError) {
    let head = text.prefix(Self.prefix.count)
    let base = text.dropFirst(Self.prefix.count)
    guard head.lowercased() == Self.prefix, !base.isEmpty, !base.utf8.contains(0),
      text.count <= Self.longest
    else {
      throw TransportError(
        .invalidName, "use the pipe name \(text)", limit: Self.longest,
        remedy: #"A name is \\.\pipe\ and at least one character, at most 256 in all."#)
    }
    self.base = String(base)
  }

  /// The whole name.
  public var description: String { Self.prefix + base }
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
