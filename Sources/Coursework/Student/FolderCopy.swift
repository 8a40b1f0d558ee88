internal import FoundationEssentials
internal import Glibc
internal import IPCSystem
internal import LabReport

/// Copies of folders in which nothing leads outside: links, sockets and devices are left out.
enum FolderCopy {
  /// What a copy may cost. A submission is text.
  static let mostFiles = 5000
  static let mostBytes = 200 << 20
  /// Bytes of a path, below the kernel's limit by what temporary names need.
  static let longestPath = 3800

  /// What is at a path, links not followed.
  enum Kind { case file, folder, other }

  /// What is at a path itself; `nil` when there is nothing, or it cannot be looked at.
  static func kind(of path: String) -> Kind? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .folder
    default: return .other
    }
  }

  /// Copies regular files and folders.
  ///
  /// - Parameter skipping: Names that are left out, at every depth.
  /// - Throws: ``CourseworkError``: `.usage` when the source is absurdly large or deep, or cannot be
  ///   read; `.environment` when the target cannot be written.
  static func copy(_ source: String, to target: String, skipping: Set<String>) throws {
    var files = 0
    var bytes = 0
    try copy(source, target, skipping, &files, &bytes)
  }

  private static func copy(
    _ source: String, _ target: String, _ skipping: Set<String>, _ files: inout Int,
    _ bytes: inout Int
  ) throws {
    guard unsafe access(source, R_OK | X_OK) == 0 else { throw unreadable(source) }
    try StudentFolder.createDirectory(target)
    for name in DirectoryListing.names(in: source).sorted() where !skipping.contains(name) {
      let path = "\(source)/\(name)"
      var status = stat()
      guard unsafe lstat(path, &status) == 0 else {
        throw CourseworkError.usage(
          "\(path) cannot be looked at (\(reason)). Rename it: names are UTF-8, and short.")
      }
      if max(path.utf8.count, target.utf8.count + name.utf8.count + 1) > longestPath {
        throw CourseworkError.usage(
          "\(source) has folders too deep in each other: a path is longer than \(longestPath) bytes."
        )
      }
      files += 1
      if status.st_mode & S_IFMT == S_IFREG { bytes += Int(status.st_size) }
      if files > mostFiles || bytes > mostBytes {
        throw CourseworkError.usage(
          "\(source) is too large: more than \(mostFiles) files or \(mostBytes >> 20) MiB. "
            + "Remove what is not part of the program.")
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try copy(path, "\(target)/\(name)", skipping, &files, &bytes)
      case S_IFREG: try copyFile(path, "\(target)/\(name)", executable: status.st_mode & 0o100 != 0)
      default: continue
      }
    }
  }

  private static var reason: String { unsafe String(cString: strerror(errno)) }

  /// The mistake of who handed it in: it must not end the work on all others.
  private static func unreadable(_ path: String) -> CourseworkError {
    .usage("\(path) cannot be read (\(reason)). Check its permissions.")
  }

  private static func copyFile(_ source: String, _ target: String, executable: Bool) throws {
    guard let bytes = try? Files.read(source, limit: mostBytes) else { throw unreadable(source) }
    let data = Data(bytes)
    // What has not changed keeps its time, so that it is not compiled again.
    if FileManager.default.contents(atPath: target) != data {
      do { try data.write(to: URL(filePath: target, directoryHint: .notDirectory)) } catch {
        throw CourseworkError.environment(
          "\(target) cannot be written: \(ReportWriter.reason(error)).")
      }
    }
    unsafe _ = chmod(target, executable ? 0o755 : 0o644)
  }

  /// Removes what a folder has and another one has not.
  static func removeStrangers(in target: String, notIn source: String) {
    for name in DirectoryListing.names(in: target) {
      let (one, other) = ("\(target)/\(name)", "\(source)/\(name)")
      let (mine, theirs) = (kind(of: one), kind(of: other))
      if mine == .folder && theirs == .folder {
        removeStrangers(in: one, notIn: other)
      } else if mine != .file || theirs != .file {
        // Also what is a link there: it is not copied, and must not keep what an earlier one left.
        remove(one)
      }
    }
  }

  /// Removes a folder and what is in it, without following links.
  static func remove(_ path: String) {
    if unsafe unlink(path) == 0 || errno == ENOENT { return }
    unsafe _ = chmod(path, 0o700)
    for name in DirectoryListing.names(in: path) { remove("\(path)/\(name)") }
    unsafe _ = rmdir(path)
  }
}
