internal import Glibc

/// Directories that nobody else has.
public enum TemporaryDirectory {
  /// Makes one for this user only and returns its path. Wraps `mkdtemp(3)`.
  ///
  /// - Parameter template: A path that ends with six X, in whose place letters come.
  public static func make(_ template: String) throws(SystemError) -> String {
    var path = Array(template.utf8CString)
    if unsafe mkdtemp(&path) == nil { throw lastError("mkdtemp(\(template))") }
    return String(decoding: path.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
