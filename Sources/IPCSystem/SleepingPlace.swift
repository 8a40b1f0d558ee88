/// A word to sleep on, and what it holds as long as there is reason to sleep.
@safe public struct SleepingPlace: @unchecked Sendable {
  // Sendable: the address is only handed to the kernel.
  let word: UnsafeRawPointer
  let expected: UInt32

  /// - Parameter word: Stays valid as long as the place is used.
  public init(_ word: UnsafeRawPointer, while expected: UInt32) {
    unsafe self.word = word
    self.expected = expected
  }

  /// Sleeps until one of the words changes or is woken. Spurious returns happen.
  ///
  /// - Parameter places: At most ``Futex/largestGroup``; none sleeps until the deadline.
  public static func sleep(at places: [SleepingPlace], deadline: Deadline) {
    switch places.count {
    case 0:
      let nobody = SignalWord()
      nobody.wait(while: nobody.count, deadline: deadline)
    case 1: unsafe Futex.wait(places[0].word, while: places[0].expected, deadline: deadline)
    default:
      unsafe Futex.wait(
        onAny: places.map { unsafe $0.word }, while: places.map(\.expected), deadline: deadline)
    }
  }
}

extension SignalWord {
  /// Where to sleep until the next signal.
  public var sleepingPlace: SleepingPlace { unsafe SleepingPlace(word, while: count) }
}
