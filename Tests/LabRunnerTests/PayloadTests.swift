import IPCSystem
import IPCTransport
import TestSupport
import Testing

@testable import LabRunner

/// A connection that hands back what was sent, after `change` has had its way with it.
private final class Mirror: Connection, @unchecked Sendable {
  // Sendable: used by one thread only.
  private var queue: [[UInt8]] = []
  private let change: ([UInt8]) -> [UInt8]
  init(_ change: @escaping ([UInt8]) -> [UInt8] = { $0 }) { self.change = change }
  func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    queue.append(change((0..<message.count).map { message[$0] }))
  }
  func receive(into buffer: inout OutputSpan<UInt8>, deadline: Deadline) throws(TransportError) {
    for byte in queue.removeFirst() { buffer.append(byte) }
  }
  func close() {}
  var peer: PeerIdentity? { nil }
}

@Suite("A payload")
struct PayloadTests {
  /// Sends one numbered message through a mirror and checks what comes back.
  private func roundTrip(
    size: Int, number: UInt64, expected: UInt64, _ change: @escaping ([UInt8]) -> [UInt8]
  ) throws {
    var payload = Payload(size: size, seed: 42)
    let mirror = Mirror(change)
    try payload.send(number, over: mirror)
    try payload.check(try payload.receive(from: mirror), is: expected)
    try payload.checkBody()
  }

  @Test(
    "that arrives as it was sent passes", arguments: [1, 3, 7, 8, 15, 16, 23, 24, 25, 64, 4097])
  func passes(_ size: Int) throws {
    for number: UInt64 in [0, 1, 255, 256, 1_000_000] {
      try roundTrip(size: size, number: number, expected: number) { $0 }
    }
  }

  @Test("with one flipped bit fails, wherever the bit is", arguments: [8, 24, 64, 1000])
  func flipped(_ size: Int) {
    for place in 0..<size {
      #expect(throws: (any Error).self, "bit at byte \(place) of \(size)") {
        try roundTrip(size: size, number: 5, expected: 5) { bytes in
          var bytes = bytes
          bytes[place] ^= 4
          return bytes
        }
      }
    }
  }

  @Test("that is cut short fails")
  func short() {
    #expect(throws: (any Error).self) {
      try roundTrip(size: 64, number: 5, expected: 5) { Array($0.dropLast()) }
    }
  }

  @Test("that is repeated or overtaken fails")
  func wrongNumber() {
    #expect(throws: (any Error).self) { try roundTrip(size: 64, number: 4, expected: 5) { $0 } }
    #expect(throws: (any Error).self) { try roundTrip(size: 4, number: 6, expected: 5) { $0 } }
  }

  @Test("tells the end marker from every number", arguments: [1, 2, 7, 8, 64])
  func endMarker(_ size: Int) throws {
    var payload = Payload(size: size, seed: 1)
    let mirror = Mirror()
    for number in 0..<70_000 as Range<UInt64> where number % 251 == 0 || number < 600 {
      try payload.send(number, over: mirror)
      let count = try payload.receive(from: mirror)
      let isEnd = payload.isEnd(count)
      #expect(!isEnd, "\(number)")
    }
    try payload.send(Payload.end, over: mirror)
    let count = try payload.receive(from: mirror)
    let isEnd = payload.isEnd(count)
    #expect(isEnd)
  }
}
