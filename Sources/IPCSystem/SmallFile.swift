internal import CIPCShims
internal import Glibc

/// Files of a line or two, and files of other processes.
public enum SmallFile {
  /// The most bytes that are read.
  static let longest = 4096

  /// Writes a file, readable by this user only.
  public static func write(_ text: String, to path: String) throws(SystemError) {
    let file = OwnedDescriptor(
      adopting: try checked("open(\(path))") {
        unsafe open(path, O_CREAT | O_TRUNC | O_CLOEXEC | O_WRONLY | O_NOFOLLOW, 0o600)
      })
    let bytes = Array(text.utf8)
    let raw = file.raw
    let count = try retrying("write(\(path))") { unsafe Glibc.write(raw, bytes, bytes.count) }
    if count != bytes.count { throw SystemError(code: ENOSPC, call: "write(\(path))") }
  }

  /// Reads a file; `nil` when that fails.
  public static func read(_ path: String) -> String? {
    let raw = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    if raw == -1 { return nil }
    let file = OwnedDescriptor(adopting: raw)
    var bytes = [UInt8](repeating: 0, count: longest)
    let count = unsafe Glibc.read(file.raw, &bytes, bytes.count)
    return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// Opens what another process of this user has open under this number: the same file, whether it
  /// has a name or not. Reads a link below `/proc`.
  ///
  /// - Throws: `ENOENT` when the process, or its descriptor, is gone.
  public static func openDescriptor(
    _ number: Int32, of process: Int32, writable: Bool
  ) throws(SystemError) -> OwnedDescriptor {
    let path = "/proc/\(process)/fd/\(number)"
    return OwnedDescriptor(
      adopting: try checked("open(\(path))") {
        unsafe open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK)
      })
  }

  /// The path of the file that another process of this user has open under this number; `nil` when
  /// the file has none, or the process is gone.
  public static func target(ofDescriptor number: Int32, of process: Int32) -> String? {
    var bytes = [CChar](repeating: 0, count: 4097)
    let count = unsafe readlink("/proc/\(process)/fd/\(number)", &bytes, bytes.count - 1)
    guard count > 0 else { return nil }
    let path = String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.hasPrefix("/memfd:") || !path.hasPrefix("/") ? nil : path
  }

  /// The size of an open file in bytes, and whether it is sealed so that it cannot shrink.
  public static func size(of file: borrowing OwnedDescriptor) throws(SystemError) -> Int {
    let raw = file.raw
    var status = stat()
    try checked("fstat") { unsafe fstat(raw, &status) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SystemError(code: EINVAL, call: "fstat")
    }
    return Int(status.st_size)
  }

  /// What a file is: its device and inode.
  public static func identity(of file: borrowing OwnedDescriptor) throws(SystemError) -> String {
    let raw = file.raw
    var status = stat()
    try checked("fstat") { unsafe fstat(raw, &status) }
    return "\(status.st_dev):\(status.st_ino)"
  }

  /// Makes a file at least this long, with room on the disk for what is new, so that touching it in
  /// a mapping does not end the process later. Wraps `posix_fallocate(3)`.
  public static func extend(
    _ file: borrowing OwnedDescriptor, to size: Int
  ) throws(SystemError) {
    let old = try Self.size(of: file)
    if old >= size { return }
    let result = posix_fallocate(file.raw, old, size - old)
    if result != 0 { throw SystemError(code: result, call: "posix_fallocate") }
  }

  /// Gives the holes in the first `size` bytes of a file room on the disk, for the same reason; not
  /// where the file system cannot do that. Wraps `fallocate(2)`.
  public static func fillHoles(
    of file: borrowing OwnedDescriptor, upTo size: Int
  ) throws(SystemError) {
    let raw = file.raw
    var status = stat()
    try checked("fstat") { unsafe fstat(raw, &status) }
    if status.st_blocks * 512 >= size { return }
    do throws(SystemError) {
      try retrying("fallocate") { cipc_fill_holes(raw, Int64(size)) }
    } catch { if error.code != EOPNOTSUPP { throw error } }
  }
}
