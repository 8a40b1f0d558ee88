import IPCTransport
import Testing

@Suite("Frame headers")
struct PacketFrameTests {
  @Test("a header survives encoding", arguments: [0, 1, 12, 64 * 1024, 1 << 40])
  func roundTrip(remaining: Int) {
    let frame = PacketFrame(isFirst: true, remaining: remaining)
    let payload = min(remaining, PacketFrame.maximumPayload)
    #expect(PacketFrame(decoding: frame.encoded, payload: payload, expected: nil) == frame)
  }

  @Test("a packet of zeros is refused")
  func zeros() {
    #expect(PacketFrame(decoding: 0, payload: 0, expected: nil) == nil)
  }

  @Test("more payload than the message has left is refused")
  func tooMuch() {
    let word = PacketFrame(isFirst: true, remaining: 4).encoded
    #expect(PacketFrame(decoding: word, payload: 5, expected: nil) == nil)
  }

  @Test("an empty frame of a message that is not empty is refused, for it never ends")
  func noProgress() {
    let word = PacketFrame(isFirst: false, remaining: 4).encoded
    #expect(PacketFrame(decoding: word, payload: 0, expected: 4) == nil)
  }

  @Test("a continuation that does not fit what is missing is refused")
  func wrongContinuation() {
    let word = PacketFrame(isFirst: false, remaining: 9).encoded
    #expect(PacketFrame(decoding: word, payload: 9, expected: 8) == nil)
    #expect(PacketFrame(decoding: word, payload: 9, expected: nil) == nil)
    #expect(PacketFrame(decoding: word, payload: 9, expected: 9) != nil)
  }

  @Test("a packet shorter than a header is refused")
  func short() {
    #expect(PacketFrame(decoding: 0x81, payload: -3, expected: nil) == nil)
  }

  @Test("random headers never give a frame longer than its message")
  func random() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<100_000 {
      let word = UInt64.random(in: .min ... .max, using: &generator)
      let payload = Int.random(in: -16...80_000, using: &generator)
      guard let frame = PacketFrame(decoding: word, payload: payload, expected: nil) else {
        continue
      }
      #expect(frame.remaining >= payload && payload <= PacketFrame.maximumPayload)
    }
  }
}
