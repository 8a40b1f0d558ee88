internal import Glibc

/// Names of one mechanism that any process of this user finds, and that die with their owners.
///
/// Every name has a directory below the registry's, called after a hash of the case-folded name: any
/// name fits, whatever its length and characters. In it, each owner of the name (a server instance)
/// keeps a file locked for as long as it lives; the kernel drops that lock when the process dies.
/// What belongs to an owner starts with the owner's number, so what a dead one left is recognised
/// and removed. The directory goes with its last owner.
///
/// Everything that changes a directory happens under a lock in it (``withName(_:creating:_:)``).
public struct NameRegistry: Sendable {
  let home: RuntimeDirectory

  /// Opens the registry called `kind` below a runtime directory, creating it when it is missing.
  public init(_ kind: String, in runtime: RuntimeDirectory) throws(SystemError) {
    home = try runtime.subdirectory(kind)
  }

  /// The directory of `name`, whether it exists or not.
  public func directory(of name: String) -> NameDirectory {
    NameDirectory(path: home.path + "/" + Self.key(of: name))
  }

  /// Runs `body` with the directory of `name` locked.
  ///
  /// - Parameter creating: Whether to make the directory when it is missing.
  /// - Returns: What `body` returns, or `nil` when the directory is missing.
  public func withName<R: ~Copyable>(
    _ name: String, creating: Bool, _ body: (NameDirectory) throws(SystemError) -> R
  ) throws(SystemError) -> R? {
    try directory(of: name).withLock(creating: creating) { directory throws(SystemError) in
      if creating { directory.label(name) }
      return try body(directory)
    }
  }

  /// Removes what dead owners left, and the directories in which nobody is alive. What is no name is
  /// left alone.
  public func sweep() {
    for entry in DirectoryListing.names(in: home.path) where Self.looksLikeKey(entry) {
      let directory = NameDirectory(path: home.path + "/" + entry)
      _ = try? directory.withLock(creating: false) { directory throws(SystemError) in
        directory.removeDeadOwners()
        directory.removeIfUnowned()
      }
    }
  }

  /// The file name for `name`: FNV-1a, 128 bits, of its lower-case form.
  static func key(of name: String) -> String { hash(of: name.lowercased()) }

  /// FNV-1a, 128 bits, in hexadecimal digits.
  static func hash(of text: String) -> String {
    let prime = UInt128(1) << 88 | 0x13b
    var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    for byte in text.utf8 { hash = (hash ^ UInt128(byte)) &* prime }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }
}

/// The directory of one name.
public struct NameDirectory: Sendable {
  /// Absolute path; of the open descriptor, where the directory has one.
  public let path: String
  /// What keeps the directory the same whatever becomes of its path.
  private let anchor: DirectoryAnchor?

  private static let lockName = "lock"
  private static let ownerSuffix = ".owner"
  private static let serverSuffix = ".server"

  init(path: String) {
    self.path = path
    anchor = nil
  }

  init(_ anchor: DirectoryAnchor) {
    path = anchor.path
    self.anchor = anchor
  }

  /// Where the directory was found.
  public var place: String { anchor?.origin ?? path }

  /// Runs `body` with the directory locked against every other process and thread.
  ///
  /// - Returns: `nil` when the directory is missing and is not to be created.
  public func withLock<R: ~Copyable>(
    creating: Bool, _ body: (NameDirectory) throws(SystemError) -> R
  ) throws(SystemError) -> R? {
    while true {
      if creating { try make() }
      if let lock = try lockIfPresent() {
        do throws(SystemError) {
          let result = try body(self)
          _ = consume lock
          return result
        } catch {
          // What could not be made leaves nothing behind. Nobody else is here as long as the lock is.
          if creating && lock.isLinked {
            removeDeadOwners()
            removeIfUnowned()
          }
          throw error
        }
      }
      // Somebody else has removed the directory, or is about to.
      if !creating && !exists { return nil }
    }
  }

  private func make() throws(SystemError) {
    do { try checked("mkdir(\(path))") { unsafe mkdir(path, 0o700) } } catch {
      if error.code != EEXIST { throw error }
    }
  }

  /// Locks the directory; `nil` when it was removed, perhaps while we waited for the lock.
  private func lockIfPresent() throws(SystemError) -> FileLock? {
    do {
      let lock = try FileLock.acquire(path + "/" + Self.lockName)
      if !lock.isLinked { return nil }
      return lock
    } catch {
      if error.code == ENOENT { return nil }
      throw error
    }
  }

  /// An entry of the directory that belongs to an owner: `<owner>.<rest>`.
  public struct Entry: Sendable {
    /// The owner's number.
    public let owner: Int
    /// What follows the number and the dot.
    public let rest: Substring
    /// The whole file name.
    public let name: String
  }

