internal import Glibc

/// Names of one mechanism that processes of other users find too.
///
/// All users' names are in one directory, ``RuntimeDirectory/sharedPath``, in which everybody may make
/// entries and nobody may touch another's (mode 01777, as `/tmp`). A name has a directory for each
/// user who serves it, called after the hash of the name and the user's number; it counts when it
/// belongs to that user. So users can neither take each other's names nor pass for each other.
///
/// The directory is made by whoever needs it first. Between users who do not trust each other, an
/// administrator makes it ahead: the owner of a directory can remove what others have in it.
public struct SharedNames: Sendable {
  private let root: String
  private let kind: String
  private let home: RuntimeDirectory
  private var uid: UInt32 { geteuid() }

  /// Names of the mechanism `kind`. Nothing is made or looked at yet.
  public init(_ kind: String, in runtime: RuntimeDirectory) {
    root = runtime.sharedPath
    self.kind = kind
    home = runtime
  }

  // MARK: - This user's

  /// This user's directory of `name`; `nil` when there is none.
  ///
  /// - Throws: `EMFILE` and the like.
  public func directory(of name: String) throws(SystemError) -> NameDirectory? {
    if let directory = try own(path(of: name, uid)) { return directory }
    for entry in entries(of: name) where entry.uid == uid {
      if let directory = try own(root + "/" + entry.name) { return directory }
    }
    return nil
  }

  /// The directory at `path` if it is this user's.
  private func own(_ path: String) throws(SystemError) -> NameDirectory? {
    do { return NameDirectory(try DirectoryAnchor(path, ownedBy: uid)) } catch {
      if [EMFILE, ENFILE, ENOMEM].contains(error.code) { throw error }
      return nil
    }
  }

  /// Runs `body` with this user's directory of `name` locked.
  ///
  /// - Parameter creating: Whether to make the directory when it is missing, for this user only; see
  ///   ``NameDirectory/publish(_:files:)``.
  /// - Returns: What `body` returns, or `nil` when the directory is missing.
  /// - Throws: `EPERM` when the directory for all users is not what it must be.
  public func withName<R: ~Copyable>(
    _ name: String, creating: Bool, _ body: (NameDirectory) throws(SystemError) -> R
  ) throws(SystemError) -> R? {
    // Each turn but the first means that a sweep has removed the directory meanwhile.
    for _ in 0..<1000 {
      if let directory = try directory(of: name) {
        // A server that refuses to use the root must not use what is in it either.
        try verifyRoot()
        let result = try directory.withLock(creating: false) { (directory) throws(SystemError) in
          if creating { directory.label(name) }
          return try body(directory)
        }
        if let result { return result }
      } else if creating {
        try makeRoot()
        try makeDirectory(of: name)
      } else {
        return nil
      }
    }
    throw SystemError(code: EAGAIN, call: "mkdir(\(path(of: name, uid)))")
  }

  /// Removes what this user's dead servers left, and nobody else's.
  public func sweep() {
    for entry in allEntries where entry.uid == uid {
      guard let anchor = try? DirectoryAnchor(root + "/" + entry.name, ownedBy: uid) else {
        continue
      }
      _ = try? NameDirectory(anchor).withLock(creating: false) { (directory) throws(SystemError) in
        directory.removeDeadOwners()
        directory.removeIfUnowned()
      }
    }
  }

  // MARK: - Other users'

  /// What other users have under `name`, in the order of the users' numbers.
  public func foreign(_ name: String) -> [ForeignName] {
    var found: [ForeignName] = []
    for entry in entries(of: name) where entry.uid != uid {
      let path = root + "/" + entry.name
      do throws(SystemError) {
        let anchor = try DirectoryAnchor(path, ownedBy: entry.uid)
        found.append(ForeignName(uid: entry.uid, directory: NameDirectory(anchor)))
      } catch {
        // To say that this user may not is better than to say that there is no such name.
        if error.code == EACCES, Self.owner(of: path) == entry.uid {
          found.append(ForeignName(uid: entry.uid, directory: nil))
        }
      }
    }
    return found
  }

  // MARK: - All

  /// Something in the directory for all users.
  enum Item {
    /// A name of this user's, and its key.
    case own(NameDirectory, key: String)
    /// A name of another user's.
    case foreign(ForeignName, key: String, path: String)
    /// Something else that belongs to this user.
    case unknown(String)
  }

