import Testing

@testable import IPCSystem

@Suite struct PatienceTests {
  private static let second: UInt64 = 1_000_000_000
  private static let look: UInt64 = 100_000_000

  @Test("it is used up by looks, as long as they are close together")
  func usedUp() {
    var patience = Patience(.seconds(2), now: 0)
    var looks = 0
    repeat { looks += 1 } while !patience.isOver(now: UInt64(looks) * Self.look)
    #expect(looks == 20)
    #expect(patience.standstill == 0)
  }

  @Test("a machine that stands still for longer than the patience uses up one step")
  func standstill() {
    var patience = Patience(.seconds(2), now: 0)
    let afterStandstill = patience.isOver(now: 19 * Self.second)
    #expect(!afterStandstill)
    #expect(patience.standstill == 19 * Self.second)
    var looks = 0
    repeat { looks += 1 } while !patience.isOver(now: 19 * Self.second + UInt64(looks) * Self.look)
    #expect(looks == 18)
  }

  @Test("the next look is one step away, and never later than what is left")
  func nextLook() {
    #expect(Patience(.seconds(2), now: 7).nextLook.nanoseconds == 7 + 200_000_000)
    #expect(Patience(.milliseconds(30), now: 7).nextLook.nanoseconds == 7 + 30_000_000)
  }

  @Test("none, or less than none, is over at once", arguments: [Duration.zero, .seconds(-1)])
  func none(_ duration: Duration) {
    var patience = Patience(duration, now: 7)
    let isOver = patience.isOver(now: 7)
    #expect(isOver)
  }
}
