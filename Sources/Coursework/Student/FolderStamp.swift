internal import Glibc
internal import IPCSystem

/// The state of the files that a person edits, to see whether one has changed.
public struct FolderStamp: Equatable, Sendable {
  private var files: [String: [Int]] = [:]

  /// Looks at every file of a folder but those in folders whose names begin with a dot.
  public static func of(_ path: String) -> FolderStamp {
    var stamp = FolderStamp()
    stamp.add(path, depth: 0)
    return stamp
  }

  private mutating func add(_ path: String, depth: Int) {
    for name in DirectoryListing.names(in: path) where !name.hasPrefix(".") {
      let file = "\(path)/\(name)"
      var status = stat()
      guard unsafe lstat(file, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        if depth < 8 { add(file, depth: depth + 1) }
      } else {
        files[file] = [
          Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec), Int(status.st_size),
          Int(status.st_ino),
        ]
      }
    }
  }
}
