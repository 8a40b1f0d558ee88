internal import IPCSystem
internal import IPCTransport
internal import LabResults

/// What a writer sees when the reader is killed.
///
/// Control: pipes and connected sockets give an error, queues go on taking messages.
struct ReaderDeathProbe: Probe {
  private static let chunk = 1024
  private static let cap = 64 << 20

  let info = ProbeInfo(
    id: "reader-death", title: "Reader is killed",
    question: "What does a writer see when the reader is killed, and how fast?",
    method: "The reader is killed with SIGKILL and the writer writes until an error comes or the "
      + "mechanism is full. Then once more while the writer is blocked in a write.")

  func claim(of capabilities: Capabilities) -> String { capabilities.readerDeath.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    try reader.kill()
    let written = try writer.perform(fill)
    if written.failure == nil || written.code == .timedOut {
      return .saw(Capabilities.ReaderDeath.nothing.rawValue)
    }
    lab.note("the error came at write number \(written.calls + 1)")
    return try runBlocked(in: lab)
  }

  private func runBlocked(in lab: ProbeLab) throws -> Observation {
    lab.note("another pair, with the writer blocked:")
    let (reader, writer) = try lab.connectedPair()
    guard try writer.perform(fill).code == .timedOut else {
      lab.note("the writer does not block, so there is no blocked writer to look at")
      return .saw(Capabilities.ReaderDeath.error.rawValue)
    }
    let writing = try writer.beginAndBlock(
      .write(Pattern.bytes(Self.chunk), milliseconds: ProbeLab.absence))
    let time = try reader.kill()
    let seen = try writer.finish(writing)
    if seen.failure == nil || seen.code == .timedOut {
      return .saw("error, but a blocked writer sees nothing")
    }
    lab.note("a blocked writer saw it \(Microseconds(from: time, to: seen.ended)) after the signal")
    return .saw(Capabilities.ReaderDeath.error.rawValue)
  }

  private var fill: ProbeRequest {
    .writeUntilStopped(chunk: Self.chunk, cap: Self.cap, patience: ProbeLab.settling)
  }
}
