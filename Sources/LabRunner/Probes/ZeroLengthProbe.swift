internal import IPCTransport
internal import LabResults

/// What a write of no bytes does.
///
/// Control: message mechanisms deliver it, to byte streams it is nothing.
struct ZeroLengthProbe: Probe {
  let info = ProbeInfo(
    id: "zero-length", title: "Message of no bytes",
    question: "Does a write of no bytes arrive?",
    method: "A write of 0 bytes, then one of 3; then the reader reads.")

  func claim(of capabilities: Capabilities) -> String { capabilities.zeroLength.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    if try writer.write("").failure != nil {
      return .saw(Capabilities.ZeroLength.refused.rawValue)
    }
    try writer.write("abc").orFail()
    let first = try reader.read()
    if first.code == .endOfFile { return .saw("read as end of file") }
    try first.orFail()
    if first.text == "abc" { return .saw(Capabilities.ZeroLength.noEffect.rawValue) }
    guard first.count == 0, try reader.read().orFail().text == "abc" else {
      throw LabError("the reads gave something that was not written")
    }
    return .saw(Capabilities.ZeroLength.delivered.rawValue)
  }
}
