import Coursework
import Glibc
import IPCSystem
import TestSupport
import Testing

extension BuiltPrograms {
  static let ipclab = directory + "/ipclab"
  static let hostile = directory + "/HostilePrograms"
}

@Suite("The hostile pack", .serialized)
struct HostilePackTests {
  private let runner = CheckRunner(executable: BuiltPrograms.ipclab)

  @Test("gets its exact outcome and leaves nothing behind", arguments: HostilePack.cases)
  func outcome(_ hostile: HostilePack.Case) async throws {
    let scratch = try Scratch()
    let results = scratch.path
    let plan = HostilePack.plan(
      for: hostile, program: BuiltPrograms.hostile, results: results, seed: 1)
    let report = try await blocking { [runner] in runner.run(plan) }
    if report.isInNamespaces || !hostile.needsNamespaces {
      #expect(hostile.agrees(with: report), "\(report)")
    } else {
      #expect(report.outcome.word != "limit" && report.containment.contains("no namespaces"))
    }
    #expect(DirectoryListing.names(in: results).isEmpty)
    let left = DirectoryListing.names(in: "/proc").compactMap { Int32($0) }.filter {
      (SmallFile.read("/proc/\($0)/cmdline") ?? "").contains(results)
    }
    #expect(left.isEmpty, "still running: \(left)")
  }

  @Test("a program finds the objects of the check")
  func sharing() async throws {
    let plan = CheckPlan(
      check: "engine.shares", seed: 1, programs: ["program": [BuiltPrograms.hostile, "peer"]])
    let report = try await blocking { [runner] in runner.run(plan) }
    #expect(report.outcome == .pass, "\(report)")
  }
}
