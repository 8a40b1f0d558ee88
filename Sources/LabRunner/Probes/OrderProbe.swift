internal import IPCTransport
internal import LabResults

/// Whether messages of one sender arrive in order.
///
/// Control: the last round is written with two messages exchanged, and must be seen as not in
/// order.
struct OrderProbe: Probe {
  private static let batch = 100
  private static let rounds = 5

  let info = ProbeInfo(
    id: "order", title: "Order",
    question: "Do the messages of one sender arrive in the order in which they were written?",
    method: "500 numbered messages in five rounds; a sixth round is written out of order, and must "
      + "be seen so.")

  static let inOrder = "in order"
  static let notInOrder = "not in order"

  func claim(of capabilities: Capabilities) -> String {
    capabilities.ordered ? Self.inOrder : Self.notInOrder
  }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    for round in 0..<Self.rounds {
      let numbers = (0..<Self.batch).map { UInt32(round * Self.batch + $0) }
      let seen = try transfer(numbers, reader, writer)
      if seen != seen.sorted() {
        lab.note("round \(round + 1) arrived as \(seen)")
        return .saw(Self.notInOrder)
      }
      if seen != numbers { lab.note("round \(round + 1): \(seen.count) of \(Self.batch) arrived") }
    }
    var spoiled = (0..<Self.batch).map { UInt32(1000 + $0) }
    spoiled.swapAt(40, 60)
    let seen = try transfer(spoiled, reader, writer)
    guard seen != seen.sorted() else {
      throw LabError("messages that were written out of order looked as if they were in order")
    }
    lab.note("a round with two messages exchanged was seen as not in order")
    return .saw(Self.inOrder)
  }

  private func transfer(
    _ numbers: [UInt32], _ reader: ProbeSubject, _ writer: ProbeSubject
  ) throws -> [UInt32] {
    let messages = numbers.map(Self.encode)
    let writing = try writer.begin(.writeEach(messages, milliseconds: ProbeLab.patience))
    let read = try reader.perform(
      .readTotal(count: 4 * numbers.count, limit: 4096, milliseconds: ProbeLab.patience / 4))
    try writer.finish(writing).orFail()
    return stride(from: 0, through: read.bytes.count - 4, by: 4).map {
      Self.decode(read.bytes[$0..<($0 + 4)])
    }
  }

  private static func encode(_ number: UInt32) -> [UInt8] {
    var rest = number
    var bytes: [UInt8] = []
    for _ in 0..<4 {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
    return bytes
  }

  private static func decode(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var number: UInt32 = 0
    for byte in bytes.reversed() { number = number << 8 | UInt32(byte) }
    return number
  }
}
