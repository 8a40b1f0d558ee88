import Foundation
import IPCSystem
import LabReport
import LabResults
import Testing

/// Processes are killed at moments that nobody chose. Nothing may hang, and the next start finds
/// nothing of what was.
@Suite("A killed run", .timeLimit(.minutes(2)), .serialized)
struct KillTests {
  static let transports = [
    "anonymous-pipe", "fifo", "named-pipe-message", "mailslot", "shared-memory-event",
    "shared-memory-semaphore", "unix-stream", "unix-datagram", "tcp", "udp", "message-queue",
  ]

  /// Starts an endless measurement and waits until its actors are there.
  private func startEndless(
    _ transport: String, scenario: String = "echo", actors: Int = 2
  ) throws -> Program {
    let program = try Program()
    try program.start([
      "measure", transport, "--scenario", scenario, "--count", "10000000", "--placement", "none",
      "--timeout", "60s",
    ])
    while program.actors().count < actors { sched_yield() }
    return program
  }

  /// What a start finds and leaves in the runtime directory.
  private func afterNextStart(_ program: Program) throws -> [String] {
    let outcome = try program.run("measure", "unix-stream", "--count", "10", "--placement", "none")
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    var found: [String] = []
    for room in DirectoryListing.names(in: program.runtime) {
      found += DirectoryListing.names(in: program.runtime + "/" + room)
        .filter { $0 != ".lock" }.map { room + "/" + $0 }
    }
    return found
  }

  @Test("whose server is killed fails and says so", arguments: transports)
  func server(_ transport: String) throws {
    let program = try startEndless(transport)
    kill(program.actors()[0], SIGKILL)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(1))
    #expect(outcome.output.isEmpty)
    #expect(program.leftovers().isEmpty)
    #expect(try afterNextStart(program) == [])
  }

  @Test("whose client is killed fails and says so", arguments: transports)
  func client(_ transport: String) throws {
    let program = try startEndless(transport)
    kill(program.actors()[1], SIGKILL)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(1))
    #expect(program.leftovers().isEmpty)
    #expect(try afterNextStart(program) == [])
  }

  @Test(
    "of readers and writers fails when one of them is killed, and leaves nothing",
    arguments: ["shared-memory-event", "shared-memory-semaphore"], [0, 1, 4])
  func participant(_ transport: String, _ victim: Int) throws {
    let program = try startEndless(transport, scenario: "readers-writers", actors: 5)
    kill(program.actors()[victim], SIGKILL)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(1))
    #expect(outcome.output.isEmpty)
    #expect(program.leftovers().isEmpty)
    #expect(try afterNextStart(program) == [])
  }

  @Test("whose runner is killed takes its actors with it", arguments: transports)
  func runner(_ transport: String) throws {
    let program = try startEndless(transport)
    kill(program.pid, SIGKILL)
    _ = try program.finish()
    // Ends when they are gone; the time limit says so when they are not.
    while !program.leftovers().isEmpty { sched_yield() }
    #expect(try afterNextStart(program) == [])
  }

  @Test("that stands still for a while throws the trial away, runs it again, and says so")
  func standstill() throws {
    let program = try Program()
    try program.start([
      "measure", "unix-stream", "--count", "20000", "--placement", "none", "--format", "json",
    ])
    while program.actors().count < 2 { sched_yield() }
    kill(program.pid, SIGSTOP)
    // This is what is tested, not a way to wait: a runner that does not run, as on a halted machine.
    usleep(1_300_000)
    kill(program.pid, SIGCONT)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    let trial = try JSONDecoder().decode(Trial.self, from: Data(outcome.output.utf8))
    #expect(trial.count == 20000)
    let standstills = try #require(trial.standstills)
    #expect(standstills.allSatisfy { $0 > 1_000_000_000 })
    #expect(outcome.messages.contains("stood still"))
  }

  @Test("that Ctrl-C ends keeps what was measured, says so, and goes on when asked")
  func interrupt() throws {
    let program = try Program()
    try program.start([
      "run", "--transports", "fifo,unix-stream", "--scenarios", "echo", "--sizes", "64",
      "--placement", "none", "--trials", "30", "--no-probes", "--out", "r",
    ])
    while program.actors().isEmpty { sched_yield() }
    kill(program.pid, SIGINT)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(130))
    #expect(outcome.messages.contains("--resume"))
    #expect(program.leftovers().isEmpty)
    #expect(try ReportWriter.load(path: program.place + "/r").run.isPartial)
    let resumed = try program.run("run", "--resume", "--out", "r")
    #expect(resumed.status == .exited(0), "\(resumed.messages)")
    let document = try ReportWriter.load(path: program.place + "/r")
    #expect(!document.run.isPartial)
    #expect(document.cells.allSatisfy { $0.trials.count == 30 })
  }
}
