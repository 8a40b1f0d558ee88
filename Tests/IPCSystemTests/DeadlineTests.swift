import IPCSystem
import Testing

@Suite struct DeadlineTests {
  @Test("never is later than everything and has nothing left to tell")
  func never() {
    #expect(Deadline.never.remaining == nil)
    #expect(Deadline.never.pollMilliseconds == -1)
    #expect(!Deadline.never.hasPassed)
    #expect(Deadline.after(.seconds(1_000_000)) < .never)
  }

  @Test("immediate is over already")
  func immediate() {
    #expect(Deadline.immediate.hasPassed)
    #expect(Deadline.immediate.remaining == 0)
    #expect(Deadline.immediate.pollMilliseconds == 0)
  }

  @Test("a negative duration is over, and one beyond the clock's range never is")
  func extremes() {
    #expect(Deadline.after(.seconds(-5)).hasPassed)
    #expect(Deadline.after(.nanoseconds(-1)).hasPassed)
    #expect(Deadline.after(.seconds(Int64.max)).isNever)
    // Whole seconds fit into 64 bits of nanoseconds, the fraction does not.
    #expect(Deadline.after(.seconds(18_446_744_073) + .milliseconds(999)).isNever)
  }

  @Test("what is left is rounded up to milliseconds, so that poll does not wake too early")
  func rounding() {
    let deadline = Deadline(nanoseconds: MonotonicClock.now() + 3_600_000_000_001)
    let milliseconds = deadline.pollMilliseconds
    #expect(milliseconds > 0 && milliseconds <= 3_600_001)
    #expect(UInt64(milliseconds) * 1_000_000 >= deadline.remaining ?? 0)
    #expect(Deadline.after(.seconds(Int64(1) << 33)).pollMilliseconds == Int32.max)
  }
}
