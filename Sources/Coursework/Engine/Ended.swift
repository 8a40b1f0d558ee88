public import IPCSystem

/// A program of the submission that has run from start to end.
public struct Ended: Sendable {
  /// How it ended.
  public let status: ExitStatus
  /// The first megabyte of its standard output.
  public let output: [UInt8]
  /// The first megabyte of its standard error.
  public let errorOutput: [UInt8]
  /// Its standard output as text.
  public var text: String { String(decoding: output, as: UTF8.self) }
}
