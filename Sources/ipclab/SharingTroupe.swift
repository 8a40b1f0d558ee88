internal import Glibc
internal import IPCSystem
internal import ReadersWriters
internal import SyncObjects

/// The processes of `ipclab readers-writers`: started together, watched, ended together.
final class SharingTroupe {
  /// How watching ended.
  enum Ending {
    case timeUp
    case interrupted
    /// All processes were killed.
    case nobodyLeft
    /// Nobody gets on since somebody was killed.
    case stuck
  }

  private struct Member {
    let name: String
    let process: ChildProcess
    let end: OwnedDescriptorBox
    var status: ExitStatus?
  }

  private let part: SharingPart
  private let runtime: RuntimeDirectory
  private let stage: SharingPart.Stage
  private var members: [Member] = []
  /// Who was killed before the end.
  private var deaths: [Int] = []
  private var began: UInt64 = 0
  private var lasted: UInt64 = 0

  /// How long nobody may get on after a death before it is said that nobody will.
  private static let patience: UInt64 = 3_000_000_000

  /// Starts the processes and lets them begin when all are there.
  init(
    _ part: SharingPart, readers: Int, writers: Int, program: String, in runtime: RuntimeDirectory
  ) throws {
    self.part = part
    self.runtime = runtime
    stage = try part.open(in: runtime)
    do {
      for slot in 0..<readers + writers {
        let isWriter = slot >= readers
        var plan = ChildProcess.Plan(
          program: program, arguments: part.words(slot: slot, isWriter: isWriter))
        // Ctrl-C is for this process, which then ends the others.
        plan.group = 0
        let process = try ChildProcess.start(plan)
        members.append(
          Member(
            name: isWriter ? "writer \(slot - readers + 1)" : "reader \(slot + 1)",
            process: process, end: OwnedDescriptorBox(try process.openPidfd())))
      }
      let deadline = Deadline.after(.seconds(10))
      for _ in members where Waiting.any(of: [stage.ready], deadline: deadline) != .taken(0) {
        throw EnvironmentError("a process did not start within 10 seconds")
      }
    } catch {
      for member in members {
        member.process.signal(SIGKILL)
        _ = try? member.process.wait()
      }
      throw error
    }
    let numbers = members.map { "\($0.name) is process \($0.process.pid)" }
    Output.message(
      "The mapping is called \(part.name), its record has \(part.recordSize) bytes, "
        + "\(Self.words(for: part.accessGuard)).\n" + numbers.joined(separator: ", ") + ".")
    began = MonotonicClock.now()
    stage.start.set()
  }

  private static func words(for kind: GuardKind) -> String {
    switch kind {
    case .mutex: "a mutex guards it"
    case .semaphore: "semaphores guard it"
    case .event: "a mutex and an event guard it"
    case .none: "nothing guards it"
    }
  }

  // MARK: - Watching

  /// Shows how they get on until the time is up, something is wrong, or a signal arrives.
  func watch(until deadline: Deadline, _ signals: Int32) throws -> Ending {
    var line = LiveLine()
    defer { line.finish() }
    var seen = operations
    var changed = MonotonicClock.now()
    while true {
      let tick = Deadline.after(.milliseconds(250))
      let isInterrupted = try waitForNews(until: min(tick, deadline), signals)
      noticeEnds(expected: false, line)
      if isInterrupted { return .interrupted }
      if members.allSatisfy({ $0.status != nil }) { return .nobodyLeft }
      let now = MonotonicClock.now()
      if operations != seen || deaths.isEmpty {
        seen = operations
        changed = now
      } else if now - changed > Self.patience {
        return .stuck
      }
      if deadline.hasPassed { return .timeUp }
      line.show(stage.board, since: began)
    }
  }

  private var operations: UInt64 {
    stage.board.total(.reads) &+ stage.board.total(.writes)
  }

  /// Waits for a signal, the end of a process, or the time.
  ///
  /// - Returns: Whether a signal has arrived.
  private func waitForNews(until deadline: Deadline, _ signals: Int32?) throws -> Bool {
    // A negative number is passed over.
    var entries = [pollfd(fd: signals ?? -1, events: Int16(POLLIN), revents: 0)]
    for member in members where member.status == nil {
      entries.append(pollfd(fd: member.end.descriptor, events: Int16(POLLIN), revents: 0))
    }
    let count = unsafe poll(&entries, nfds_t(entries.count), deadline.pollMilliseconds)
    if count < 0 {
      let code = errno
      if code != EINTR { throw SystemError(code: code, call: "poll") }
    }
    return count > 0 && entries[0].revents != 0
  }

  /// Collects who has ended. Who was killed is told of, and what it had is taken back.
  private func noticeEnds(expected: Bool, _ line: LiveLine) {
    for slot in members.indices where members[slot].status == nil {
      guard let status = try? members[slot].process.poll()?.status else { continue }
      members[slot].status = status
      if expected && status.isSuccess { continue }
      deaths.append(slot)
      stage.accessGuard.forget(slot)
      line.finish()
      Output.message(
        "\(members[slot].name) has ended: \(status)." + (expected ? "" : " The others go on."))
    }
  }

  // MARK: - The end

