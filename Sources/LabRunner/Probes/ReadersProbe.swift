internal import IPCTransport
internal import LabResults

/// What two readers of one name get.
///
/// Where a mechanism connects each writer with one reader for good, the readers compete for writers:
/// a second writer shows it.
///
/// Control: pipes let readers compete, mailslots and sockets refuse the second.
struct ReadersProbe: Probe {
  let info = ProbeInfo(
    id: "readers", title: "Two readers",
    question: "What do two readers of one name get?",
    method:
      "A second process opens the reading end while the first has it open. Where it may, both "
      + "read, and two messages are written one after the other; if one reader gets both, a second "
      + "writer writes a third.")

  func claim(of capabilities: Capabilities) -> String { capabilities.readers.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let meeting = try lab.meet(.reader, .reader, .writer, .writer)
    let readers = Array(meeting.agents.prefix(2))
    let (writer, second) = (meeting.agents[2], meeting.agents[3])
    try readers[0].open(.reader).orFail()
    if try readers[1].open(.reader).failure != nil {
      return .saw(Capabilities.Readers.one.rawValue)
    }
    try writer.open(.writer).orFail()
    let reading = try readers.map {
      try $0.begin(.read(limit: 100, milliseconds: ProbeLab.patience))
    }
    try writer.write("A").orFail()
    guard let winner = try lab.waitForAny(readers, milliseconds: ProbeLab.patience),
      let index = readers.firstIndex(where: { $0 === winner })
    else { throw LabError("no reader got anything") }
    guard try winner.finish(reading[index]).orFail().text == "A" else {
      throw LabError("a reader got something else than was written")
    }
    try writer.write("B").orFail()
    let loser = readers[1 - index]
    if try lab.waitForAny([loser], milliseconds: ProbeLab.settling) == nil {
      // It may be there for the next writer: where connections are shared out, not messages.
      lab.note("\(loser.name): got neither message; a second writer comes")
      if try second.open(.writer).failure == nil { try second.write("C").orFail() }
    }
    let other = try loser.finish(reading[1 - index])
    if other.failure != nil { return .saw(Capabilities.Readers.one.rawValue) }
    let kind: Capabilities.Readers = other.text.hasPrefix("A") ? .each : .compete
    return .saw(kind.rawValue)
  }
}
