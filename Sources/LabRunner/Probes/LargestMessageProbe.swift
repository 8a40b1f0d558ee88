internal import FoundationEssentials
internal import IPCTransport
internal import LabResults

/// The largest single message.
///
/// Control: datagrams and queues stop at a size, streams do not.
struct LargestMessageProbe: Probe {
  /// Nothing above this size is tried: what carries it has no limit up to 16 MiB.
  private static let cap = (16 << 20) + 1

  let info = ProbeInfo(
    id: "largest-message", title: "Largest message",
    question: "How large can a single message be?",
    method: "Writes of growing size, up to one byte over 16 MiB, with a reader that reads all the "
      + "time and checks every byte; the size between the last one taken and the first one "
      + "refused is found by bisection. A limit that a kernel setting gives is compared with it.")

  func claim(of capabilities: Capabilities) -> String { capabilities.largest.description }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    var channel = Channel(reader: reader, writer: writer)
    try channel.findChunk()
    var good = 0
    for size in [16, 4096, 65_536, 1 << 20, Self.cap - 1, Self.cap] {
      if case .refused(let hint) = try channel.carry(size) {
        let limit = try channel.bisect(good: good, bad: size, hint: hint)
        return observation(limit, lab)
      }
      good = size
    }
    return .saw(Capabilities.Largest.unlimited.description)
  }

  /// The limit in the vocabulary of claims: as a setting, when the mechanism claims that and the
  /// setting's value explains the limit.
  private func observation(_ limit: Int, _ lab: ProbeLab) -> Observation {
    let bytes = Capabilities.Largest.bytes(limit).description
    lab.note("the largest message that was carried has \(limit) bytes")
    let claim = lab.transport.capabilities.largest
    if case .setting(let name) = claim {
      guard let value = Self.setting(name) else {
        lab.note("\(name) cannot be read")
        return .saw(bytes)
      }
      lab.note("\(name) is \(value)")
      // The kernel keeps a part of some settings for itself, never more than half.
      if limit <= value && limit > value / 2 {
        return .saw(claim.description, detail: bytes)
      }
    }
    return .saw(bytes)
  }

  private static func setting(_ name: String) -> Int? {
    let path = "/proc/sys/" + name.replacing(".", with: "/")
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    return Int(text.prefix { $0.isNumber })
  }

  /// A writer, and a reader that reads at the same time.
  private struct Channel {
    let reader: ProbeSubject
    let writer: ProbeSubject
    /// Bytes per read, where a message may come in parts; 0 reads it at once.
    var chunk = 0

    enum Outcome {
      case carried
      case refused(limit: Int?)
    }

    /// Finds out whether this is a stream: then there is no need for a buffer of the whole size.
    mutating func findChunk() throws {
      try writer.write("first").orFail()
      try writer.write("seconds").orFail()
      let first = try reader.read().orFail()
      if first.count == 12 {
        chunk = 65_536
      } else {
        try reader.read().orFail()
      }
    }

    func carry(_ size: Int) throws -> Outcome {
      let reading = try reader.begin(
        .readPattern(
          count: size, limit: chunk == 0 ? size + 1 : chunk, milliseconds: ProbeLab.patience))
      let written = try writer.perform(
        .writePattern(count: size, milliseconds: ProbeLab.patience))
      if let failure = written.failure {
        if written.count > 0 || written.code == .timedOut {
          throw LabError("a write of \(size) bytes was neither taken nor refused: \(failure.text)")
        }
        // One byte releases the reader.
        try writer.write("!").orFail()
        _ = try reader.finish(reading)
        return .refused(limit: failure.limit)
      }
      let read = try reader.finish(reading)
      if read.code == .timedOut { return .refused(limit: nil) }
      try read.orFail()
      guard read.isIntact, read.count == size else {
        throw LabError("a message of \(size) bytes arrived damaged")
      }
      return .carried
    }

    /// The largest size that is carried, between one that is and one that is not.
    func bisect(good: Int, bad: Int, hint: Int?) throws -> Int {
      var (good, bad) = (good, bad)
      var next = hint
      while bad - good > 1 {
        let size: Int
        if let limit = next, limit > good, limit < bad {
          // The refusal names a limit: that size first, then the one above it.
          size = limit
        } else if let limit = next, limit == good {
          size = limit + 1
          next = nil
        } else {
          size = (good + bad) / 2
        }
        if case .carried = try carry(size) {
          good = size
        } else {
          if size == next { next = nil }
          bad = size
        }
      }
      return good
    }
  }
}
