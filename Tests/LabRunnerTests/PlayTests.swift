import IPCSystem
import IPCTransport
import LabResults
import TestSupport
import Testing
import TransportCatalog

@testable import LabRunner

/// Real processes: every scenario over every transport that can play it.
@Suite("Every scenario", .timeLimit(.minutes(3)), .serialized)
struct PlayTests {
  struct Play: Sendable, CustomTestStringConvertible {
    let transport: any Transport
    let scenario: any Scenario
    var testDescription: String { "\(scenario.info.id) over \(transport.mechanism.id)" }

    static let all = TransportCatalog.all.flatMap { transport in
      ScenarioCatalog.all.map { Play(transport: transport, scenario: $0) }
    }
  }

  private let place: Scratch
  private let runner: TrialRunner

  init() throws {
    place = try Scratch()
    runner = TrialRunner(
      executable: try LabExecutable.find(), runtime: place.runtime, interruption: nil)
  }

  @Test("is played to its end with every payload checked", arguments: Play.all)
  func plays(_ play: Play) throws {
    var clients = play.scenario.defaultClients
    // Spinning processes beyond the number of processors only wait for each other's time slices.
    if play.transport.capabilities.waiting == .polling { clients = 1 }
    let spec = TrialSpec(
      transport: play.transport, scenario: play.scenario, placement: .none,
      parameters: TrialParameters(size: 100, count: 40, seed: 3, clients: clients),
      patience: .seconds(30))
    if let reason = spec.objection(processors: [0, 1]) {
      #expect(!reason.isEmpty)
      return
    }
    let trial = try runner.run(spec)
    #expect(trial.failure == nil)
    let expected: Int =
      switch play.scenario.info.id {
      case "fan-in", "notify": 40 * clients
      // The server takes part.
      case "readers-writers": 40 * (clients + 1)
      default: 40
      }
    #expect(trial.count == expected)
    #expect(trial.sequenceChecked >= expected)
    #expect(trial.checksumChecked > 0)
    #expect(trial.elapsedNanoseconds > 0)
    #expect((trial.writes != nil) == (play.scenario.info.id == "readers-writers"))
    #expect(
      (trial.latency != nil) == (play.scenario.info.measures == "latency" || trial.writes != nil))
    #expect(DirectoryListing.names(in: place.runtime.path + "/run") == [".lock"])
  }

  @Test("spends few connections on its warm-up, and many messages")
  func warmup() throws {
    let fifo = try #require(TransportCatalog.transport("fifo"))
    func warmup(_ scenario: String) throws -> Int {
      TrialSpec(
        transport: fifo, scenario: try #require(ScenarioCatalog.scenario(scenario)),
        placement: .none,
        parameters: TrialParameters(size: 64, count: 2_000_000, nanoseconds: 5_000_000, seed: 1),
        patience: .seconds(30)
      ).parameters.warmup
    }
    #expect(try warmup("connect") == 16)
    #expect(try warmup("echo") > 100)
  }

  @Test(
    "of readers and writers is played with a record of any size, and tells writes from reads",
    arguments: ["shared-memory-event", "shared-memory-semaphore"], [1, 7, 8, 65_536])
  func shared(_ mechanism: String, _ size: Int) throws {
    let transport = try #require(TransportCatalog.transport(mechanism))
    let trial = try runner.run(
      TrialSpec(
        transport: transport, scenario: ReadersWritersScenario(), placement: .none,
        parameters: TrialParameters(size: size, count: 100, seed: 5, clients: 7),
        patience: .seconds(30)))
    #expect(trial.failure == nil)
    #expect(trial.count == 800)
    // The server and the fourth client.
    #expect(trial.writes == 200)
    #expect(trial.checksumChecked == 600)
    #expect(trial.latency?.samples == 100)
  }

  @Test("of readers and writers is refused, with a reason, by who has no guarded memory")
  func unshared() throws {
    let able = TransportCatalog.all.filter {
      ReadersWritersScenario().objection(to: $0.capabilities) == nil
    }
    #expect(able.map(\.mechanism.id) == ["shared-memory-event", "shared-memory-semaphore"])
    let reasons = Set(
      TransportCatalog.all.compactMap { ReadersWritersScenario().objection(to: $0.capabilities) })
    #expect(reasons.count == 2)
  }

  @Test("of one byte or seven still tells its messages apart", arguments: [1, 2, 7, 8, 23, 24])
  func tiny(_ size: Int) throws {
    let transport = try #require(TransportCatalog.transport("unix-stream"))
    let trial = try runner.run(
      TrialSpec(
        transport: transport, scenario: EchoScenario(), placement: .none,
        parameters: TrialParameters(size: size, count: 600, seed: 4), patience: .seconds(30)))
    #expect(trial.failure == nil)
    #expect(trial.count == 600)
  }

  @Test("that does not end before its deadline is killed, and says who was waited for")
  func deadline() throws {
    let transport = try #require(TransportCatalog.transport("unix-stream"))
    let trial = try runner.run(
      TrialSpec(
        transport: transport, scenario: EchoScenario(), placement: .none,
        parameters: TrialParameters(size: 64, count: 10_000_000, nanoseconds: 0, seed: 1),
        patience: .milliseconds(400)))
    let failure = try #require(trial.failure)
    #expect(failure.contains("deadline"))
    #expect(failure.contains("client"))
    #expect(DirectoryListing.names(in: place.runtime.path + "/run") == [".lock"])
  }
}