  /// What is in the directory for all users, of this kind. Nobody may have made the directory yet.
  func everything() -> [Item] {
    DirectoryListing.names(in: root).sorted().compactMap { name in
      let path = root + "/" + name
      // The kind is that of a computer's pipes perhaps, and may have hyphens itself.
      let parts = name.split(separator: "-", omittingEmptySubsequences: false)
      guard parts.count >= 3, let key = parts.dropLast().last.map(String.init),
        NameRegistry.looksLikeKey(key),
        let user = UInt32(parts[parts.count - 1].prefix { $0 != "." })
      else { return isMine(path) ? .unknown(path) : nil }
      guard parts.dropLast(2).joined(separator: "-") == kind else { return nil }
      do throws(SystemError) {
        let directory = NameDirectory(try DirectoryAnchor(path, ownedBy: user))
        return user == uid
          ? .own(directory, key: key)
          : .foreign(ForeignName(uid: user, directory: directory), key: key, path: path)
      } catch {
        guard error.code == EACCES, user != uid, Self.owner(of: path) == user else { return nil }
        return .foreign(ForeignName(uid: user, directory: nil), key: key, path: path)
      }
    }
  }

  // MARK: - Inside

  struct Entry {
    let name: String
    let uid: UInt32
  }

  private func path(of name: String, _ uid: UInt32) -> String {
    "\(root)/\(kind)-\(NameRegistry.key(of: name))-\(uid)"
  }

  /// What there is of all names and users.
  var allEntries: [Entry] { entries(prefix: kind + "-") }

  private func entries(of name: String) -> [Entry] {
    entries(prefix: "\(kind)-\(NameRegistry.key(of: name))-")
  }

  /// Entries called `…-<uid>` or `…-<uid>.<anything>`, in the order of users.
  private func entries(prefix: String) -> [Entry] {
    let found = DirectoryListing.names(in: root).compactMap { name -> Entry? in
      guard name.hasPrefix(prefix), let dash = name.lastIndex(of: "-"),
        let uid = UInt32(name[name.index(after: dash)...].prefix { $0 != "." })
      else { return nil }
      return Entry(name: name, uid: uid)
    }
    return found.sorted { ($0.uid, $0.name) < ($1.uid, $1.name) }
  }

  /// Makes this user's directory, unless another process does.
  private func makeDirectory(of name: String) throws(SystemError) {
    let canonical = path(of: name, uid)
    if try Self.make(canonical) { return }
    if try own(canonical) != nil { return }
    // Somebody else sits on its path. A path that cannot be foreseen is as good, once all agree on
    // it: this user's processes make it one after the other.
    let homePath = home.path
    let lock = OwnedDescriptor(
      adopting: try checked("open(\(homePath))") {
        unsafe open(homePath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      })
    let raw = lock.raw
    try retrying("flock(\(homePath))") { flock(raw, LOCK_EX) }
    if try directory(of: name) == nil {
      _ = try Self.make(canonical + "." + String(UInt64.random(in: .min ... .max), radix: 36))
    }
    _ = consume lock
  }

  /// - Returns: Whether the directory was missing and was made.
  private static func make(_ path: String) throws(SystemError) -> Bool {
    do { try checked("mkdir(\(path))") { unsafe mkdir(path, 0o700) } } catch {
      if error.code == EEXIST { return false }
      throw error
    }
    return true
  }

  private func isMine(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && status.st_uid == uid
  }

  private static func owner(of path: String) -> UInt32? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
    return status.st_uid
  }

  /// Makes the directory for all users when it is missing.
  private func makeRoot() throws(SystemError) {
    let path = root
    if unsafe access(path, F_OK) != 0 {
      // It gets its name when it has its mode: others come at once.
      let draft = "\(path).\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))"
      try checked("mkdir(\(draft))") { unsafe mkdir(draft, 0o700) }
      if unsafe chmod(draft, 0o1777) != 0 || rename(draft, path) != 0 { unsafe rmdir(draft) }
    }
    try verifyRoot()
  }

  private func verifyRoot() throws(SystemError) {
    let path = root
    var status = stat()
    try checked("lstat(\(path))") { unsafe lstat(path, &status) }
    let isOurs = status.st_uid == uid || status.st_uid == 0
    guard status.st_mode & S_IFMT == S_IFDIR,
      status.st_mode & S_ISVTX != 0 || isOurs && status.st_mode & 0o022 == 0
    else { throw SystemError(code: EPERM, call: "shared directory \(path)") }
  }
}
