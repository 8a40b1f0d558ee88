internal import IPCTransport
internal import LabResults

/// Who can take part.
///
/// Control: anonymous pipes are out of a stranger's reach, files and sockets are not; what needs
/// the network is out of reach without one.
struct ReachProbe: Probe {
  let info = ProbeInfo(
    id: "reach", title: "Reach",
    question: "Can only processes take part that inherited an end, any process, or any host?",
    method: "A process that inherited nothing opens the mechanism by its address alone and writes. "
      + "Then another one tries it from an empty network namespace: what still works is of this "
      + "machine, what does not goes through the network and reaches what the network reaches. "
      + "Without the right to make a namespace, Internet sockets among the descriptors tell.")

  func claim(of capabilities: Capabilities) -> String { capabilities.reach.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let first = try Stranger(in: lab)
    guard try first.isHeard() else { return .saw(Capabilities.Reach.related.rawValue) }
    let internet = try first.agent.perform(.usesInternet).orFail().yes
    let second = try Stranger(in: lab)
    if try second.agent.perform(.cutNetwork).failure == nil {
      let local = try second.isHeard()
      return .saw((local ? Capabilities.Reach.anyProcess : .anyHost).rawValue)
    }
    return .saw((internet ? Capabilities.Reach.anyHost : .anyProcess).rawValue)
  }
}

/// A process that inherited nothing and knows the address of a reader, which has opened it.
struct Stranger {
  let reader: ProbeSubject
  let agent: ProbeSubject

  /// Starts a reader, which opens its end, and a stranger, which does nothing yet.
  init(in lab: ProbeLab) throws {
    let meeting = try lab.meet(.reader)
    reader = meeting.agents[0]
    try reader.open(.reader).orFail()
    agent = try lab.start("stranger", at: meeting.addressOnly(.writer))
  }

  /// Whether the stranger can open the mechanism and write what the reader reads.
  func isHeard() throws -> Bool {
    guard try agent.open(.writer).failure == nil,
      try agent.write("knock").failure == nil
    else { return false }
    return try reader.read(milliseconds: ProbeLab.absence).text == "knock"
  }
}
