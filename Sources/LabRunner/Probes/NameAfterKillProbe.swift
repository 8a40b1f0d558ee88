internal import IPCSystem
internal import IPCTransport
internal import LabResults

/// What is left of a name after its owner was killed.
///
/// Control: anonymous pipes have no name, a socket file stays and is in the way, a named pipe's
/// name is free.
struct NameAfterKillProbe: Probe {
  let info = ProbeInfo(
    id: "name-after-kill", title: "Name after kill -9",
    question: "Is the name left behind when its owner is killed, and can it be used again at once?",
    method:
      "Reader and writer are killed with SIGKILL. What is new in the directories for names is "
      + "listed; then a new process opens the same name as reader, and must be heard.")

  func claim(of capabilities: Capabilities) -> String { capabilities.nameAfterKill.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let before = names(lab)
    let meeting = try lab.meet(.reader, .writer)
    let (reader, writer) = (meeting.agents[0], meeting.agents[1])
    try reader.open(.reader).orFail()
    try writer.open(.writer).orFail()
    try writer.write("hello").orFail()
    try reader.read().orFail()
    if meeting.reader.address.isEmpty {
      lab.note("there is no address under which another process could find it")
      return .saw(Capabilities.NameAfterKill.noName.rawValue)
    }
    try writer.kill()
    try reader.kill()
    let left = names(lab, meeting.directory).subtracting(before).sorted()
    lab.note(left.isEmpty ? "no new file is left" : "left: \(left.joined(separator: ", "))")

    let heir = try lab.start("new reader", at: meeting.addressOnly(.reader))
    let stranger = try lab.start("new writer", at: meeting.addressOnly(.writer))
    guard try heir.open(.reader).failure == nil else {
      return .saw(Capabilities.NameAfterKill.left.rawValue)
    }
    guard try stranger.open(.writer).failure == nil, try stranger.write("again").failure == nil,
      try heir.read().text == "again"
    else { throw LabError("the name could be opened again, but nothing came through") }
    return .saw(Capabilities.NameAfterKill.usable.rawValue)
  }

  /// Everything under which a process could find something: scratch files (without those that the
  /// lab itself keeps there), names of named pipes, shared memory objects and message queues.
  private func names(_ lab: ProbeLab, _ scratch: String? = nil) -> Set<String> {
    var found: Set<String> = []
    if let scratch {
      found = Set(
        files(in: scratch, depth: 3).map { String($0.dropFirst(scratch.count + 1)) }
          .filter { $0 != ".lock" && !$0.hasPrefix("mq%") })
    }
    let runtime = lab.runtime.path
    found.formUnion(files(in: runtime, depth: 3).filter { !$0.hasPrefix(runtime + "/run") })
    found.formUnion(files(in: "/dev/shm", depth: 1).filter { $0.contains("ipclab") })
    found.formUnion(files(in: "/dev/mqueue", depth: 1).filter { $0.contains("ipclab") })
    return found
  }

  private func files(in directory: String, depth: Int) -> [String] {
    DirectoryListing.names(in: directory).flatMap { name -> [String] in
      let path = directory + "/" + name
      return [path] + (depth > 1 ? files(in: path, depth: depth - 1) : [])
    }
  }
}
