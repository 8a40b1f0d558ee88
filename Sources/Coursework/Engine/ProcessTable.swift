internal import Glibc
internal import IPCSystem

/// The processes that are there, from `/proc`.
struct ProcessTable {
  struct Entry {
    let pid: Int32
    let parent: Int32
    let session: Int32
    let isZombie: Bool
    /// Bytes in memory, those shared with others included.
    let resident: Int
  }

  let entries: [Entry]

  /// Those below `root`, without it: in a process namespace every one, else its descendants.
  static func below(_ root: Int32, in containment: Containment) -> ProcessTable {
    let all = DirectoryListing.names(in: "/proc").compactMap { Int32($0) }.compactMap(entry)
    if containment == .namespaces { return ProcessTable(entries: all.filter { $0.pid != root }) }
    return ProcessTable(entries: ProcessTable(entries: all).descendants(of: [root]))
  }

  /// The descendants of these processes, without themselves.
  func descendants(of roots: Set<Int32>) -> [Entry] {
    var known = roots
    while true {
      let more = entries.filter { known.contains($0.parent) && !known.contains($0.pid) }
      if more.isEmpty { break }
      known.formUnion(more.map(\.pid))
    }
    return entries.filter { known.contains($0.pid) && !roots.contains($0.pid) }
  }

  private static func entry(_ pid: Int32) -> Entry? {
    guard let text = SmallFile.read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")")
    else { return nil }
    // Field 3, the state, is the first behind the name, which may hold anything.
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 21, let parent = Int32(fields[1]), let session = Int32(fields[3]),
      let pages = Int(fields[21])
    else { return nil }
    return Entry(
      pid: pid, parent: parent, session: session, isZombie: fields[0] == "Z" || fields[0] == "X",
      resident: pages * Int(sysconf(Int32(_SC_PAGESIZE))))
  }

  /// Bytes of memory of these processes; memory that several share counts once.
  static func memory(of entries: [Entry]) -> Int {
    entries.reduce(0) { sum, entry in
      let lines = SmallFile.read("/proc/\(entry.pid)/smaps_rollup")?.split(separator: "\n") ?? []
      guard let line = lines.first(where: { $0.hasPrefix("Pss:") }),
        let kilobytes = Int(line.split(separator: " ").dropFirst().first ?? "")
      else { return sum + entry.resident }
      return sum + kilobytes * 1024
    }
  }

  /// A process as a report names it.
  static func name(of pid: Int32) -> String {
    let words = (SmallFile.read("/proc/\(pid)/cmdline") ?? "").split(separator: "\0")
    let command = words.joined(separator: " ")
    return command.isEmpty
      ? "process \(pid)" : "process \(pid): \(Escaped.plain(command.utf8.prefix(120)))"
  }
}
