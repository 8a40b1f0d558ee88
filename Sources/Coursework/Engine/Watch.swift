internal import Glibc
internal import IPCSystem
internal import Synchronization

/// A thread of the check process that looks after the limits which the kernel does not, and after
/// the clock.
final class Watch: Sendable {
  private let limits: CheckLimits
  private let containment: Containment
  private let end: Deadline
  private let broken = Locked<Outcome.Limit?>(nil)
  private let late: @Sendable () -> Void
  /// How long it sleeps, in microseconds. Without namespaces it must look at every process there is.
  private var interval: UInt32 { containment == .namespaces ? 20_000 : 50_000 }

  /// - Parameters:
  ///   - end: When the check should be over.
  ///   - late: Called when it is not, some time later; or when it goes on after a limit was broken.
  init(
    _ limits: CheckLimits, _ containment: Containment, end: Deadline,
    late: @escaping @Sendable () -> Void
  ) {
    self.limits = limits
    self.containment = containment
    self.end = end
    self.late = late
  }

  /// The limit that was broken.
  var brokenLimit: Outcome.Limit? { broken.withLock { $0 } }

  func start() throws(SystemError) { try SystemThread.start { self.run() } }

  private func run() {
    // Every wait of the check ends at `end`; what comes after it is ending the programs.
    var patience = Deadline(nanoseconds: end.nanoseconds + 3_000_000_000)
    while !patience.hasPassed {
      let table = ProcessTable.below(getpid(), in: containment)
      collectOrphans(table)
      if let limit = exceeded(table) {
        broken.withLock { $0 = $0 ?? limit }
        Self.killAll(in: containment)
        patience = min(patience, .after(.seconds(2)))
      }
      usleep(interval)
    }
    late()
  }

  private func exceeded(_ table: ProcessTable) -> Outcome.Limit? {
    let alive = table.entries.filter { !$0.isZombie }
    if alive.count + 1 > limits.processes { return .processes }
    let files = FileMemory.used(by: alive, in: containment)
    let most = files + alive.reduce(0) { $0 + $1.resident }
    // Looked at closely only when it matters: that takes the kernel some time.
    if most > limits.memory, files + ProcessTable.memory(of: alive) > limits.memory {
      return .memory
    }
    return nil
  }

  /// Programs lead sessions and are collected by who started them; what has no parent any more is
  /// collected here, or it would look like a process that does not end.
  private func collectOrphans(_ table: ProcessTable) {
    let own = getsid(0)
    for entry in table.entries
    where entry.isZombie && entry.parent == getpid() && entry.session != entry.pid
      && entry.session != own
    {
      var status: Int32 = 0
      unsafe _ = waitpid(entry.pid, &status, WNOHANG)
    }
  }

  /// Kills every process but this one, also those that are being made meanwhile.
  static func killAll(in containment: Containment) {
    if containment == .namespaces {
      // In a process namespace, everything else there is, in one step.
      kill(-1, SIGKILL)
      return
    }
    let end = Deadline.after(.seconds(3))
    while !end.hasPassed {
      let alive = ProcessTable.below(getpid(), in: containment).entries.filter { !$0.isZombie }
      if alive.isEmpty { return }
      // Stopped first: what is stopped makes no more processes while the others are killed.
      for entry in alive { kill(entry.pid, SIGSTOP) }
      for entry in alive { kill(entry.pid, SIGKILL) }
    }
  }
}
