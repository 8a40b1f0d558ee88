internal import CIPCShims
internal import Glibc

/// How a process shuts itself, and all that it starts, off from the rest of the system.
///
/// Most of it is only for a process with a single thread, right after its start, and cannot be
/// undone.
public enum Confinement {
  /// Moves this process to namespaces of its own: user, mounts, IPC, network, and process ids for
  /// those that it starts. Wraps `unshare(2)`.
  ///
  /// - Parameter withUser: Whether a user namespace is among them, in which this user keeps the
  ///   number. Without one, privilege is needed.
  /// - Throws: `EPERM`, `ENOSPC` or `EINVAL` where the system does not allow it.
  public static func leaveNamespaces(withUser: Bool) throws(SystemError) {
    let user = geteuid()
    let group = getegid()
    try checked("unshare") { cipc_unshare_all(withUser ? 1 : 0) }
    guard withUser else { return }
    try overwrite("/proc/self/setgroups", "deny")
    try overwrite("/proc/self/uid_map", "\(user) \(user) 1")
    try overwrite("/proc/self/gid_map", "\(group) \(group) 1")
  }

  /// Wraps `fork(2)`; 0 in the child. Only for a process with one thread.
  public static func fork() throws(SystemError) -> Int32 { try checked("fork") { cipc_fork() } }

  /// Keeps what is mounted from here on from showing elsewhere.
  public static func makeMountsPrivate() throws(SystemError) {
    try checked("mount(MS_PRIVATE)") { cipc_make_mounts_private() }
  }

  /// Mounts a new file system of this type. Wraps `mount(2)`, without devices and set-id programs.
  public static func mount(
    _ type: String, on target: String, options: String = ""
  ) throws(SystemError) {
    try checked("mount(\(type), \(target))") { unsafe cipc_mount(type, target, type, options) }
  }

  /// Shows what is at `source`, and mounted below it, at `target` too.
  public static func bind(_ source: String, on target: String) throws(SystemError) {
    try checked("mount(\(source), \(target))") { unsafe cipc_bind(source, target) }
  }

  /// Makes a mount, or it and all below it, read-only or writable. Wraps `mount_setattr(2)`.
  public static func setReadOnly(
    _ readOnly: Bool, _ path: String, recursive: Bool = false
  ) throws(SystemError) {
    try checked("mount_setattr(\(path))") {
      unsafe cipc_set_read_only(path, recursive ? 1 : 0, readOnly ? 1 : 0)
    }
  }

  /// A descriptor of a place, for ``bind(_:on:)`` once something else hides it.
  public static func openPath(_ path: String) throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try checked("open(\(path))") { unsafe cipc_open_path(path) })
  }

  /// Switches the loopback interface of this network on.
  public static func enableLoopback() throws(SystemError) {
    try checked("ioctl(SIOCSIFFLAGS, lo)") { cipc_loopback_up() }
  }

  /// Gives up every capability, and that programs give new ones.
  public static func dropPrivileges() throws(SystemError) {
    try checked("capset") { cipc_drop_privileges() }
  }

  /// Takes tracing and changing other processes from this one and all that it starts. Wraps
  /// `seccomp(2)`; the calls fail with `EPERM`.
  ///
  /// - Parameter signalsToAll: Whether a signal to every process of this user stays possible.
  public static func forbidMeddling(signalsToAll: Bool) throws(SystemError) {
    try checked("prctl(PR_SET_SECCOMP)") { cipc_forbid_meddling(signalsToAll ? 1 : 0) }
  }

  /// Takes from this process, and all that it starts, writing anywhere but below these directories
  /// and to devices, and signals to processes that it has not started. Wraps
  /// `landlock_restrict_self(2)`. After ``dropPrivileges()``.
  ///
  /// - Throws: `ENOSYS` or `EOPNOTSUPP` where the system has no such thing.
  public static func writeOnly(below directories: [String]) throws(SystemError) {
    let texts = unsafe directories.map { unsafe strdup($0) }
    defer { unsafe texts.forEach { unsafe free($0) } }
    let list = unsafe texts.map { unsafe UnsafePointer($0) }
    try checked("landlock_restrict_self") {
      unsafe cipc_write_only_below(list, Int32(list.count), "/dev")
    }
  }

  /// Makes this process the parent of descendants whose parents end.
  public static func adoptOrphans() throws(SystemError) {
    try checked("prctl(PR_SET_CHILD_SUBREAPER)") { cipc_become_subreaper() }
  }

  /// What a process has only so much of.
  public enum Resource: Sendable {
    /// Seconds of processor time.
    case processorTime
    /// Bytes of a file.
    case fileSize
    /// Bytes of a core dump.
    case coreSize
    /// Open files.
    case openFiles
    /// Bytes of memory that only this process sees.
    case data
    /// Processes of this user.
    case processes
  }

  /// Limits this process and those that it starts from here on. Wraps `setrlimit(2)`.
  public static func limit(_ resource: Resource, to value: Int) throws(SystemError) {
    let number =
      switch resource {
      case .processorTime: CIPC_LIMIT_CPU
      case .fileSize: CIPC_LIMIT_FILE
      case .coreSize: CIPC_LIMIT_CORE
      case .openFiles: CIPC_LIMIT_FILES
      case .data: CIPC_LIMIT_DATA
      case .processes: CIPC_LIMIT_PROCESSES
      }
    try checked("setrlimit") { cipc_set_limit(Int32(number), UInt64(value)) }
  }

  /// Writes a file below `/proc` in one call, as the kernel wants it.
  public static func overwrite(_ path: String, _ text: String) throws(SystemError) {
    let file = OwnedDescriptor(
      adopting: try checked("open(\(path))") { unsafe open(path, O_WRONLY | O_CLOEXEC) })
    let bytes = Array(text.utf8)
    let raw = file.raw
    try checked("write(\(path))") { unsafe Glibc.write(raw, bytes, bytes.count) }
  }
}
