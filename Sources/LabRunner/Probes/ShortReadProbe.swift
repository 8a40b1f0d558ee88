internal import IPCTransport
internal import LabResults

/// What happens to a message when the reader's buffer is too small for it.
///
/// Control: streams keep the rest, datagrams lose it, queues refuse the read.
struct ShortReadProbe: Probe {
  let info = ProbeInfo(
    id: "short-read", title: "Short read",
    question: "What happens to a message when the buffer is too small for it?",
    method: "A write of 10 bytes, a read with room for 4, a write of 3 marked bytes, and a read "
      + "with room for 100, which shows what became of the other 6.")

  func claim(of capabilities: Capabilities) -> String { capabilities.shortRead.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    try writer.write("0123456789").orFail()
    let short = try reader.read(upTo: 4)
    try writer.write("XYZ").orFail()
    let next = try reader.read().orFail().text
    if short.failure != nil {
      return .saw(
        next.hasPrefix("0123456789")
          ? Capabilities.ShortRead.refused.rawValue : "refused, message is lost")
    }
    guard short.text == "0123" else {
      throw LabError("a read with room for 4 bytes gave “\(short.text)”")
    }
    if next.hasPrefix("456789") {
      let kind: Capabilities.ShortRead = short.saidMore ? .restStaysAndSaysSo : .restStays
      return .saw(kind.rawValue)
    }
    guard next == "XYZ" else { throw LabError("the next read gave “\(next)”") }
    return .saw(
      short.saidMore
        ? Capabilities.ShortRead.restLost.rawValue : "rest is lost, reader is not told")
  }
}
