internal import Glibc

/// Finds the ipclab program, which plays every actor.
public enum LabExecutable {
  /// The path of the program: this process itself when it is ipclab, else `ipclab` beside the test
  /// bundle that this process runs.
  ///
  /// - Throws: ``LabError`` when there is no such program.
  public static func find() throws -> String {
    guard let own = link("/proc/self/exe") else {
      throw LabError("cannot find the own program: /proc/self/exe is not readable")
    }
    if own.hasSuffix("/ipclab") { return own }
    let bundles = CommandLine.arguments.filter { $0.hasSuffix(".xctest") }
    for candidate in (bundles + [own]).map({ directory(of: $0) + "/ipclab" })
    where unsafe access(candidate, X_OK) == 0 {
      return candidate
    }
    throw LabError("no program ipclab beside \(own): build the package first")
  }

  private static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return String(path[..<slash])
  }

  private static func link(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink(path, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
