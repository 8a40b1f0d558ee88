internal import Glibc
public import IPCSystem

/// A program of the submission that was started.
///
/// A thread takes what it writes, keeps the first megabyte and throws the rest away, so that no
/// program ever waits for the check.
public final class Program: Sendable {
  /// Its name in `lab.json`.
  public let name: String
  /// Process id.
  public let pid: Int32
  /// The most bytes of each output that are kept.
  static let kept = 1 << 20

  let state = Monitor(State())
  private let child: ChildProcess
  private let note: @Sendable (String) -> Void
  private let end: Deadline
  private let patience: Double

  struct State {
    var output: [UInt8] = []
    var errorOutput: [UInt8] = []
    var written = 0
    /// Bytes of the output that `line` has given out.
    var taken = 0
    /// Bytes of the output that `line` has looked through.
    var searched = 0
    var outputEnded = false
    var status: ExitStatus?
    var processorSeconds = 0.0
    /// Everything is collected: status, and what was in the pipes.
    var isOver = false
    /// The check, or its end, has killed it.
    var wasKilled = false
    /// The signals that the check has sent it.
    var signals: Set<Int32> = []
    /// The check has waited for its end: that it ends is no surprise.
    var wasAwaited = false
    var input: Int32 = -1
  }

  /// Starts the process, with a session of its own.
  ///
  /// - Parameters:
  ///   - end: When the whole check is over; no wait is longer.
  ///   - hidesOutput: Whether its standard output is a socket: a pipe can be opened by other processes
  ///     through `/proc`, a socket cannot.
  ///   - patience: How many times as long as it says a wait may take.
  ///   - note: Is told what is done to the program.
  init(
    name: String, plan: ChildProcess.Plan, input: Input, end: Deadline, outputLimit: Int,
    hidesOutput: Bool = false, patience: Double = 1, note: @escaping @Sendable (String) -> Void
  ) throws(SystemError) {
    let toProgram = try Pipes.make(capacity: nil)
    let output = try OutputEnds(hidden: hidesOutput)
    let errors = try Pipes.make(capacity: nil)
    var plan = plan
    plan.descriptors = [
      (0, toProgram.readEnd.raw), (1, output.write.raw), (2, errors.writeEnd.raw),
    ]
    plan.startsSession = true
    let child = try ChildProcess.start(plan)
    self.name = name
    self.child = child
    self.end = end
    self.patience = patience
    self.note = note
    pid = child.pid
    let pidfd = try child.openPidfd()
    let hands = try toProgram.writeEnd.duplicate()
    let numbers = [
      try output.read.duplicate().release(), try errors.readEnd.duplicate().release(),
      pidfd.release(),
    ]
    let raw = hands.release()
    state.change { $0.input = raw }
    switch input {
    case .pipe: break
    case .null: closeInput()
    case .bytes(let bytes):
      try SystemThread.start { [state] in
        try? Self.write(bytes, to: state)
        Self.closeInput(of: state)
      }
    }
    try SystemThread.start { [state] in
      Self.collect(child, numbers, into: state, outputLimit: outputLimit)
    }
  }

  /// What a program writes its output to, and where that is read.
  private struct OutputEnds: ~Copyable {
    let read: OwnedDescriptor
    let write: OwnedDescriptor

    init(hidden: Bool) throws(SystemError) {
      if hidden {
        let pair = try LocalSocket.pair(.stream)
        read = pair.first
        write = pair.second
      } else {
        let pipe = try Pipes.make(capacity: nil)
        read = pipe.readEnd
        write = pipe.writeEnd
      }
    }
  }

  /// What a program has as standard input.
  public enum Input: Sendable {
    /// What ``Program/send(_:)`` writes, until ``Program/closeInput()``.
    case pipe
    /// Nothing: end of file at once.
    case null
    /// These bytes, and then end of file.
    case bytes([UInt8])
  }

  /// Writes to its standard input.
  ///
  /// - Throws: ``CheckFailure`` when the program does not read any more.
  public func send(_ bytes: [UInt8]) throws {
    do { try Self.write(bytes, to: state) } catch {
      throw CheckFailure(
        expected: "\(name) reads its standard input",
        seen: "\(name) does not: \(ending ?? error.description)")
    }
  }

  /// Writes text to its standard input.
  public func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Writes a line to its standard input and says so in the story.
  public func sendLine(_ text: String) throws {
    note("typed \(Escaped.text(text.utf8)) into \(name)")
    try send(text + "\n")
  }

  /// Ends its standard input.
  public func closeInput() { Self.closeInput(of: state) }

  /// Waits for the next line of its standard output, and returns it without its end.
  ///
  /// - Throws: ``CheckFailure``: in time none came, or the program ended before.
  public func line(within: Duration = .seconds(5)) throws -> String {
    let within = within * patience
    let answer = state.wait(limited(within)) { state -> String?? in
      let rest = state.output[state.taken...]
      // What has come since the last look only: a flood comes in very many pieces.
      let end = state.output[max(state.taken, state.searched)...].firstIndex(of: 0x0A)
      state.searched = state.output.count
      if let end {
        state.taken = end + 1
        state.searched = end + 1
        return .some(String(decoding: rest[..<end].filter { $0 != 0x0D }, as: UTF8.self))
      }
      if state.outputEnded || state.isOver {
        state.taken = state.output.count
        return rest.isEmpty ? .some(nil) : String(decoding: rest, as: UTF8.self)
      }
      return nil
    }
    switch answer {
    case .some(.some(let text)): return text
    case .some(.none):
      settle(within: .milliseconds(300))
      throw CheckFailure(
        expected: "\(name) prints a line", seen: ending ?? "\(name) closed its standard output")
    case .none:
      throw CheckFailure(
        .timeout, expected: "\(name) prints a line within \(within)", seen: silence)
    }
  }

