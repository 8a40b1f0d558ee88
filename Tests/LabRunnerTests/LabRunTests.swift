import IPCSystem
import LabResults
import TestSupport
import Testing

@testable import LabRunner

@Suite("A run", .timeLimit(.minutes(2)), .serialized)
struct LabRunTests {
  private func smallPlan(seed: UInt64 = 7) -> RunPlan {
    var plan = RunPlan(seed: seed, commandLine: ["ipclab", "run"])
    plan.transports = ["fifo", "unix-stream", "message-queue"]
    plan.scenarios = ["echo", "connect"]
    plan.sizes = [64, 65_536]
    plan.placements = [.none]
    plan.trials = 2
    plan.trialNanoseconds = 2_000_000
    return plan
  }

  private func make(
    _ plan: RunPlan, in place: Scratch, continuing previous: ResultDocument? = nil
  ) throws -> LabRun {
    LabRun(
      plan: plan,
      runner: TrialRunner(
        executable: try LabExecutable.find(), runtime: place.runtime, interruption: nil),
      environment: MachineSurvey.environment(), toolVersion: "test", continuing: previous)
  }

  @Test("measures every cell or says why not, and controls itself")
  func complete() throws {
    let place = try Scratch()
    let run = try make(smallPlan(), in: place)
    var reports = 0
    #expect(try run.run(report: { _ in reports += 1 }, checkpoint: { _ in }) == .complete)
    #expect(reports == run.totalTrials)
    let document = run.document(ending: .complete)
    #expect(!document.run.isPartial)
    for cell in document.cells {
      if cell.mechanism == "message-queue" && cell.size == 65_536 && cell.scenario == "echo" {
        #expect(cell.status == .notApplicable)
        #expect(cell.reason?.contains("too large") == true)
      } else {
        #expect(
          cell.status == .measured, "\(cell.mechanism) \(cell.scenario): \(cell.reason ?? "")")
        #expect(cell.trials.count == 2)
      }
    }
    let orders = document.cells.flatMap(\.trials).map(\.order)
    #expect(Set(orders).count == orders.count)
    #expect(document.noise?.comparisons.count == 2)
    #expect(document.noise?.comparisons.allSatisfy { $0.mechanism == "unix-stream" } == true)
    #expect(document.noise?.comparisons.allSatisfy { $0.cpuDifference ?? -1 >= 0 } == true)
  }

  @Test("goes on where it was interrupted and measures nothing twice")
  func resume() throws {
    let place = try Scratch()
    let first = try make(smallPlan(), in: place)
    _ = try first.run(report: { _ in }, checkpoint: { _ in })
    // As if half of the cells had not been reached.
    var partial = first.document(ending: .interrupted)
    for index in partial.cells.indices where index % 2 == 0 { partial.cells[index].trials = [] }
    let kept = partial.cells.flatMap(\.trials)
    let second = try make(smallPlan(), in: place, continuing: partial)
    _ = try second.run(report: { _ in }, checkpoint: { _ in })
    let document = second.document(ending: .complete)
    #expect(document.cells.allSatisfy { $0.status != .notReached })
    let trials = document.cells.flatMap(\.trials)
    for trial in kept { #expect(trials.contains(trial)) }
    #expect(document.run.startedAt == partial.run.startedAt)
  }

  @Test("orders its trials by its seed alone")
  func order() throws {
    let place = try Scratch()
    func labels(_ seed: UInt64) throws -> [String] {
      var labels: [String] = []
      var plan = smallPlan(seed: seed)
      plan.trialNanoseconds = 1
      let run = try make(plan, in: place)
      _ = try run.run(report: { labels.append($0.label) }, checkpoint: { _ in })
      return labels
    }
    let first = try labels(1)
    #expect(try labels(1) == first)
    #expect(try labels(2) != first)
  }

  @Test("fits its trials to a budget, but never below three")
  func budget() {
    var plan = smallPlan()
    plan.trials = 5
    plan.budgetNanoseconds = 300_000_000_000
    plan.fitToBudget(runnable: 300)
    #expect(plan.trials == 5)
    #expect(plan.trialNanoseconds > 100_000_000)
    plan.budgetNanoseconds = 10_000_000_000
    plan.fitToBudget(runnable: 300)
    #expect(plan.trials == 3)
  }
}
