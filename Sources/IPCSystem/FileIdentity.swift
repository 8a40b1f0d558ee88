internal import CIPCShims
internal import Glibc

/// What a socket or FIFO of this user is: no other file has the same, ever or for long.
public enum FileIdentity {
  /// Device, inode and time of birth; `nil` when there is no socket or FIFO of this user at the path.
  public static func of(_ path: String) -> String? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_uid == geteuid(),
      [S_IFSOCK, S_IFIFO].contains(status.st_mode & S_IFMT)
    else { return nil }
    return "\(status.st_dev):\(status.st_ino):\(unsafe cipc_birth_time(path))"
  }

  /// Whether there is a FIFO at the path.
  public static func isFIFO(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }
}
