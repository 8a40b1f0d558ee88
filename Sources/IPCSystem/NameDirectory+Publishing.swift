internal import Glibc

/// Who may see a name, and connect to what listens there. The kernel enforces it.
public enum NameVisibility: Sendable, Hashable {
  /// This user.
  case owner
  /// The members of a group, by number, and this user.
  case group(UInt32)
  /// Everybody.
  case everyone

  fileprivate func mode(_ owner: mode_t, _ group: mode_t, _ everyone: mode_t) -> mode_t {
    switch self {
    case .owner: owner
    case .group: group
    case .everyone: everyone
    }
  }
}

extension NameDirectory {
  /// Lets others see the directory and read `files` in it. Call it with the directory locked.
  ///
  /// The locks stay this user's: who could lock them could keep a name alive, or block it.
  ///
  /// - Throws: `EPERM` for a group that this process is not a member of.
  public func publish(_ visibility: NameVisibility, files: [String]) throws(SystemError) {
    for file in files {
      try Self.permit(path + "/" + file, visibility, visibility.mode(0o600, 0o640, 0o644))
    }
    try Self.permit(path, visibility, visibility.mode(0o700, 0o750, 0o755))
  }

  /// Makes `socket` listen at a file of this directory, which appears when clients may connect: with
  /// its permissions, and listening.
  public func listen(
    _ socket: Int32, at name: String, _ visibility: NameVisibility, backlog: Int32
  ) throws(SystemError) {
    let draft = name + ".new"
    try bind(socket, to: draft)
    do throws(SystemError) {
      let file = path + "/" + draft
      if visibility != .owner {
        try Self.permit(file, visibility, visibility.mode(0o600, 0o660, 0o666))
      }
      try LocalSocket.listen(socket, backlog: backlog)
      let final = path + "/" + name
      try checked("rename(\(final))") { unsafe rename(file, final) }
    } catch {
      remove(draft)
      throw error
    }
  }

  /// Gives a file its group and its mode. Nobody else can write in the directory, so there is no
  /// link to somewhere else that this could follow.
  private static func permit(
    _ file: String, _ visibility: NameVisibility, _ mode: mode_t
  ) throws(SystemError) {
    if case .group(let group) = visibility {
      try checked("chown(\(file))") { unsafe chown(file, uid_t.max, group) }
    }
    try checked("chmod(\(file))") { unsafe chmod(file, mode) }
  }

  /// Reads the first `count` bytes of a file that somebody else may have made; fewer when it is
  /// shorter.
  ///
  /// It is not mapped: its owner could cut it short, and touching it would then end this process.
  ///
  /// - Throws: `EINVAL` when it is no plain file.
  public func read(_ name: String, upTo count: Int) throws(SystemError) -> [UInt8] {
    let full = path + "/" + name
    let file = OwnedDescriptor(
      adopting: try checked("open(\(full))") {
        unsafe open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
      })
    let raw = file.raw
    var status = stat()
    try checked("fstat(\(full))") { unsafe fstat(raw, &status) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SystemError(code: EINVAL, call: "open(\(full))")
    }
    var bytes = [UInt8](repeating: 0, count: count)
    let length = try retrying("pread(\(full))") { unsafe pread(raw, &bytes, count, 0) }
    bytes.removeLast(count - length)
    return bytes
  }
}

/// A directory held open, so that a path through the descriptor leads to it and nowhere else,
/// whatever others do to the name by which it was found.
final class DirectoryAnchor: Sendable {
  /// Where it was found.
  let origin: String
  /// The user it belongs to.
  let uid: UInt32
  private let descriptor: OwnedDescriptor

  /// Opens the directory at `origin`, and no link.
  ///
  /// - Throws: `ENOENT`, `ENOTDIR`; `EACCES` when this user may not look into it; `EPERM` when it
  ///   belongs to somebody else than `uid`, or others than its owner may write to it.
  init(_ origin: String, ownedBy uid: UInt32) throws(SystemError) {
    let opened = OwnedDescriptor(
      adopting: try checked("open(\(origin))") {
        unsafe open(origin, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      })
    let raw = opened.raw
    var status = stat()
    try checked("fstat(\(origin))") { unsafe fstat(raw, &status) }
    guard status.st_uid == uid, status.st_mode & 0o022 == 0 else {
      throw SystemError(code: EPERM, call: "open(\(origin))")
    }
    self.origin = origin
    self.uid = uid
    descriptor = opened
  }

  /// The path through the descriptor.
  var path: String { "/proc/self/fd/\(descriptor.raw)" }

  /// Whether the directory has not been removed.
  var isLinked: Bool {
    var status = stat()
    return unsafe fstat(descriptor.raw, &status) == 0 && status.st_nlink > 0
  }
}
