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
      let scratch = try Scratch()
      let sockets = try LocalSocket.pair(.stream)
      try order(scratch, to: sockets.first)
      let process = try start(containment, sockets.second)
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
      try expectNothingLeft()
    }
  }

  @Test("ends it also when the runner dies at once", arguments: ["namespaces", "sweep"])
  func atOnce(_ containment: String) async throws {
    try await blocking {
      let scratch = try Scratch()
      let sockets = try LocalSocket.pair(.stream)
      try order(scratch, to: sockets.first)
      sockets.first.close()
      let process = try start(containment, sockets.second)
      let status = try process.wait().status
      // The inner process is killed, and this one sees that through to the end.
      if containment == "sweep" || status != .exited(CheckProcess.unavailable) {
        #expect(status == .exited(128 + SIGKILL))
      }
      try expectNothingLeft()
    }
  }

  private let marker = "runner-death-\(UInt64.random(in: 0...UInt64.max))"

  private func order(_ scratch: Scratch, to channel: borrowing OwnedDescriptor) throws {
    let plan = CheckPlan(
      check: "engine.hangs", seed: 1, seconds: 60,
      programs: ["program": [BuiltPrograms.hostile, "endless", marker]])
    let order = CheckOrder(
      plan: plan, environment: [], visible: [BuiltPrograms.directory], hidden: [],
      place: scratch.path)
    try Files.write(Array(JSONEncoder().encode(order)) + [0x0A], to: channel.raw)
  }

  private func start(
    _ containment: String, _ channel: consuming OwnedDescriptor
  ) throws -> ChildProcess {
    var plan = ChildProcess.Plan(
      program: BuiltPrograms.ipclab, arguments: [CheckProcess.command, containment])
    plan.descriptors = [(2, 2), (CheckProcess.channel, channel.raw)]
    return try ChildProcess.start(plan)
  }

  /// What was killed may still be about to end.
  private func expectNothingLeft() throws {
    for pid in running(marker) {
      guard let pidfd = try? Processes.openPidfd(pid) else { continue }
      var entry = pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0)
      try retrying("poll") { poll(&entry, 1, 20_000) }
    }
    #expect(running(marker).isEmpty)
  }

  /// The processes with this word among their arguments.
  private func running(_ marker: String) -> [Int32] {
    DirectoryListing.names(in: "/proc").compactMap { Int32($0) }.filter {
      (SmallFile.read("/proc/\($0)/cmdline") ?? "").contains(marker)
    }
  }
}
