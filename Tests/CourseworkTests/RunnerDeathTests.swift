import FoundationEssentials
import Glibc
import IPCSystem
import TestSupport
import Testing

@testable import Coursework

@Suite("A check process whose runner dies")
struct RunnerDeathTests {
  @Test("takes its programs with it", arguments: ["namespaces", "sweep"])
  func death(_ containment: String) async throws {
    try await blocking {
      let marker = "runner-death-\(UInt64.random(in: 0...UInt64.max))"
      let scratch = try Scratch()
      let plan = CheckPlan(
        check: "engine.hangs", seed: 1, seconds: 60,
        programs: ["program": [BuiltPrograms.hostile, "endless", marker]])
      let order = CheckOrder(
        plan: plan, environment: [], visible: [BuiltPrograms.directory], hidden: [],
        place: scratch.path)
      let sockets = try LocalSocket.pair(.stream)
      var start = ChildProcess.Plan(
        program: BuiltPrograms.ipclab, arguments: [CheckProcess.command, containment])
      start.descriptors = [(2, 2), (CheckProcess.channel, sockets.second.raw)]
      let process = try ChildProcess.start(start)
      sockets.second.close()
      try Files.write(Array(JSONEncoder().encode(order)) + [0x0A], to: sockets.first.raw)
      var ended: IPCSystem.ExitStatus?
      while running(marker).isEmpty, ended == nil {
        ended = try process.poll()?.status
        usleep(5000)
      }
      if containment == "namespaces", ended == .exited(CheckProcess.unavailable) { return }
      #expect(ended == nil)
      // What the runner's death does: its end of the socket is closed, and its children are told.
      if containment == "namespaces" { process.signal(SIGKILL) }
      sockets.first.close()
      _ = try process.wait()
      let patience = Deadline.after(.seconds(20))
      while !running(marker).isEmpty && !patience.hasPassed { usleep(5000) }
      #expect(running(marker).isEmpty)
    }
  }

  /// The processes with this word among their arguments.
  private func running(_ marker: String) -> [Int32] {
    DirectoryListing.names(in: "/proc").compactMap { Int32($0) }.filter {
      (SmallFile.read("/proc/\($0)/cmdline") ?? "").contains(marker)
    }
  }
}