  /// Waits for the process to end.
  ///
  /// - Throws: ``CheckFailure`` when it does not in time.
  @discardableResult
  public func waitForExit(within: Duration = .seconds(5)) throws -> ExitStatus {
    let within = within * patience
    state.change { $0.wasAwaited = true }
    let status = state.wait(limited(within)) { $0.isOver ? $0.status : nil }
    if let status { return status }
    throw CheckFailure(
      .timeout, expected: "\(name) ends within \(within)", seen: "\(name) is still running")
  }

  /// Waits a moment for its end. What a process had open is closed before it has ended: who saw that
  /// comes here to learn why.
  func settle(within: Duration) { _ = state.wait(limited(within)) { $0.isOver ? true : nil } }

  /// The first megabyte of what it wrote to its standard output.
  public var output: [UInt8] { state.look { $0.output } }
  /// The first megabyte of what it wrote to its standard error.
  public var errorOutput: [UInt8] { state.look { $0.errorOutput } }
  /// Whether it has not ended yet.
  public var isRunning: Bool { state.look { $0.status == nil } }
  /// How it ended; `nil` while it runs.
  public var status: ExitStatus? { state.look { $0.status } }

  /// Kills it, as kill -9 does, and waits until it is gone. That is no crash.
  public func kill() {
    note("killed \(name)")
    end(with: SIGKILL)
    _ = state.wait(.after(.seconds(2))) { $0.isOver ? true : nil }
  }

  /// Sends it a signal. That it ends of it is no crash.
  public func signal(_ number: Int32) {
    note("sent signal \(number) to \(name)")
    state.change { state in
      if state.status != nil { return }
      state.signals.insert(number)
      child.signal(number)
    }
  }

  /// Sends a signal that is to end it, if it is there still: its id may be another's afterwards.
  func end(with number: Int32) {
    state.change { state in
      if state.status != nil { return }
      state.wasKilled = true
      child.signal(number)
    }
  }

  /// How it ended, for a report.
  var ending: String? {
    state.look { state in
      guard let status = state.status else { return nil }
      let last = Escaped.plain(state.errorOutput.suffix(400))
      let said = last.split(separator: "\n").suffix(2).joined(separator: " / ")
      return "\(name) ended: \(status)" + (said.isEmpty ? "" : ", having said: \(said)")
    }
  }

  private var silence: String {
    let rest = state.look { Array($0.output[$0.taken...]) }
    return rest.isEmpty
      ? "nothing, and \(name) is still running"
      : "\(Escaped.text(rest)) without an end of line, and \(name) is still running"
  }

  private func limited(_ within: Duration) -> Deadline { min(.after(within), end) }

  private static func write(_ bytes: [UInt8], to state: Monitor<State>) throws(SystemError) {
    // A copy of its own: the input may be closed by another thread meanwhile.
    let raw = state.look { state in state.input < 0 ? -1 : dup(state.input) }
    if raw < 0 { throw SystemError(code: EPIPE, call: "write") }
    let copy = OwnedDescriptor(adopting: raw)
    try Files.write(bytes, to: copy.raw)
  }

  private static func closeInput(of state: Monitor<State>) {
    let raw = state.change { state in
      defer { state.input = -1 }
      return state.input
    }
    if raw >= 0 { close(raw) }
  }

  /// Takes what the process writes and waits for its end: never for the end of its output, which a
  /// child of it may hold open for ever.
  private static func collect(
    _ child: ChildProcess, _ numbers: [Int32], into state: Monitor<State>, outputLimit: Int
  ) {
    var entries = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var drainUntil = Deadline.never
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var status: ExitStatus?
    while entries[0].fd >= 0 || entries[1].fd >= 0 || status == nil {
      let ready = unsafe poll(&entries, 3, drainUntil.pollMilliseconds)
      if ready < 0 && errno != EINTR { break }
      if drainUntil.hasPassed || (ready == 0 && !drainUntil.isNever) { break }
      for index in 0..<2 where entries[index].fd >= 0 && entries[index].revents != 0 {
        let count = unsafe read(entries[index].fd, &buffer, buffer.count)
        if count <= 0 {
          entries[index].fd = -1
          if index == 0 { state.change { $0.outputEnded = true } }
          continue
        }
        state.change { state in
          state.written += count
          if index == 0 {
            state.output += buffer[..<min(count, kept - state.output.count)]
          } else {
            state.errorOutput += buffer[..<min(count, kept - state.errorOutput.count)]
          }
          if state.written > outputLimit && state.status == nil { child.signal(SIGKILL) }
        }
      }
      if status == nil, entries[2].revents != 0 {
        entries[2].fd = -1
        status = state.change { state in
          let end = try? child.wait()
          let used = end.map { $0.usage.userNanoseconds + $0.usage.systemNanoseconds } ?? 0
          state.processorSeconds = Double(used) / 1e9
          state.status = end?.status ?? .exited(-1)
          return state.status
        }
        drainUntil = .after(.milliseconds(500))
      }
    }
    for number in numbers { close(number) }
    closeInput(of: state)
    state.change { state in
      state.outputEnded = true
      state.isOver = true
    }
  }
}
