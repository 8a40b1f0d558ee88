internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// Runs one check in this process and judges how it went.
struct CheckExecution: Sendable {
  let check: Check
  let context: CheckContext
  let order: CheckOrder
  let containment: Containment
  /// The containment in words.
  let containmentText: String
  let start = MonotonicClock.now()

  /// Runs the check, ends its programs and says what became of it.
  func run(_ watch: Watch) -> CheckReport {
    var failure: CheckFailure?
    do { try check.body(context) } catch { failure = Self.failure(error) }
    let programs = context.programs
    if failure != nil {
      for program in programs { program.settle(within: .milliseconds(30)) }
    }
    var leftovers = Leftovers()
    leftovers.findProcesses(excusing: programs, in: containment)
    // All are asked before the first is waited for.
    for program in programs { program.ask() }
    for program in programs { program.stop() }
    if containment == .namespaces { leftovers.findObjects(order) }
    return report(failure, watch, leftovers)
  }

  /// The report of a check that does not come to its end.
  func late(_ watch: Watch) -> CheckReport {
    let last = context.story.withLock { $0.did.last }
    return report(
      CheckFailure(
        .timeout, expected: "the check is over within \(order.plan.seconds) s",
        seen: "it was not" + (last.map { "; the last it did: \($0)" } ?? "")),
      watch, Leftovers())
  }

  private func report(
    _ failure: CheckFailure?, _ watch: Watch, _ leftovers: Leftovers
  ) -> CheckReport {
    let programs = context.programs
    var outcome = outcome(failure, programs, watch)
    // Who runs a check of their own answers for what it leaves.
    if outcome.isPass && !leftovers.all.isEmpty && order.plan.run == nil {
      outcome = .leak(leftovers.all)
    }
    var report = CheckReport(
      id: check.id, outcome: outcome, maxPoints: order.plan.points, seed: context.seed,
      expected: failure.map { Self.shortened($0.expected) },
      seen: failure.map { Self.shortened($0.seen) })
    if case .leak(let names) = outcome {
      report.expected = "nothing is left when the programs have ended"
      report.seen = names.joined(separator: "; ")
    }
    if case .limit(let limit) = outcome {
      report.expected = context.limits.text(of: limit)
      report.seen = "more than that, and it was stopped"
    }
    report.cause = failure?.cause.map(Self.shortened)
    report.seconds = Double(MonotonicClock.now() - start) / 1e9
    report.leftovers = leftovers.all
    report.containment = containmentText
    context.story.withLock { story in
      report.did = story.did
      report.wire = story.wire.suffix(12)
    }
    report.said = programs.compactMap(\.lastWords)
    return report
  }

  /// What an error that no check has foreseen says about the programs.
  private static func failure(_ error: any Error) -> CheckFailure {
    if let failure = error as? CheckFailure { return failure }
    let isTimeout =
      (error as? TransportError)?.code == .timedOut || (error as? SystemError)?.code == ETIMEDOUT
    return CheckFailure(
      isTimeout ? .timeout : .expectation,
      expected: isTimeout ? "the conversation goes on" : "no error", seen: "\(error)")
  }

  private static func shortened(_ text: String) -> String {
    text.utf8.count > 2000 ? text.prefix(1000) + " … " + text.suffix(500) : text
  }

  private func outcome(
    _ failure: CheckFailure?, _ programs: [Program], _ watch: Watch
  ) -> Outcome {
    if let limit = watch.brokenLimit { return .limit(limit) }
    for program in programs {
      if let limit = program.brokenLimit(context.limits) { return .limit(limit) }
    }
    if failure != nil && hasLargestFile { return .limit(.fileSize) }
    // What the programs did explains what the check missed.
    for program in programs {
      if case .signaled(let number) = program.crash, failure != nil || program.isCrashed {
        return .crash(signal: number)
      }
    }
    switch failure?.kind {
    case nil: return .pass
    case .expectation: return .fail
    case .timeout: return .timeout
    case .grader: return .graderError(failure?.description ?? "")
    }
  }

  /// Whether a file is as large as files may get: not every program ends of the signal.
  private var hasLargestFile: Bool {
    DirectoryListing.names(in: context.directory).contains { name in
      var status = stat()
      return unsafe lstat(context.directory + "/" + name, &status) == 0
        && status.st_size >= context.limits.fileSize
    }
  }
}

extension Program {
  /// How it ended, when a signal ended it that nobody here sent.
  var crash: ExitStatus? {
    state.look { state in
      guard case .signaled(let number) = state.status, !state.wasKilled,
        !state.signals.contains(number)
      else { return nil }
      return state.status
    }
  }

  /// Whether it ended of a mistake in it, such as an index out of range. (A signal such as `SIGPIPE`
  /// may be the end that was asked for.)
  var isCrashed: Bool {
    guard case .signaled(let number) = crash else { return false }
    return [SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGTRAP, SIGSYS].contains(number)
  }

  /// The limit that it has gone over.
  func brokenLimit(_ limits: CheckLimits) -> Outcome.Limit? {
    if state.look({ $0.written > limits.output }) { return .output }
    guard case .signaled(let number) = crash else { return nil }
    if number == SIGXFSZ { return .fileSize }
    // A program that ignores the first signal is killed some seconds later.
    let isSpent = state.look { $0.processorSeconds >= Double(limits.processorSeconds) }
    return number == SIGXCPU || (number == SIGKILL && isSpent) ? .processorTime : nil
  }

  /// How it ended, if by itself, and the last of what it wrote on its standard error; `nil` when there
  /// is nothing to say.
  var lastWords: String? {
    let (status, wasKilled) = state.look { ($0.status, $0.wasKilled) }
    let end = wasKilled || status == nil ? "stopped by the check" : "\(status!)"
    let last = Escaped.plain(errorOutput.suffix(1000))
    if last.isEmpty { return wasKilled || status?.isSuccess == true ? nil : "\(name) (\(end))" }
    return "\(name) (\(end)): \(last)"
  }

  /// Asks it to end, at the end of the check.
  func ask() {
    closeInput()
    end(with: SIGTERM)
    end(with: SIGCONT)  // one that is stopped would not hear it
  }

  /// Ends it if it does not end when asked.
  func stop() {
    if !isRunning { return }
    ask()
    if state.wait(.after(.milliseconds(200)), { $0.isOver ? true : nil }) == nil {
      end(with: SIGKILL)
      _ = state.wait(.after(.seconds(2))) { $0.isOver ? true : nil }
    }
  }
}
