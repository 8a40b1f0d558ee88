internal import IPCSystem
internal import IPCTransport
internal import LabResults

/// What a reader sees when the writer is killed.
///
/// Control: pipes and streams end, datagrams and queues go silent.
struct WriterDeathProbe: Probe {
  let info = ProbeInfo(
    id: "writer-death", title: "Writer is killed",
    question: "What does a blocked reader see when the writer is killed, and how fast?",
    method: "The writer is killed with SIGKILL while the reader is blocked in a read. Then once "
      + "more with data unread, which must still be readable.")

  func claim(of capabilities: Capabilities) -> String { capabilities.writerDeath.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    let reading = try reader.beginAndBlock(.read(limit: 100, milliseconds: ProbeLab.absence))
    let time = try writer.kill()
    let seen = try reader.finish(reading)
    let kind = try kind(of: seen)
    if kind != .nothing {
      lab.note("seen \(Microseconds(from: time, to: seen.ended)) after the signal was sent")
    }

    lab.note("another pair, with data unread:")
    let (heir, testator) = try lab.connectedPair()
    try testator.perform(
      .writeEach(["one", "two", "three"].map { Array($0.utf8) }, milliseconds: ProbeLab.patience)
    ).orFail()
    try testator.kill()
    let left = try heir.perform(
      .readTotal(count: 11, limit: 100, milliseconds: ProbeLab.absence))
    guard left.text == "onetwothree" else {
      return .saw("\(kind.rawValue), unread data is lost")
    }
    if kind != .nothing {
      let end = try self.kind(of: try heir.read(milliseconds: ProbeLab.absence))
      if end != kind { return .saw("\(kind.rawValue), but after unread data \(end.rawValue)") }
    }
    return .saw(kind.rawValue)
  }

  private func kind(of answer: Answer) throws -> Capabilities.WriterDeath {
    switch answer.code {
    case .endOfFile: .endOfFile
    case .timedOut: .nothing
    case .some: .error
    case nil: throw LabError("the reader read \(answer.count) bytes that nobody had written")
    }
  }
}

/// A length of time in evidence.
struct Microseconds: CustomStringConvertible {
  let description: String
  init(from start: UInt64, to end: UInt64) {
    description = end > start ? "\((end - start) / 1000) µs" : "less than 1 µs"
  }
}
