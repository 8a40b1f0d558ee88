internal import Glibc
internal import IPCSystem

/// The actors of one trial: started together, heard together, ended together.
final class Cast {
  private var patience: Patience
  private let interruption: Interruption?
  private var actors: [(process: ActorProcess, name: String)] = []
  // How each actor ended, once it was collected: its number may belong to another process by then.
  private var ends: [Int: ExitStatus] = [:]
  private var group: Int32 = 0

  init(patience: Patience, interruption: Interruption?) {
    self.patience = patience
    self.interruption = interruption
  }

  /// For how long the machine stood still while somebody was waited for, in nanoseconds; 0 when it
  /// did not.
  var standstill: UInt64 { patience.standstill }

  /// Starts an actor; all are in the process group of the first.
  func add(_ task: ActorTask, executable: String, name: String) throws {
    let actor = try ActorProcess(executable: executable, task: task, group: group)
    if group == 0 { group = actor.process.pid }
    actors.append((actor, name))
  }

  /// Lets an actor go on.
  func go(_ index: Int) throws {
    do { try actors[index].process.channel.send(Go()) } catch { throw fate(of: index) }
  }

  /// What an actor may be expected to say before its result.
  enum Milestone {
    case listening, ready
  }

  /// Waits until each of the actors has said that it got there.
  func expect(_ milestone: Milestone, from indices: [Int]) throws {
    try collect(from: indices) { report in
      switch (report, milestone) {
      case (.listening, .listening), (.ready, .ready): true
      default: false
      }
    }
  }

  /// Waits for every actor's result.
  func results() throws -> [Measurement] {
    var results = [Measurement?](repeating: nil, count: actors.count)
    try collect(from: Array(actors.indices)) { report, index in
      guard case .result(let measurement) = report else { return false }
      results[index] = measurement
      return true
    }
    return results.compactMap { $0 }
  }

  /// Ends every actor, kindly and then by force, and collects it.
  func dismiss() {
    // An actor that sees its channel closed ends by itself; one that does not is killed.
    for actor in actors { actor.process.channel.close() }
    let patience = Deadline.after(.seconds(2))
    for index in actors.indices.reversed() where index > 0 { collect(index, until: patience) }
    guard let leader = actors.first?.process.process else { return }
    // As long as the leader is not collected, the group's number is its own: whatever an actor may
    // have started ends here.
    if ends[0] == nil {
      waitForEnd(of: leader, until: patience)
      leader.signalGroup(SIGKILL)
      collect(0, until: .immediate)
    }
  }

  // MARK: - Inside

  private func collect(
    from indices: [Int], _ accept: (ActorReport) -> Bool
  ) throws {
    try collect(from: indices) { report, _ in accept(report) }
  }

  private func collect(
    from indices: [Int], _ accept: (ActorReport, Int) -> Bool
  ) throws {
    var missing = indices
    while !missing.isEmpty {
      for index in try waitForNews(missing) {
        let report: ActorReport?
        do {
          report = try actors[index].process.channel.receive(ActorReport.self, deadline: .never)
        } catch { throw fate(of: index) }
        switch report {
        case nil: throw fate(of: index)
        case .failure(let text)?: throw LabError("\(actors[index].name): \(text)")
        case .some(let report):
          guard accept(report, index) else {
            throw LabError("\(actors[index].name) spoke out of turn")
          }
          missing.removeAll { $0 == index }
        }
      }
    }
  }

  /// Waits until at least one of the actors has said something or is gone.
  private func waitForNews(_ indices: [Int]) throws -> [Int] {
    var entries = indices.map {
      pollfd(fd: actors[$0].process.channel.descriptor, events: Int16(POLLIN), revents: 0)
    }
    if let interruption {
      entries.append(pollfd(fd: interruption.descriptor, events: Int16(POLLIN), revents: 0))
    }
    while true {
      let count = unsafe poll(
        &entries, nfds_t(entries.count), patience.nextLook.pollMilliseconds)
      if count < 0 && errno != EINTR { throw lastError("poll") }
      let isOver = patience.isOver()
      if interruption?.check() == true { throw TrialRunner.Interrupted() }
      if count > 0 {
        let news = zip(indices, entries).filter { $0.1.revents != 0 }.map(\.0)
        if !news.isEmpty { return news }
      }
      if isOver {
        let names = indices.map { actors[$0].name }.joined(separator: ", ")
        throw LabError("no answer from \(names) before the deadline: the trial was killed")
      }
    }
  }

  /// What became of an actor whose channel ended.
  private func fate(of index: Int) -> LabError {
    let actor = actors[index]
    var text = "\(actor.name) ended unexpectedly"
    if let status = collect(index, until: .after(.seconds(2))) { text += ": \(status)" }
    let tail = actor.process.standardErrorTail()
    if !tail.isEmpty { text += "; it said: \(tail.trimmingSuffix(while: \.isNewline))" }
    return LabError(text)
  }

  /// Waits for an actor to end, kills it at the deadline, and collects it, once.
  @discardableResult
  private func collect(_ index: Int, until patience: Deadline) -> ExitStatus? {
    if let status = ends[index] { return status }
    let process = actors[index].process.process
    if !waitForEnd(of: process, until: patience) { process.signal(SIGKILL) }
    ends[index] = try? process.wait().status
    return ends[index]
  }

  /// Waits until a process that was not collected yet has ended; `false` at the deadline.
  @discardableResult
  private func waitForEnd(of process: ChildProcess, until patience: Deadline) -> Bool {
    guard let end = try? process.openPidfd() else { return false }
    var entry = pollfd(fd: end.raw, events: Int16(POLLIN), revents: 0)
    while true {
      let count = unsafe poll(&entry, 1, patience.pollMilliseconds)
      if count > 0 { return true }
      if count == 0 && patience.hasPassed { return false }
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
    var end = endIndex
    while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
    return self[..<end]
  }
}
