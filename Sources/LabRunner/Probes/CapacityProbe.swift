internal import IPCTransport
internal import LabResults

/// How much fits when nobody reads, and what happens then.
///
/// Control: UDP loses messages, everything else makes the writer wait.
struct CapacityProbe: Probe {
  let info = ProbeInfo(
    id: "capacity", title: "When nobody reads",
    question: "How much can be written until the writer blocks, or does it lose messages?",
    method: "Messages of 1 KiB, 64 MiB at most, while nobody reads; then the reader counts what "
      + "is there.")

  func claim(of capabilities: Capabilities) -> String { capabilities.full.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    let written = try writer.perform(
      .writeUntilStopped(chunk: 1024, cap: 64 << 20, patience: ProbeLab.settling))
    let blocked = written.code == .timedOut
    if !blocked { try written.orFail() }
    let read = try reader.perform(
      .readUntilSilence(limit: 65_536, patience: ProbeLab.settling)
    ).orFail()
    let lost = written.count - read.count
    if blocked {
      lab.note("the writer blocks after \(written.count) bytes, \(written.calls) messages")
      return .saw(
        Capabilities.Full.blocks.rawValue + (lost == 0 ? "" : ", \(lost) bytes are lost"))
    }
    lab.note("\(lost) of \(written.count) bytes are lost, the writer never blocked")
    return .saw(lost > 0 ? Capabilities.Full.loses.rawValue : "takes everything")
  }
}
