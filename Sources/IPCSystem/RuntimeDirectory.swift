internal import CIPCShims
internal import Glibc
internal import Synchronization

/// The directory under which every name lives that another process finds: sockets, FIFOs, locks.
///
/// `$IPCLAB_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/ipclab`, else `/tmp/ipclab-<uid>`. It is created
/// with mode 0700 and refused when it belongs to somebody else or is a symbolic link: whoever
/// controls it could put a socket of their own in the place of a server's.
public struct RuntimeDirectory: Sendable {
  /// Absolute path, without a slash at the end.
  public let path: String
  /// Absolute path of the directory for names that processes of other users find too; see
  /// ``SharedNames``. It need not exist.
  public let sharedPath: String

  /// Opens the directory of this user, creating it when it is missing.
  ///
  /// Names for other users are then in `$IPCLAB_SHARED_DIR`, else in `/tmp/ipclab-shared`, where all
  /// users meet, or beside the directory when `IPCLAB_RUNTIME_DIR` chose that.
  ///
  /// - Throws: `EPERM` when the directory belongs to another user, is open to others, or is not a
  ///   directory of its own.
  public static func open() throws(SystemError) -> RuntimeDirectory {
    if let chosen = variable("IPCLAB_RUNTIME_DIR") {
      return try RuntimeDirectory(verifying: chosen)
    }
    let shared = variable("IPCLAB_SHARED_DIR") ?? "/tmp/ipclab-shared"
    if let base = variable("XDG_RUNTIME_DIR") {
      return try RuntimeDirectory(verifying: base + "/ipclab", shared: shared)
    }
    return try RuntimeDirectory(verifying: "/tmp/ipclab-\(getuid())", shared: shared)
  }

  /// Opens the directory at `path`, creating it (but not its parents) when it is missing.
  ///
  /// A relative path counts from the working directory of this moment.
  ///
  /// - Parameter shared: Where names for other users are; `nil` takes `$IPCLAB_SHARED_DIR`, else the
  ///   path with `.shared` behind it.
  public init(verifying path: String, shared: String? = nil) throws(SystemError) {
    let path = try Self.absolute(path)
    try Self.makeDirectory(path)
    var status = stat()
    try checked("lstat(\(path))") { unsafe lstat(path, &status) }
    guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
      status.st_mode & 0o077 == 0
    else { throw SystemError(code: EPERM, call: "runtime directory \(path)") }
    self.path = path
    sharedPath = try Self.absolute(
      shared ?? Self.variable("IPCLAB_SHARED_DIR") ?? path + ".shared")
  }

  /// A directory below this one for a purpose of its own, created with mode 0700 when missing.
  public func subdirectory(_ name: String) throws(SystemError) -> RuntimeDirectory {
    try RuntimeDirectory(verifying: path + "/" + name, shared: sharedPath)
  }

  private static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// The path from the root, for processes with another working directory, and without a slash at
  /// the end: with one, `lstat(2)` would follow a symbolic link.
  private static func absolute(_ path: String) throws(SystemError) -> String {
    var whole = path
    if !path.hasPrefix("/") {
      guard let current = unsafe getcwd(nil, 0) else { throw lastError("getcwd") }
      defer { unsafe free(current) }
      whole = unsafe String(cString: current) + "/" + path
    }
    while whole.count > 1, whole.hasSuffix("/") { whole.removeLast() }
    return whole
  }

  private static func makeDirectory(_ path: String) throws(SystemError) {
    do { try checked("mkdir(\(path))") { unsafe mkdir(path, 0o700) } } catch {
      if error.code != EEXIST { throw error }
    }
  }
}

/// A scratch directory for the names of one run, which vanishes with the run, also after kill -9.
///
/// The directory holds a file that its owner keeps locked (`flock(2)`), and the kernel drops that
/// lock when the owner dies. ``sweep(below:)`` removes every directory whose lock is free. Objects that
/// live outside the file system (POSIX message queues) are recorded here before they are made, so
/// that the sweep finds them too.
public final class ScratchDirectory: Sendable {
  /// Absolute path of the directory.
  public let path: String
  /// The locked descriptor; -1 once the directory was removed.
  private let lock: Atomic<Int32>

  /// Creates a scratch directory below `runtime`, after sweeping what dead owners left there.
  public init(in runtime: RuntimeDirectory) throws(SystemError) {
    let home = try runtime.subdirectory("run")
    Self.sweep(home)
    // The home directory's own lock keeps a concurrent sweep from taking a directory that has been
    // made and is not locked yet.
    let guardian = try FileLock.acquire(home.path + "/.lock")
    var number = Int(getpid())
    while true {
      let candidate = home.path + "/" + String(number, radix: 36)
      if unsafe mkdir(candidate, 0o700) == 0 {
        path = candidate
        break
      }
      if errno != EEXIST { throw lastError("mkdir(\(candidate))") }
      number += 1_000_003
    }
    let own = try FileLock.acquire(path + "/.lock")
    try? own.write("\(getpid())")
    lock = Atomic(own.release())
    _ = consume guardian
  }

  deinit { remove() }

  /// Removes the directory and what is in it. Safe to call twice.
  public func remove() {
    let held = lock.exchange(-1, ordering: .acquiringAndReleasing)
    if held == -1 { return }
    Self.removeTree(path)
    _ = close(held)
  }

