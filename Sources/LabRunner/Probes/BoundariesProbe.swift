internal import IPCTransport
internal import LabResults

/// Whether a read gives what one write put in.
///
/// Control: byte streams join the two writes, message mechanisms do not.
struct BoundariesProbe: Probe {
  let info = ProbeInfo(
    id: "boundaries", title: "Message boundaries",
    question: "Does a read give exactly what one write put in?",
    method: "Two writes of 5 and 7 bytes, then a read with room for 100; five times over.")

  func claim(of capabilities: Capabilities) -> String { capabilities.boundaries.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    // A stream can keep two writes apart by chance, when the second is late; not five times.
    for _ in 0..<5 {
      try writer.write("first").orFail()
      try writer.write("seconds").orFail()
      var texts = [try reader.read().orFail().text]
      while texts.joined().utf8.count < 12 { texts.append(try reader.read().orFail().text) }
      guard texts.joined() == "firstseconds" else {
        throw LabError("read something else than was written: \(texts)")
      }
      if texts != ["first", "seconds"] { return .saw(Capabilities.Boundaries.notKept.rawValue) }
    }
    return .saw(Capabilities.Boundaries.kept.rawValue)
  }
}