  /// What owners keep here, in no order.
  public func entries() -> [Entry] {
    DirectoryListing.names(in: path).compactMap { name in
      guard let dot = name.firstIndex(of: "."), let owner = Int(name[..<dot]) else { return nil }
      return Entry(owner: owner, rest: name[name.index(after: dot)...], name: name)
    }
  }

  /// The file that an owner keeps locked.
  func ownerFile(_ number: Int) -> String { path + "/\(number)" + Self.ownerSuffix }

  /// Makes the caller an owner. Call it with the directory locked.
  ///
  /// - Returns: The owner's number, and the lock that it must keep.
  public func addOwner() throws(SystemError) -> NameOwner {
    let number = (entries().map(\.owner).max() ?? 0) + 1
    let file = ownerFile(number)
    let lock = try FileLock.acquire(file)
    do throws(SystemError) { try lock.write("\(getpid())") } catch {
      unsafe unlink(file)
      throw error
    }
    if anchor != nil {
      // The name of the file says it all: others may see it, and need not open it.
      let entry = path + "/\(number).\(ServerProcess.own.text)" + Self.serverSuffix
      do throws(SystemError) {
        OwnedDescriptor(
          adopting: try checked("open(\(entry))") {
            unsafe open(entry, O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0o600)
          }
        ).close()
      } catch {
        unsafe unlink(file)
        throw error
      }
    }
    return NameOwner(directory: self, number: number, lock: lock)
  }

  /// The processes of living owners as they are seen by another user, who cannot try the locks; by
  /// owner's number.
  func publishedServers() -> [Int: ServerProcess] {
    var servers: [Int: ServerProcess] = [:]
    for entry in entries() where entry.rest.hasSuffix(Self.serverSuffix) {
      servers[entry.owner] = ServerProcess(entry.rest.dropLast(Self.serverSuffix.count))
    }
    return servers
  }

  /// Whether there is such a directory at this moment.
  public var exists: Bool {
    if let anchor { return anchor.isLinked }
    return unsafe access(path, F_OK) == 0
  }

  /// Process ids of the owners that are alive. Call it with the directory locked.
  public func livingOwners() -> [Int32] {
    entries().compactMap { entry in
      guard Self.ownerSuffix.dropFirst() == entry.rest, isAlive(entry) else { return nil }
      return process(of: entry)
    }
  }

  /// How many owners are alive.
  public func countLivingOwners() -> Int {
    let count = try? withLock(creating: false) { (directory) throws(SystemError) in
      directory.livingOwners().count
    }
    return count ?? 0
  }

  /// Removes everything that belongs to dead owners. Call it with the directory locked.
  ///
  /// - Returns: Process ids of the owners that are alive.
  @discardableResult
  public func removeDeadOwners() -> [Int32] {
    let all = entries()
    let alive = all.filter { Self.ownerSuffix.dropFirst() == $0.rest && isAlive($0) }
    let numbers = Set(alive.map(\.owner))
    for entry in all where !numbers.contains(entry.owner) { remove(entry.name) }
    return alive.compactMap(process)
  }

  /// The process of a living owner.
  private func process(of owner: Entry) -> Int32? {
    let file = path + "/" + owner.name
    if NameOwner.ofThisProcess.withLock({ $0.contains(file) }) { return getpid() }
    return (try? FileLock.readNumber(file)) ?? nil
  }

  /// Removes the directory when nobody owns the name. Call it with the directory locked.
  ///
  /// - Returns: Whether it was removed.
  @discardableResult
  public func removeIfUnowned() -> Bool {
    if entries().contains(where: { Self.ownerSuffix.dropFirst() == $0.rest }) { return false }
    for name in DirectoryListing.names(in: path) where name != Self.lockName {
      unsafe unlink(path + "/" + name)
    }
    // The lock last: until it is gone, nobody else makes anything here.
    unsafe unlink(path + "/" + Self.lockName)
    // Never follows a link, and takes empty directories only.
    unsafe rmdir(anchor?.origin ?? path)
    return true
  }

  /// Removes one entry.
  public func remove(_ name: String) { unsafe unlink(path + "/" + name) }

  /// Whether the owner of this lock file is alive. Taking the lock for a moment is harmless: owners
  /// take theirs with the directory locked, as we have it.
  func isAlive(_ entry: Entry) -> Bool {
    if NameOwner.ofThisProcess.withLock({ $0.contains(path + "/" + entry.name) }) { return true }
    do { return try FileLock.tryAcquire(path + "/" + entry.name) == nil } catch { return true }
  }

  /// Binds a socket to a file of this directory.
  public func bind(_ socket: Int32, to name: String) throws(SystemError) {
    try withSocketPath(name) { path throws(SystemError) in
      try LocalSocket.bind(socket, to: path)
    }
  }

