internal import Glibc
internal import IPCSystem

/// What keeps the programs of a check apart from everything else.
enum Containment: String, Codable, Sendable {
  /// Namespaces of their own, which vanish with their first process.
  case namespaces
  /// The check process adopts what its programs leave and ends it.
  case sweep

  /// As reports say it.
  var text: String {
    switch self {
    case .namespaces: "namespaces"
    case .sweep: "process sweep only; IPC and the network are shared with everything else"
    }
  }
}

/// Where a check is: its directories.
struct CheckPlace {
  let work: String
  let names: String
  let temporary: String
  /// Whether programs can write to this place only.
  var isBarred = false
}

/// The steps that shut a check process off. In this order, in a process with one thread.
enum Seclusion {
  /// Directories that everybody may write to, and that are therefore its own.
  static let everybodys = ["/tmp", "/var/tmp", "/dev/shm"]

  /// Goes through all of it.
  ///
  /// - Throws: What the system does not allow.
  static func enter(_ order: CheckOrder, _ containment: Containment) throws -> CheckPlace {
    var place: CheckPlace
    switch containment {
    case .namespaces:
      try arrangeFiles(order)
      try Confinement.enableLoopback()
      place = CheckPlace(work: "/tmp/check/work", names: "/tmp/check/names", temporary: "/tmp")
      try makeDirectory("/tmp/check")
    case .sweep:
      place = CheckPlace(
        work: order.place + "/work", names: order.place + "/names",
        temporary: order.place + "/tmp")
      try makeDirectory(place.temporary)
    }
    try makeDirectory(place.work)
    try makeDirectory(place.names)
    try limit(order.plan.limits)
    try Confinement.dropPrivileges()
    // Not every system lets a process filter its calls; the rest holds all the same. Without a
    // process namespace, a signal to everybody would end everything of this user.
    try? Confinement.forbidMeddling(signalsToAll: containment == .namespaces)
    if containment == .sweep {
      place.isBarred =
        (try? Confinement.writeOnly(below: [order.place, "/dev/shm", "/dev/mqueue"])) != nil
    }
    return place
  }

  /// Puts an empty directory over each that everybody may write to and each that must not be seen,
  /// and brings back what programs need that was below them.
  private static func arrangeFiles(_ order: CheckOrder) throws {
    let hidden = Set(order.hidden.filter(Files.exist))
    let covers = hidden.union(everybodys.filter(Files.exist))
    var holds: [String: Int32] = [:]
    defer { for hold in holds.values { close(hold) } }
    for path in Set(order.visible).subtracting(everybodys)
    where covers.contains(where: { path == $0 || path.isBelow($0) }) {
      // A place that cannot be opened cannot be of use to the programs either.
      if let hold = try? Confinement.openPath(path) { holds[path] = hold.release() }
    }
    try Confinement.makeMountsPrivate()
    // From the root on: what is below covers, or brings back, part of what is above.
    for path in covers.union(holds.keys).sorted(by: { ($0.utf8.count, $0) < ($1.utf8.count, $1) }) {
      if covers.contains(path) {
        try makeDirectories(path)
        try Confinement.mount("tmpfs", on: path, options: "size=256m,mode=1777")
      }
      if let hold = holds[path] {
        try makeTarget(path, hold)
        try Confinement.bind("/proc/self/fd/\(hold)", on: path)
      }
    }
    var own = everybodys.filter { Files.exist($0) && !hidden.contains($0) }
    try Confinement.mount("proc", on: "/proc")
    if (try? Confinement.mount("mqueue", on: "/dev/mqueue")) != nil { own.append("/dev/mqueue") }
    // What follows exists only in some kernels, and each helps without the others.
    try? Confinement.overwrite("/proc/sys/kernel/pid_max", "1024")
    try? Confinement.overwrite("/proc/sys/user/max_user_namespaces", "0")
    try? Confinement.overwrite("/proc/self/oom_score_adj", "1000")
    // The processes' memory below /proc becomes read-only too.
    try Confinement.setReadOnly(true, "/", recursive: true)
    for path in own { try Confinement.setReadOnly(false, path) }
  }

  private static func limit(_ limits: CheckLimits) throws {
    try Confinement.limit(.processorTime, to: limits.processorSeconds)
    try Confinement.limit(.fileSize, to: limits.fileSize)
    try Confinement.limit(.coreSize, to: 0)
    try Confinement.limit(.openFiles, to: 1024)
    try Confinement.limit(.data, to: 8 * limits.memory)
    // The kernel counts all processes of this user here where there is no user namespace, and
    // nothing for user 0.
    try Confinement.limit(.processes, to: 4096)
    // For this process too; it is told by an error.
    _ = Glibc.signal(SIGXFSZ, SIG_IGN)
  }

  /// Makes something to mount on: a directory or a file, as what was there before.
  private static func makeTarget(_ path: String, _ hold: Int32) throws {
    var status = stat()
    try checked("fstat(\(path))") { unsafe fstat(hold, &status) }
    let isDirectory = status.st_mode & S_IFMT == S_IFDIR
    if isDirectory { return try makeDirectories(path) }
    try makeDirectories(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
    if !Files.exist(path) { try Files.write([], to: path) }
  }

  private static func makeDirectories(_ path: String) throws {
    var whole = ""
    for part in path.split(separator: "/") {
      whole += "/" + part
      // What is there may be on a file system that is read-only, which is another error.
      if !Files.exist(whole) { try makeDirectory(whole, 0o755) }
    }
  }

  static func makeDirectory(_ path: String, _ mode: mode_t = 0o700) throws(SystemError) {
    if unsafe mkdir(path, mode) == -1, errno != EEXIST { throw lastError("mkdir(\(path))") }
  }
}

extension String {
  /// Whether this path is in the directory of that path, at any depth.
  func isBelow(_ directory: String) -> Bool { hasPrefix(directory + "/") }
}
