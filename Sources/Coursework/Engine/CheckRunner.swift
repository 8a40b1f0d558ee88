internal import FoundationEssentials
internal import IPCSystem

/// Runs checks, one at a time per call; calls may be made from several threads.
public struct CheckRunner: Sendable {
  let executable: String
  let checks: [Check]

  /// - Parameters:
  ///   - executable: The path of the program `ipclab`, which plays the check process.
  ///   - checks: The checks there are.
  public init(executable: String, checks: [Check] = BuiltInChecks.all) {
    self.executable = executable
    self.checks = checks
  }

  /// Runs one check. Whatever a submission does, this returns, and nothing is left.
  public func run(_ plan: CheckPlan) -> CheckReport {
    do { return try attempt(plan) } catch {
      return CheckReport(
        id: plan.check, outcome: .graderError("\(error)"), maxPoints: plan.points, seed: plan.seed)
    }
  }

  private func attempt(_ plan: CheckPlan) throws -> CheckReport {
    guard let check = checks.first(where: { $0.id == plan.check }) else {
      throw CheckFailure(.grader, expected: "a check \(plan.check)", seen: "there is none")
    }
    let place =
      FileManager.default.temporaryDirectory.path + "/ipclab-check-"
      + String(UInt64.random(in: 0...UInt64.max), radix: 36)
    defer { try? FileManager.default.removeItem(atPath: place) }
    let runtime = try RuntimeDirectory(verifying: place)
    let work = try runtime.subdirectory("work").path
    var environment = ProcessInfo.processInfo.environment
    environment["IPCLAB_RUNTIME_DIR"] = try runtime.subdirectory("names").path
    let context = CheckContext(
      seed: plan.seed, directory: work, runtime: try runtime.subdirectory("names"),
      deadline: .after(.milliseconds(Int64(plan.seconds * 1000))), commands: plan.programs,
      environment: environment.map { "\($0.key)=\($0.value)" }, limits: plan.limits)
    var report = CheckExecution(check: check, context: context).run()
    report.maxPoints = plan.points
    report.points = report.outcome.isPass ? plan.points : 0
    report.containment = "none"
    return report
  }
}
