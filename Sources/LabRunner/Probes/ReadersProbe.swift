internal import IPCTransport
internal import LabResults

/// What two readers of one name get.
///
/// Control: pipes let readers compete, mailslots and sockets refuse the second.
struct ReadersProbe: Probe {
  let info = ProbeInfo(
    id: "readers", title: "Two readers",
    question: "What do two readers of one name get?",
    method: "A second process opens the reading end while the first has it open. Where it may, both "
      + "read, and two messages are written one after the other.")

  func claim(of capabilities: Capabilities) -> String { capabilities.readers.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let meeting = try lab.meet(.reader, .reader, .writer)
    let readers = Array(meeting.agents.prefix(2))
    let writer = meeting.agents[2]
    try readers[0].open(.reader).orFail()
    if try readers[1].open(.reader).failure != nil {
      return .saw(Capabilities.Readers.one.rawValue)
    }
    try writer.open(.writer).orFail()
    let reading = try readers.map {
      try $0.begin(.read(limit: 100, milliseconds: 3 * ProbeLab.absence))
    }
    try writer.write("A").orFail()
    guard let winner = try lab.waitForAny(readers, milliseconds: ProbeLab.patience),
      let index = readers.firstIndex(where: { $0 === winner })
    else { throw LabError("no reader got anything") }
    guard try winner.finish(reading[index]).orFail().text == "A" else {
      throw LabError("a reader got something else than was written")
    }
    try writer.write("B").orFail()
    let other = try readers[1 - index].finish(reading[1 - index])
    if other.failure != nil { return .saw(Capabilities.Readers.one.rawValue) }
    let kind: Capabilities.Readers = other.text.hasPrefix("A") ? .each : .compete
    return .saw(kind.rawValue)
  }
}
