import Glibc
import IPCSystem
import SyncObjects

/// A process is killed of which one thread owns a mutex and another waits for it and for a second one.
/// The kernel gives the wake-up to the thread that dies with its owner: `SyncSoak RUNTIME strays ROUNDS`.
///
/// A third party that waits for the mutex, alone or among others, must get it all the same.
enum StrayDeaths {
  private static let names = ["first", "second"]

  /// Plays the victim, which says when both threads are where they are to be.
  static func victim(_ runtime: RuntimeDirectory) throws {
    let mutexes = try names.map { try OwnedMutex.open(ObjectName($0), in: runtime) }
    let isReady = try Event.open(ObjectName("ready"), in: runtime)
    let isOwned = Event(.manual)
    try SystemThread.start {
      _ = mutexes[0].lock()
      isOwned.set()
      usleep(3000)
      isReady.set()
      // Who computes dies first: who sleeps is woken for it.
      var count = 0
      while true { count &+= 1 }
    }
    _ = Waiting.any(of: [isOwned], deadline: .never)
    _ = Waiting.any(of: mutexes, deadline: .never)
  }

  /// Returns whether nobody was forgotten.
  static func run(_ runtime: RuntimeDirectory, rounds: Int) throws -> Bool {
    let mutexes = try names.map { try OwnedMutex.create(ObjectName($0), in: runtime).mutex }
    let isReady = try Event.create(ObjectName("ready"), .automatic, in: runtime).event
    defer {
      mutexes.forEach { $0.close() }
      isReady.close()
    }
    _ = mutexes[1].lock()
    var told = 0
    for round in 0..<rounds {
      var plan = ChildProcess.Plan(program: "/proc/self/exe", arguments: [runtime.path, "stray"])
      plan.descriptors = [(2, 2)]
      let victim = try ChildProcess.start(plan)
      guard Waiting.any(of: [isReady], deadline: .after(.seconds(20))) == .taken(0) else {
        print("round \(round): the victim is not ready")
        victim.signal(SIGKILL)
        return false
      }
      let outcome = Locked<Bool?>(nil)
      try SystemThread.start {
        let deadline = Deadline.after(.seconds(10))
        let isTold =
          round % 2 == 0
          ? mutexes[0].lock(deadline: deadline) == .abandoned
          : Waiting.any(of: [Event(.manual), mutexes[0]], deadline: deadline) == .abandoned(1)
        try? mutexes[0].unlock()
        outcome.withLock { $0 = isTold }
      }
      usleep(2000)
      victim.signal(SIGKILL)
      _ = try victim.wait()
      while outcome.withLock({ $0 }) == nil { usleep(200) }
      if outcome.withLock({ $0 }) == true { told += 1 }
    }
    try mutexes[1].unlock()
    print("\(rounds) owners killed together with a waiter, \(told) times the next was told")
    return told == rounds
  }
}