  /// Notes that a POSIX message queue of this name may exist, before it is created.
  public func recordMessageQueue(_ name: String) throws(SystemError) {
    try Self.touch(path + "/mq" + name.replacing("/", with: "%"))
  }

  /// Removes what runs whose owner is dead have left below `runtime`.
  ///
  /// - Returns: The directories that were removed.
  @discardableResult
  public static func sweep(below runtime: RuntimeDirectory) throws(SystemError) -> [String] {
    sweep(try runtime.subdirectory("run"))
  }

  /// Removes what runs whose owner is dead have left in `home`.
  @discardableResult
  private static func sweep(_ home: RuntimeDirectory) -> [String] {
    guard let guardian = try? FileLock.acquire(home.path + "/.lock") else { return [] }
    var removed: [String] = []
    for name in names(in: home.path) where name != ".lock" {
      let directory = home.path + "/" + name
      guard unsafe access(directory + "/.lock", F_OK) == 0 else {
        // A run that was killed before it had its lock leaves nothing else. What is not empty is
        // somebody else's.
        unsafe _ = rmdir(directory)
        continue
      }
      guard let lock = try? FileLock.tryAcquire(directory + "/.lock") else { continue }
      removeTree(directory)
      removed.append(directory)
      _ = consume lock
    }
    _ = consume guardian
    return removed
  }

  /// What is there of a run.
  public struct Survey: Sendable {
    /// Its directory.
    public let path: String
    /// The process that it belongs to; 0 when that cannot be told.
    public let pid: Int32
    /// Whether that is alive.
    public let isAlive: Bool
  }

  /// Looks at the runs below `runtime`, without changing anything; also says what is no run's.
  public static func survey(
    below runtime: RuntimeDirectory
  ) -> (runs: [Survey], foreign: [SurveyedPath]) {
    let home = runtime.path + "/run"
    guard unsafe access(home + "/.lock", F_OK) == 0,
      let guardian = try? FileLock.acquire(home + "/.lock")
    else { return ([], []) }
    var (runs, foreign): ([Survey], [SurveyedPath]) = ([], [])
    for name in names(in: home).sorted() where name != ".lock" {
      let path = home + "/" + name
      guard unsafe access(path + "/.lock", F_OK) == 0 else {
        foreign.append(SurveyedPath(path: path, what: "not made by ipclab"))
        continue
      }
      let isAlive: Bool
      do { isAlive = try FileLock.tryAcquire(path + "/.lock") == nil } catch { continue }
      runs.append(
        Survey(
          path: path, pid: (try? FileLock.readNumber(path + "/.lock")) ?? 0, isAlive: isAlive))
    }
    _ = consume guardian
    return (runs, foreign)
  }

  /// Removes a directory, its lock file last: who is killed in the middle leaves what a sweep takes.
  private static func removeTree(_ directory: String) {
    for name in names(in: directory) where name != ".lock" {
      if name.hasPrefix("mq%") {
        unsafe _ = cipc_mq_unlink("/" + name.dropFirst(3).replacing("%", with: "/"))
      }
      let entry = directory + "/" + name
      if unsafe unlink(entry) == -1 && (errno == EISDIR || errno == EPERM) { removeTree(entry) }
    }
    unsafe _ = unlink(directory + "/.lock")
    unsafe _ = rmdir(directory)
  }

  private static func names(in directory: String) -> [String] {
    DirectoryListing.names(in: directory)
  }

  private static func touch(_ path: String) throws(SystemError) {
    let raw = try checked("open(\(path))") {
      unsafe open(path, O_CREAT | O_CLOEXEC | O_WRONLY, 0o600)
    }
    _ = close(raw)
  }
}

/// Names in a directory.
public enum DirectoryListing {
  /// The entries of a directory without `.` and `..`, in no order; empty when it cannot be read.
  public static func names(in directory: String) -> [String] {
    guard let stream = unsafe opendir(directory) else { return [] }
    defer { unsafe _ = closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}

/// An exclusive lock on a file, held until it goes away or its process dies. Wraps `flock(2)`.
public struct FileLock: ~Copyable, Sendable {
  private let file: OwnedDescriptor
  /// The locked file, for calls in this module that look at it.
  var raw: Int32 { file.raw }

  /// Locks the file at `path`, creating it when it is missing, and waits for another holder.
  public static func acquire(_ path: String) throws(SystemError) -> FileLock {
    let file = try openFile(path)
    let raw = file.raw
    try retrying("flock(\(path))") { flock(raw, LOCK_EX) }
    return FileLock(file: file)
  }

  /// Locks the file if nobody holds it; `nil` when somebody does.
  public static func tryAcquire(_ path: String) throws(SystemError) -> FileLock? {
    let file = try openFile(path)
    let raw = file.raw
    do { try retrying("flock(\(path))") { flock(raw, LOCK_EX | LOCK_NB) } } catch {
      if error.code == EWOULDBLOCK { return nil }
      throw error
    }
    return FileLock(file: file)
  }

  /// Hands the locked descriptor over; closing it unlocks.
  public consuming func release() -> Int32 { file.release() }

  private static func openFile(_ path: String) throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(
      adopting: try checked("open(\(path))") {
        unsafe open(path, O_CREAT | O_CLOEXEC | O_RDWR | O_NOFOLLOW, 0o600)
      })
  }
}
