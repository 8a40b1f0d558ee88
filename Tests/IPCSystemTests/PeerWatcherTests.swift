import Glibc
import IPCSystem
import Synchronization
import TestSupport
import Testing

@Suite struct PeerWatcherTests {
  /// A registration made and fired after this one was: the watcher handles events of one round in
  /// turn, so an earlier one has been handled by then.
  private static func barrier() throws {
    let pair = try LocalSocket.pair(.stream)
    let fired = Signal()
    let token = try PeerWatcher.shared.watch(pair.first.raw) { fired.set() }
    pair.second.close()
    try fired.wait()
    PeerWatcher.shared.stop(token)
  }

  @Test("the action runs once when the other end is gone")
  func firesOnce() throws {
    let pair = try LocalSocket.pair(.seqpacket)
    let (fired, count) = (Signal(), Counter())
    let token = try PeerWatcher.shared.watch(pair.first.raw) {
      count.add()
      fired.set()
    }
    pair.second.close()
    try fired.wait()
    for _ in 0..<3 { try Self.barrier() }
    #expect(count.value == 1)
    PeerWatcher.shared.stop(token)
    _ = consume pair.first
  }

  @Test("data is not a hang-up")
  func data() throws {
    let pair = try LocalSocket.pair(.stream)
    let fired = Counter()
    let token = try PeerWatcher.shared.watch(pair.first.raw) { fired.add() }
    #expect(write(pair.second.raw, "x", 1) == 1)
    try Self.barrier()
    #expect(fired.value == 0)
    PeerWatcher.shared.stop(token)
    _ = consume pair.second
  }

  @Test("after stop nothing runs, and the descriptor can be watched again")
  func stop() throws {
    for _ in 0..<100 {
      let pair = try LocalSocket.pair(.stream)
      let fired = Counter()
      let token = try PeerWatcher.shared.watch(pair.first.raw) { fired.add() }
      PeerWatcher.shared.stop(token)
      PeerWatcher.shared.stop(token)
      let again = Signal()
      let second = try PeerWatcher.shared.watch(pair.first.raw) { again.set() }
      pair.second.close()
      try again.wait()
      #expect(fired.value == 0)
      PeerWatcher.shared.stop(second)
    }
  }

  @Test("a descriptor that has fired can be watched again")
  func watchAgain() throws {
    let pair = try LocalSocket.pair(.stream)
    pair.second.close()
    for _ in 0..<3 {
      let fired = Signal()
      let token = try PeerWatcher.shared.watch(pair.first.raw) { fired.set() }
      try fired.wait()
      PeerWatcher.shared.stop(token)
    }
    _ = consume pair.first
  }

  @Test("the end of a process fires through its pidfd")
  func pidfd() throws {
    var plan = ChildProcess.Plan(program: "sleep", arguments: ["1000"])
    plan.descriptors = []
    let child = try ChildProcess.start(plan)
    let pidfd = try child.openPidfd()
    let fired = Signal()
    let token = try PeerWatcher.shared.watch(pidfd.raw, pidfd: true) { fired.set() }
    child.signal(SIGKILL)
    try fired.wait()
    PeerWatcher.shared.stop(token)
    _ = try child.wait()
  }
}

/// Counts calls.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  func add() { count.add(1, ordering: .sequentiallyConsistent) }
  var value: Int { count.load(ordering: .sequentiallyConsistent) }
}
