internal import Glibc
internal import IPCSystem

/// What programs have left behind, by name.
struct Leftovers {
  var processes: [String] = []
  var objects: [String] = []
  var all: [String] { processes + objects }

  /// Looks for processes that belong to none of the programs that still run; what is about to end
  /// gets a moment for it.
  mutating func findProcesses(excusing programs: [Program], in containment: Containment) {
    let end = Deadline.after(.milliseconds(500))
    while true {
      let table = ProcessTable.below(getpid(), in: containment)
      let running = Set(programs.filter(\.isRunning).map(\.pid))
      let excused = running.union(table.descendants(of: running).map(\.pid))
      let own = getsid(0)
      // The reference's own children, if it has any, are in this process's session.
      let left = table.entries.filter {
        !$0.isZombie && !excused.contains($0.pid) && $0.session != own
      }
      processes = left.prefix(20).map { ProcessTable.name(of: $0.pid) }
      if left.isEmpty || end.hasPassed { return }
      usleep(5000)
    }
  }

  /// Looks for memory, queues and files outside the check's directory. Only where everything there
  /// is belongs to this check.
  mutating func findObjects(_ order: CheckOrder) {
    for name in DirectoryListing.names(in: "/dev/shm") where !isVisible("/dev/shm/" + name, order) {
      objects.append("shared memory /dev/shm/\(name)")
    }
    for name in DirectoryListing.names(in: "/dev/mqueue") {
      objects.append("message queue /\(name)")
    }
    for (file, kind) in [("shm", "shared memory"), ("sem", "semaphores"), ("msg", "queue")] {
      let lines = SmallFile.read("/proc/sysvipc/\(file)")?.split(separator: "\n").dropFirst() ?? []
      for line in lines {
        let words = line.split(separator: " ")
        if words.count > 1 { objects.append("System V \(kind) with key \(words[0])") }
      }
    }
    for directory in ["/tmp", "/var/tmp"] {
      for name in DirectoryListing.names(in: directory) {
        let path = directory + "/" + name
        if path != "/tmp/check" && !isVisible(path, order) {
          objects.append("temporary file \(path)")
        }
      }
    }
    objects = objects.sorted().prefix(20).map { Escaped.plain($0.utf8) }
  }

  private func isVisible(_ path: String, _ order: CheckOrder) -> Bool {
    (order.visible + order.hidden).contains { $0 == path || $0.isBelow(path) }
  }
}
