internal import Glibc

/// A failed system call: which call, and the `errno` it left.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The `errno` value.
  public let code: Int32
  /// The call that failed, as its manual page names it.
  public let call: String

  /// Creates an error from an `errno` value.
  public init(code: Int32, call: String) {
    self.code = code
    self.call = call
  }

  /// The call and the system's own words for the code, such as `open: No such file or directory`.
  public var description: String { "\(call): \(Self.text(of: code))" }

  /// The system's own words for an `errno` value.
  public static func text(of code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// Captures `errno`. Call it on the line after the failed call, before anything else.
@inline(__always)
package func lastError(_ call: @autoclosure () -> String) -> SystemError {
  let code = errno
  return SystemError(code: code, call: call())
}

/// Runs `body` until it returns something else than -1 with `EINTR`.
///
/// - Throws: ``SystemError`` with `call` when the result is -1.
@inline(__always) @discardableResult
package func retrying<I: SignedInteger>(
  _ call: @autoclosure () -> String, _ body: () -> I
) throws(SystemError) -> I {
  while true {
    let result = body()
    if result != -1 { return result }
    if errno != EINTR { throw lastError(call()) }
  }
}

/// Runs `body` once; -1 becomes a thrown error, `EINTR` included.
@inline(__always) @discardableResult
package func checked<I: SignedInteger>(
  _ call: @autoclosure () -> String, _ body: () -> I
) throws(SystemError) -> I {
  let result = body()
  if result == -1 { throw lastError(call()) }
  return result
}
