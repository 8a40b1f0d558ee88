import Foundation

/// A directory that goes away with the value's last use, unless somebody named one to look at.
struct Scratch: ~Copyable {
  let path: String
  private let isKept: Bool

  /// - Parameter variable: An environment variable that names a directory to keep instead.
  init(orKeptIn variable: String = "") {
    let named = ProcessInfo.processInfo.environment[variable]
    isKept = named != nil
    path = named ?? NSTemporaryDirectory() + "ipclab-report-\(UUID().uuidString)"
  }

  deinit {
    if !isKept { try? FileManager.default.removeItem(atPath: path) }
  }
}
