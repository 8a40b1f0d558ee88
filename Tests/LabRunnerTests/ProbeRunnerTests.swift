import Glibc
import IPCSystem
import IPCTransport
import LabResults
import Synchronization
import TestSupport
import Testing
import TransportCatalog

@testable import LabRunner

/// What the runner makes of experiments, and what it leaves behind.
@Suite("The probe runner", .timeLimit(.minutes(2)))
struct ProbeRunnerTests {
  /// A probe made for one test.
  struct Made: Probe {
    var claim = "yes"
    var experiment: @Sendable (ProbeLab) throws -> Observation
    let info = ProbeInfo(id: "made", title: "Made", question: "Yes?", method: "None.")
    func claim(of capabilities: Capabilities) -> String { claim }
    func run(in lab: ProbeLab) throws -> Observation { try experiment(lab) }
  }

  private static func fifo() throws -> any Transport {
    try #require(TransportCatalog.transport("fifo"))
  }

  private func run(
    _ probes: [any Probe], in place: Scratch,
    isInterrupted: @escaping @Sendable () -> Bool = { false }
  ) throws -> [FeatureResult] {
    try ProbeRunner.run(
      transports: [try Self.fifo()], probes: probes, executable: try LabExecutable.find(),
      runtime: place.runtime, parallel: 1, isInterrupted: isInterrupted)
  }

  @Test("calls an observation that is not the claim a disagreement")
  func verdicts() throws {
    let place = try Scratch()
    let observations: [Observation] = [
      .saw("yes"), .saw("no"), .saw("yes", detail: "3 bytes"), .saw("yes, mostly"),
      .notApplicable("no such thing"), .notPossibleHere("needs root"),
    ]
    let results = try run(observations.map { seen in Made { _ in seen } }, in: place)
    #expect(
      results.map(\.verdict) == [
        .agrees, .disagrees, .agrees, .disagrees, .notApplicable, .notPossibleHere,
      ])
    #expect(
      results.map(\.observed) == [
        "yes", "no", "yes: 3 bytes", "yes, mostly", "no such thing", "needs root",
      ])
    #expect(results.allSatisfy { $0.claim == "yes" })
  }

  @Test("keeps the steps before an experiment broke, and the error, as evidence")
  func broken() throws {
    let place = try Scratch()
    let results = try run(
      [
        Made { lab in
          let pair = try lab.connectedPair()
          try pair.reader.kill()
          try pair.reader.read().orFail()
          return .saw("yes")
        }
      ], in: place)
    let result = try #require(results.first)
    #expect(result.verdict == .failed)
    #expect(result.evidence.contains("writer: write 5 bytes: took 5 bytes in 1 calls"))
    #expect(result.evidence.last?.contains("Broken pipe") == true)
    #expect(DirectoryListing.names(in: place.runtime.path + "/run") == [".lock"])
  }

  @Test("ends agents that are blocked for ever, and removes their names")
  func blocked() throws {
    let place = try Scratch()
    let lab = ProbeLab(
      transport: try Self.fifo(), executable: try LabExecutable.find(), runtime: place.runtime,
      limit: .seconds(20))
    let pair = try lab.connectedPair()
    let reading = try pair.reader.beginAndBlock(.read(limit: 10, milliseconds: nil))
    #expect(try lab.waitForAny([pair.reader], milliseconds: 50) == nil)
    let pids = [pair.reader.pid, pair.writer.pid]
    lab.close()
    for pid in pids { #expect(kill(pid, 0) == -1 && errno == ESRCH) }
    #expect(throws: (any Error).self) { try pair.reader.finish(reading) }
    #expect(DirectoryListing.names(in: place.runtime.path + "/run") == [".lock"])
  }

  @Test("gives an experiment up when its time is over")
  func overdue() throws {
    let place = try Scratch()
    let lab = ProbeLab(
      transport: try Self.fifo(), executable: try LabExecutable.find(), runtime: place.runtime,
      limit: .milliseconds(300))
    defer { lab.close() }
    // Whether it is already over before the agents are ready depends on the machine: it must end.
    #expect(throws: (any Error).self) {
      let pair = try lab.connectedPair()
      try pair.reader.perform(.read(limit: 10, milliseconds: nil))
    }
  }

  @Test("stops where it is interrupted and returns what it has")
  func interrupted() throws {
    let place = try Scratch()
    let stop = Signal()
    let results = try run(
      [
        Made { _ in .saw("yes") },
        Made { lab in
          let pair = try lab.connectedPair()
          stop.set()
          try pair.reader.perform(.read(limit: 10, milliseconds: nil))
          return .saw("never")
        },
        Made { _ in .saw("not reached") },
      ], in: place, isInterrupted: { stop.isSet })
    #expect(results.map(\.observed) == ["yes"])
    #expect(DirectoryListing.names(in: place.runtime.path + "/run") == [".lock"])
  }

  @Test("reports results in the order of transports and probes, however many run at once")
  func order() throws {
    let place = try Scratch()
    let transports = ["fifo", "unix-stream"].compactMap { TransportCatalog.transport($0) }
    let probes: [any Probe] = [DirectionProbe(), BoundariesProbe()]
    let calls = Mutex<[Int]>([])
    let results = try ProbeRunner.run(
      transports: transports, probes: probes, executable: try LabExecutable.find(),
      runtime: place.runtime, parallel: 3,
      progress: { done, total, _ in calls.withLock { $0.append(total * 10 + done) } })
    #expect(
      results.map { "\($0.mechanism) \($0.probe)" } == [
        "fifo direction", "fifo boundaries", "unix-stream direction", "unix-stream boundaries",
      ])
    #expect(calls.withLock { $0 } == [41, 42, 43, 44])
  }

  @Test("pattern bytes tell their place", arguments: [0, 1, 250, 251, 252, 1000, 70_000])
  func pattern(_ count: Int) {
    let bytes = Pattern.bytes(count)
    #expect(bytes.count == count)
    #expect(bytes.indices.allSatisfy { bytes[$0] == UInt8($0 % 251) })
    #expect(Pattern.agrees(bytes, Pattern.bytes(count + 300), at: 0))
    #expect(Pattern.agrees(bytes, Pattern.bytes(count + 251), at: 251))
    #expect(!Pattern.agrees([7, 8], Pattern.bytes(300), at: 8))
    #expect(!Pattern.agrees([7, 8], Pattern.bytes(8), at: 7))
  }
}
