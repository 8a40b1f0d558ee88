internal import Glibc

/// A pattern for names, with `*` and `?`.
public struct Glob: Sendable {
  private let pattern: String

  /// Takes a pattern.
  public init(_ pattern: String) { self.pattern = pattern }

  /// Whether the pattern describes the whole name.
  public func matches(_ name: String) -> Bool { unsafe fnmatch(pattern, name, 0) == 0 }
}
