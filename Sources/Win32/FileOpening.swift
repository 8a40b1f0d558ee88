internal import Glibc
internal import IPCSystem

/// Rights as handles have them.
enum FileAccess {
  /// What the generic right to read stands for.
  static let reading = FILE_READ_DATA | FILE_READ_ATTRIBUTES | READ_CONTROL | SYNCHRONIZE
  /// What the generic right to write stands for.
  static let writing =
    FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_ATTRIBUTES | READ_CONTROL | SYNCHRONIZE

  /// What the generic rights stand for; the right to ask for attributes and to wait comes with every
  /// open file.
  static func rights(of desired: DWORD) -> DWORD {
    let generic = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL
    var rights = desired & ~generic | FILE_READ_ATTRIBUTES | SYNCHRONIZE
    if desired & (GENERIC_READ | GENERIC_ALL) != 0 { rights |= reading }
    if desired & (GENERIC_WRITE | GENERIC_ALL) != 0 { rights |= writing }
    return rights
  }
}

/// Opening or creating a file.
struct FileOpening {
  let path: String
  let access: DWORD
  let share: DWORD
  let disposition: DWORD
  let flags: DWORD

  /// Opens the file and tells whether it was there, for those who asked to create it.
  func open() throws(Failure) -> (object: DescriptorFile, existed: Bool) {
    switch disposition {
    case CREATE_NEW: return (try attempt(O_CREAT | O_EXCL), false)
    case OPEN_EXISTING: return (try attempt(), false)
    case TRUNCATE_EXISTING:
      if access & FILE_WRITE_DATA == 0 { throw Failure(ERROR_INVALID_PARAMETER) }
      return (try attempt(empties: true), false)
    default:
      // Which of the two happened must be known: another process may create or delete the file in
      // between, and then it is tried again.
      let empties = disposition == CREATE_ALWAYS
      while true {
        do throws(Failure) { return (try attempt(empties: empties), true) } catch {
          if error.code != ERROR_FILE_NOT_FOUND { throw error }
        }
        do throws(Failure) { return (try attempt(O_CREAT | O_EXCL), false) } catch {
          if error.code != ERROR_FILE_EXISTS || isDanglingLink { throw error }
        }
      }
    }
  }

  /// A link to nothing exists and does not.
  private var isDanglingLink: Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && stat(path, &status) != 0
  }

  private func attempt(
    _ creation: Int32 = 0, empties: Bool = false
  ) throws(Failure) -> DescriptorFile {
    var options = creation | O_CLOEXEC | O_NOCTTY
    switch (access & FILE_READ_DATA != 0, access & (FILE_WRITE_DATA | FILE_APPEND_DATA) != 0) {
    case (true, true): options |= O_RDWR
    case (false, true): options |= O_WRONLY
    default: options |= O_RDONLY
    }
    if access & FILE_APPEND_DATA != 0, access & FILE_WRITE_DATA == 0 { options |= O_APPEND }
    if flags & FILE_FLAG_WRITE_THROUGH != 0 { options |= O_SYNC }
    let mode: mode_t = flags & FILE_ATTRIBUTE_READONLY != 0 ? 0o444 : 0o666
    while true {
      let raw = unsafe Glibc.open(path, options, mode)
      if raw != -1 { return try file(OwnedDescriptor(adopting: raw), empties) }
      let error = SystemError(code: errno, call: "open")
      if error.code == EINTR { continue }
      if error.code == ENOENT && !hasDirectory { throw Failure(ERROR_PATH_NOT_FOUND) }
      throw Failure(error)
    }
  }

  private func file(
    _ descriptor: consuming OwnedDescriptor, _ empties: Bool
  ) throws(Failure) -> DescriptorFile {
    var status = stat()
    let kind = unsafe fstat(descriptor.raw, &status) == 0 ? status.st_mode & S_IFMT : 0
    if kind == S_IFDIR { throw Failure(ERROR_ACCESS_DENIED) }
    if kind == S_IFREG {
      try translating { () throws(SystemError) in try share(descriptor, empties) }
    }
    return DescriptorFile(
      adopting: descriptor, isOverlapped: flags & FILE_FLAG_OVERLAPPED != 0,
      isDeletedOnClose: flags & FILE_FLAG_DELETE_ON_CLOSE != 0, isShared: kind != S_IFREG)
  }

  /// Has the opener refused or announces it, and only then empties the file, which another may have
  /// for itself.
  private func share(
    _ descriptor: borrowing OwnedDescriptor, _ empties: Bool
  ) throws(SystemError) {
    let raw = descriptor.raw
    func begin() throws(SystemError) {
      if !empties { return }
      // The handle itself may not have the right to write.
      let path = "/proc/self/fd/\(raw)"
      OwnedDescriptor(
        adopting: try retrying("open(\(path))") {
          unsafe Glibc.open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        }
      ).close()
    }
    let uses = self.uses
    // Who only asks for attributes disturbs nobody.
    if uses.isEmpty { return try begin() }
    var allowed: FileSharing.Use = []
    if share & FILE_SHARE_READ != 0 { allowed.insert(.reading) }
    if share & FILE_SHARE_WRITE != 0 { allowed.insert(.writing) }
    if share & FILE_SHARE_DELETE != 0 { allowed.insert(.deleting) }
    try FileSharing.announce(descriptor, using: uses, allowing: allowed, then: begin)
  }

  private var uses: FileSharing.Use {
    var uses: FileSharing.Use = []
    if access & FILE_READ_DATA != 0 { uses.insert(.reading) }
    if access & (FILE_WRITE_DATA | FILE_APPEND_DATA) != 0 { uses.insert(.writing) }
    if access & DELETE != 0 || flags & FILE_FLAG_DELETE_ON_CLOSE != 0 { uses.insert(.deleting) }
    return uses
  }

  /// Whether the directory is there that the file would be in.
  private var hasDirectory: Bool {
    guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return true }
    var status = stat()
    return unsafe stat(String(path[..<slash]), &status) == 0
  }
}
