internal import Glibc
internal import IPCSystem

/// Memory in the form of files: those without a name, which vanish with the processes that have them
/// open, and those in a file system in memory.
enum FileMemory {
  /// Bytes that these processes have in such files.
  static func used(by entries: [ProcessTable.Entry], in containment: Containment) -> Int {
    var sum = containment == .namespaces ? Seclusion.everybodys.reduce(0) { $0 + taken($1) } : 0
    var seen: Set<[UInt64]> = []
    for entry in entries {
      let directory = "/proc/\(entry.pid)/fd"
      for name in DirectoryListing.names(in: directory) {
        var status = stat()
        guard unsafe stat(directory + "/" + name, &status) == 0,
          status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 0,
          seen.insert([UInt64(status.st_dev), UInt64(status.st_ino)]).inserted
        else { continue }
        sum += Int(status.st_blocks) * 512
      }
    }
    return sum
  }

  /// Bytes in use in a file system.
  private static func taken(_ path: String) -> Int {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { return 0 }
    return Int(status.f_blocks - status.f_bfree) * Int(status.f_frsize)
  }
}