  /// Ends all processes, says what came of it, and returns the exit code.
  func conclude(_ ending: Ending) throws -> Int32 {
    lasted = MonotonicClock.now() - began
    stage.stop.set()
    let patience = Deadline.after(.seconds(2))
    while members.contains(where: { $0.status == nil }), !patience.hasPassed {
      _ = try waitForNews(until: patience, nil)
      noticeEnds(expected: true, LiveLine())
    }
    var late: [String] = []
    for slot in members.indices where members[slot].status == nil {
      late.append(members[slot].name)
      members[slot].process.signal(SIGKILL)
      members[slot].status = try? members[slot].process.wait().status
    }
    Output.data(table)
    let problem = judge(ending, late)
    stage.close()
    // The names know the dead as well, and stay with them.
    try? ObjectNamespace.sweep(runtime)
    if let problem { Output.message("ipclab readers-writers: \(problem)") }
    if ending == .interrupted { return Exit.interrupted }
    return problem == nil ? Exit.done : Exit.failed
  }

  /// What each has done.
  private var table: String {
    let board = stage.board
    let rows = members.indices.map { slot -> [String] in
      let count = board.value(.reads, of: slot) &+ board.value(.writes, of: slot)
      let mean = count == 0 ? 0 : board.value(.nanoseconds, of: slot) / count
      return [
        members[slot].name, "\(members[slot].process.pid)", "\(count)",
        Self.perSecond(count, lasted), "\(mean) ns",
        "\(board.value(.longest, of: slot) / 1000) µs", "\(board.value(.torn, of: slot))",
        "\(board.value(.abandoned, of: slot))",
        members[slot].status.map { "\($0)" } ?? "unknown",
      ]
    }
    let head = [
      "", "process", "operations", "per second", "mean", "longest", "torn", "abandoned", "ended",
    ]
    return TextTable.text([head] + rows, right: Set(1..<head.count - 1))
  }

  /// Says what the counts mean; returns what is wrong.
  private func judge(_ ending: Ending, _ late: [String]) -> String? {
    let board = stage.board
    let (reads, writes) = (board.total(.reads), board.total(.writes))
    let (torn, abandoned) = (board.total(.torn), board.total(.abandoned))
    Output.data(
      "\(reads) reads (\(Self.perSecond(reads, lasted))/s), "
        + "\(writes) writes (\(Self.perSecond(writes, lasted))/s)\n")
    if abandoned > 0 {
      Output.data(
        "The mutex was abandoned \(abandoned == 1 ? "once" : "\(abandoned) times"), and the next one "
          + "was told; \(board.total(.mended)) half-written records were replaced.\n")
    }
    let lost = Int64(writes) - Int64(board.sequence)
    if part.accessGuard == .none {
      Output.data(
        torn == 0
          ? "Nobody saw a torn record, by chance: nothing guards it. Try longer, or a larger --size.\n"
          : "\(torn) of \(reads) reads saw a torn record: that is what a guard is for.\n")
      if lost > 0 {
        Output.data("\(lost) of \(writes) writes were not counted by the record: overwritten.\n")
      }
      return ending == .nobodyLeft ? "nobody is left" : nil
    }
    Output.data(
      torn == 0
        ? "No torn record: every one of \(reads) reads was checked.\n"
        : "\(torn) of \(reads) reads saw a torn record.\n")
    if torn > 0 { return "the guard did not keep readers and writers apart" }
    // Who was killed may have counted a record that it did not count as its own.
    let killed = Int64(deaths.count + late.count)
    if lost > 0 || lost < -killed {
      return
        "the record says that it was written \(board.sequence) times, its writers say \(writes)"
    }
    if ending == .nobodyLeft { return "nobody is left" }
    if ending == .stuck || !late.isEmpty { return stuck(late) }
    return nil
  }

  private func stuck(_ late: [String]) -> String {
    let dead = deaths.map { members[$0].name }.joined(separator: ", ")
    if deaths.isEmpty {
      return "\(late.joined(separator: ", ")) did not end within 2 seconds, and was killed"
    }
    let why =
      part.accessGuard.survivesDeath
      ? ""
      : ": a semaphore has no owner, and what the dead had taken stays taken (see --guard mutex)"
    return "nobody gets on since \(dead) ended" + why
  }

  private static func perSecond(_ count: UInt64, _ nanoseconds: UInt64) -> String {
    "\(UInt64(Double(count) * 1e9 / Double(max(nanoseconds, 1))))"
  }
}

/// A descriptor that arrays can hold.
private final class OwnedDescriptorBox: Sendable {
  private let owned: OwnedDescriptor
  init(_ owned: consuming OwnedDescriptor) { self.owned = owned }
  var descriptor: Int32 { owned.raw }
}

/// The counts while they grow: redrawn on a terminal, a line a second elsewhere.
private struct LiveLine {
  private let isTerminal = Output.canDraw(on: 2)
  private var lastDrawn = MonotonicClock.now()

  mutating func show(_ board: Board, since began: UInt64) {
    let now = MonotonicClock.now()
    guard now - lastDrawn >= (isTerminal ? 200_000_000 : 1_000_000_000) else { return }
    lastDrawn = now
    let text =
      "\((now - began) / 1_000_000_000) s: \(board.total(.reads)) reads, "
      + "\(board.total(.writes)) writes, \(board.total(.torn)) torn, "
      + "\(board.total(.abandoned)) abandoned"
    StandardError.write(isTerminal ? "\r\u{1B}[K" + text : text + "\n")
  }

  func finish() {
    if isTerminal { StandardError.write("\r\u{1B}[K") }
  }
}
