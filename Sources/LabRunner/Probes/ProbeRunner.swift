public import IPCSystem
public import IPCTransport
public import LabResults

/// Runs every probe on every transport.
public enum ProbeRunner {
  /// How long one experiment may take before it has failed.
  private static let limit = Duration.seconds(40)

  /// Runs the experiments and returns their results, mechanism by mechanism in the order given.
  ///
  /// Each experiment has processes, names and a directory of its own, so some can run at once. Those
  /// that do are on different mechanisms where there are several, which shares the limits that a
  /// user has on some of them.
  ///
  /// - Parameters:
  ///   - transports: The mechanisms to examine.
  ///   - probes: The questions to ask each of them.
  ///   - executable: The ipclab program, see ``LabExecutable``.
  ///   - runtime: Where to put names; `nil` is this user's runtime directory.
  ///   - parallel: How many experiments to run at once.
  ///   - progress: Called after each experiment with how many are done, of how many, and its
  ///     result; from another thread, one call at a time.
  ///   - isInterrupted: Asked now and then. When it says yes, what was found so far is returned.
  public static func run(
    transports: [any Transport], probes: [any Probe], executable: String,
    runtime: RuntimeDirectory? = nil, parallel: Int = 8,
    progress: @escaping @Sendable (Int, Int, FeatureResult) -> Void = { _, _, _ in },
    isInterrupted: @escaping @Sendable () -> Bool = { false }
  ) throws -> [FeatureResult] {
    let runtime = try runtime ?? RuntimeDirectory.open()
    let queue = Queue(transports: transports, probes: probes)
    let crew = ThreadCrew()
    defer { crew.wait() }
    for _ in 0..<max(1, parallel) {
      try crew.run {
        while !isInterrupted(), let (index, transport, probe) = queue.next() {
          var result: FeatureResult
          var repeats = 0
          repeat {
            let standstill: Bool
            (result, standstill) = examine(transport, probe, executable, runtime, isInterrupted)
            // What was seen while the machine stood still says nothing of the mechanism.
            if !standstill || repeats == TrialRunner.repeats { break }
            repeats += 1
          } while !isInterrupted()
          if isInterrupted() { return }
          queue.finish(index, result, progress)
        }
      }
    }
    crew.wait()
    return queue.results
  }

  /// Runs one experiment; tells also whether the machine stood still during it.
  private static func examine(
    _ transport: any Transport, _ probe: any Probe, _ executable: String,
    _ runtime: RuntimeDirectory, _ isInterrupted: @escaping @Sendable () -> Bool
  ) -> (result: FeatureResult, standstill: Bool) {
    let claim = probe.claim(of: transport.capabilities)
    var result = FeatureResult(
      probe: probe.info.id, mechanism: transport.mechanism.id, claim: claim, observed: "",
      verdict: .failed, evidence: [])
    let lab = ProbeLab(
      transport: transport, executable: executable, runtime: runtime, limit: limit,
      isInterrupted: isInterrupted)
    do {
      switch try probe.run(in: lab) {
      case .saw(let observed, let detail):
        result.observed = observed + (detail.map { ": \($0)" } ?? "")
        result.verdict = observed == claim ? .agrees : .disagrees
      case .notApplicable(let reason):
        result.observed = reason
        result.verdict = .notApplicable
      case .notPossibleHere(let reason):
        result.observed = reason
        result.verdict = .notPossibleHere
      }
    } catch {
      result.observed = "experiment failed"
      lab.note("\(error)")
    }
    result.evidence = lab.evidence
    lab.close()
    return (result, lab.hasStoodStill)
  }

  /// The experiments still to be done and the results of those that are.
  private final class Queue: Sendable {
    private let transports: [any Transport]
    private let probes: [any Probe]
    private let state: Locked<(next: Int, done: Int, results: [FeatureResult?])>

    init(transports: [any Transport], probes: [any Probe]) {
      self.transports = transports
      self.probes = probes
      state = Locked((0, 0, Array(repeating: nil, count: transports.count * probes.count)))
    }

    var results: [FeatureResult] { state.withLock { $0.results.compactMap { $0 } } }

    func next() -> (Int, any Transport, any Probe)? {
      let index = state.withLock { state in
        defer { state.next += 1 }
        return state.next
      }
      guard index < transports.count * probes.count else { return nil }
      let (probe, transport) = index.quotientAndRemainder(dividingBy: transports.count)
      return (transport * probes.count + probe, transports[transport], probes[probe])
    }

    func finish(
      _ index: Int, _ result: FeatureResult, _ progress: (Int, Int, FeatureResult) -> Void
    ) {
      state.withLock { state in
        state.results[index] = result
        state.done += 1
        progress(state.done, state.results.count, result)
      }
    }
  }
}
