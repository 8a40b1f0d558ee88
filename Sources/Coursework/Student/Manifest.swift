/// The `Package.swift` of a starter, a solution or a submission.
enum Manifest {
  /// A manifest with the path of the library's package in it.
  ///
  /// - Parameters:
  ///   - text: A manifest with `.package(name: "ipclab", path: "…")`.
  ///   - package: Where the package is; the manifest stays as it is when that is not known.
  static func pointed(_ text: String, package: String?) -> String {
    guard let package else { return text }
    let escaped = package.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return text.replacing(/(\.package\(\s*name:\s*"ipclab",\s*path:\s*")[^"]*(")/) { match in
      match.output.1 + escaped + match.output.2
    }
  }
}