  /// Connects to a socket of this directory without waiting.
  ///
  /// - Throws: `ENOENT` and `ECONNREFUSED` when nobody listens, `EAGAIN` when no more clients are
  ///   admitted now.
  public func connect(_ socket: Int32, to name: String) throws(SystemError) {
    try Descriptors.setNonblocking(socket, true)
    try withSocketPath(name) { path throws(SystemError) in
      try LocalSocket.connect(socket, to: path)
    }
    try Descriptors.setNonblocking(socket, false)
  }

  /// Socket paths end at 107 bytes; a longer one is reached through a descriptor.
  private func withSocketPath(
    _ name: String, _ body: (String) throws(SystemError) -> Void
  ) throws(SystemError) {
    let full = path + "/" + name
    if full.utf8.count <= LocalSocket.longestPath { return try body(full) }
    let directory = OwnedDescriptor(
      adopting: try checked("open(\(path))") {
        unsafe open(path, O_DIRECTORY | O_CLOEXEC | O_RDONLY)
      })
    try body("/proc/self/fd/\(directory.raw)/\(name)")
    _ = consume directory
  }

  /// Opens a file of this directory, at least `size` bytes long, and maps that many.
  public func map(
    _ name: String, size: Int, creating: Bool
  ) throws(SystemError) -> SharedMapping {
    let full = path + "/" + name
    let file = OwnedDescriptor(
      adopting: try checked("open(\(full))") {
        unsafe open(full, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (creating ? O_CREAT : 0), 0o600)
      })
    let raw = file.raw
    var status = stat()
    try checked("fstat") { unsafe fstat(raw, &status) }
    if status.st_size < size {
      guard creating else { throw SystemError(code: EINVAL, call: "fstat(\(full))") }
      try SmallFile.extend(file, to: size)
    }
    return try SharedMapping(mapping: file, size: size)
  }
}

/// One owner of a name. When it goes away, its files go, and with the last owner the name.
public struct NameOwner: ~Copyable, Sendable {
  /// The name's directory.
  public let directory: NameDirectory
  /// The owner's number.
  public let number: Int
  private let lock: FileLock

  /// Files of the owners of this process, which are alive without a look: a server with hundreds of
  /// instances would otherwise ask the kernel for each of them whenever it makes another.
  static let ofThisProcess = Locked<Set<String>>([])

  init(directory: NameDirectory, number: Int, lock: consuming FileLock) {
    self.directory = directory
    self.number = number
    self.lock = lock
    let file = directory.ownerFile(number)
    Self.ofThisProcess.withLock { _ = $0.insert(file) }
  }

  /// Says something of this owner to whoever looks at the name: a few words, which replace the last.
  public borrowing func note(_ words: String) throws(SystemError) {
    try lock.overwrite(with: "\(getpid()) \(words)")
  }

  deinit {
    let prefix = number
    let file = directory.ownerFile(number)
    Self.ofThisProcess.withLock { _ = $0.remove(file) }
    _ = try? directory.withLock(creating: false) { directory throws(SystemError) in
      for entry in directory.entries() where entry.owner == prefix { directory.remove(entry.name) }
      directory.removeIfUnowned()
    }
  }
}

extension FileLock {
  /// Whether the locked file still has a name.
  var isLinked: Bool {
    var status = stat()
    return unsafe fstat(raw, &status) == 0 && status.st_nlink > 0
  }

  /// Replaces the file's contents.
  ///
  /// A new file is not truncated: ext4 writes one that was to the disk when it is closed, which takes
  /// a millisecond, also when it was removed before.
  func write(_ text: String) throws(SystemError) {
    let raw = self.raw
    var status = stat()
    try checked("fstat") { unsafe fstat(raw, &status) }
    if status.st_size > 0 { try checked("ftruncate") { ftruncate(raw, 0) } }
    let bytes = Array(text.utf8)
    try retrying("pwrite") { unsafe pwrite(raw, bytes, bytes.count, 0) }
  }

  /// Replaces the file's contents, for readers without a lock: it is never seen empty.
  func overwrite(with text: String) throws(SystemError) {
    let raw = self.raw
    var bytes = Array(text.utf8) + [10]
    while bytes.count < Self.noteSize { bytes.append(10) }
    try retrying("pwrite") { unsafe pwrite(raw, bytes, bytes.count, 0) }
  }

  private static let noteSize = 64

  /// The number that the holder wrote into the lock file at `path`, before anything else.
  static func readNumber(_ path: String) throws(SystemError) -> Int32? {
    let file = OwnedDescriptor(
      adopting: try checked("open(\(path))") { unsafe open(path, O_RDONLY | O_CLOEXEC) })
    let raw = file.raw
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = try retrying("read") { unsafe read(raw, &bytes, bytes.count) }
    let text = bytes.prefix(count).prefix { (48...57).contains($0) }
    return Int32(String(decoding: text, as: UTF8.self))
  }
}
