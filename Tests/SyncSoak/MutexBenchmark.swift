import Glibc
import IPCSystem
import SyncObjects

/// What an uncontended lock and unlock costs, against a plain `pthread_mutex_t` in the same run: with
/// no other thread in the process, where the C library's needs no atomic instruction, and with one.
enum MutexBenchmark {
  private static let rounds = 2_000_000
  private static let repetitions = 7

  static func run() throws {
    try compare("one thread")
    let end = Event(.manual)
    try SystemThread.start { _ = Waiting.any(of: [end], deadline: .never) }
    try compare("two threads")
    end.set()
  }

  private static func compare(_ threads: String) throws {
    let plain = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    unsafe pthread_mutex_init(plain, nil)
    let mutex = OwnedMutex()
    var (ours, theirs): ([Double], [Double]) = ([], [])
    for _ in 0..<repetitions {
      theirs.append(
        time {
          unsafe pthread_mutex_lock(plain)
          unsafe pthread_mutex_unlock(plain)
        })
      ours.append(
        try time {
          _ = mutex.lock()
          try mutex.unlock()
        })
    }
    let ratios = zip(ours, theirs).map(/).sorted()
    print(
      "lock and unlock, \(threads): \(text(ours.min()!)) ns, pthread \(text(theirs.min()!)) ns, ratio",
      "\(text(ratios[repetitions / 2])) (\(text(ratios.first!)) to \(text(ratios.last!)))")
  }

  private static func time(_ body: () throws -> Void) rethrows -> Double {
    let begin = MonotonicClock.now()
    for _ in 0..<rounds { try body() }
    return Double(MonotonicClock.now() - begin) / Double(rounds)
  }

  private static func text(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }
}
