internal import Glibc
internal import IPCSystem

/// Runs one check in this process and judges how it went.
struct CheckExecution {
  let check: Check
  let context: CheckContext

  /// Runs the check, ends its programs and says what became of it.
  func run() -> CheckReport {
    let start = MonotonicClock.now()
    var failure: CheckFailure?
    do { try check.body(context) } catch let error as CheckFailure { failure = error } catch {
      failure = CheckFailure(expected: "no error", seen: "\(error)")
    }
    let programs = context.story.withLock { $0.programs }
    for program in programs { program.stop() }
    var report = CheckReport(
      id: check.id, outcome: outcome(failure, programs), seed: context.seed,
      expected: failure?.expected, seen: failure?.seen)
    report.cause = failure?.cause
    report.seconds = Double(MonotonicClock.now() - start) / 1e9
    context.story.withLock { story in
      report.did = story.did
      report.wire = story.wire.suffix(12)
    }
    for program in programs {
      let last = Escaped.plain(program.errorOutput.suffix(1000))
      if !last.isEmpty { report.said.append("\(program.name): \(last)") }
    }
    return report
  }

  private func outcome(_ failure: CheckFailure?, _ programs: [Program]) -> Outcome {
    for program in programs {
      if let limit = program.brokenLimit(context.limits) { return .limit(limit) }
    }
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
}

extension Program {
  /// How it ended, when a signal ended it that nobody here sent.
  var crash: ExitStatus? {
    state.look { state in
      guard case .signaled = state.status, !state.wasKilled else { return nil }
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
    if number == SIGXCPU { return .processorTime }
    if number == SIGXFSZ { return .fileSize }
    return nil
  }

  /// Ends it at the end of the check: first asks, then kills.
  func stop() {
    closeInput()
    if !isRunning { return }
    end(with: SIGTERM)
    if state.wait(.after(.milliseconds(200)), { $0.isOver ? true : nil }) == nil {
      end(with: SIGKILL)
      _ = state.wait(.after(.seconds(2))) { $0.isOver ? true : nil }
    }
  }
}
