internal import IPCTransport
internal import LabResults

/// Whether one object carries bytes both ways.
///
/// Control: sockets answer “both ways”, pipes and mailslots “one way”.
struct DirectionProbe: Probe {
  let info = ProbeInfo(
    id: "direction", title: "Direction",
    question: "Does one object carry data both ways?",
    method: "After a first message the reading end writes back over the same object, and the "
      + "writing end reads.")

  func claim(of capabilities: Capabilities) -> String { capabilities.direction.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    let answer = try reader.write("back", milliseconds: ProbeLab.absence)
    if answer.failure != nil { return .saw(Capabilities.Direction.oneWay.rawValue) }
    let heard = try writer.read(milliseconds: ProbeLab.absence)
    let direction: Capabilities.Direction = heard.text == "back" ? .bothWays : .oneWay
    return .saw(direction.rawValue)
  }
}
