import Foundation
import IPCSystem
import TestSupport
import Testing

@Suite("ipclab readers-writers", .timeLimit(.minutes(2)), .serialized)
struct ReadersWritersCommandTests {
  /// What stands in the runtime directory beside empty rooms.
  private func names(_ program: Program) -> [String] {
    DirectoryListing.names(in: program.runtime + "/objects")
  }

  /// Starts it for a long time and waits until everybody is at work; the processes, readers first.
  private func startLong(_ program: Program, _ words: [String]) throws -> [Int32] {
    try program.start(["readers-writers", "--seconds", "3600", "--size", "64"] + words)
    while true {
      try Task.checkCancellation()
      let text = try String(contentsOfFile: program.place + "/stderr", encoding: .utf8)
      if text.hasSuffix(".\n") {
        return text.split(separator: "\n")[1].matches(of: /process (\d+)/).compactMap {
          Int32($0.output.1)
        }
      }
      usleep(1000)
    }
  }

  /// Stops a process at a moment at which another one, which otherwise never sleeps, waits for it.
  private func stopInside(_ holder: Int32, waiter: Int32) throws {
    while true {
      try Task.checkCancellation()
      kill(holder, SIGSTOP)
      while kernelState(of: holder) != "T" { try Task.checkCancellation() }
      var looks = 0
      while looks < 20, kernelState(of: waiter) == "S" {
        looks += 1
        usleep(1000)
      }
      if looks == 20 { return }
      kill(holder, SIGCONT)
      usleep(UInt32.random(in: 0...1000))
    }
  }

  @Test("finds no torn record with any guard", arguments: ["mutex", "semaphore", "event"])
  func guarded(_ kind: String) throws {
    let program = try Program()
    let outcome = try program.run("readers-writers", "--guard", kind, "--seconds", "1")
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    #expect(outcome.output.contains("No torn record: every one of"))
    #expect(outcome.output.split(separator: "\n").count { $0.hasSuffix("exit 0") } == 5)
    #expect(names(program).isEmpty)
    #expect(program.leftovers().isEmpty)
  }

  @Test("finds torn records without a guard, which is no failure")
  func unguarded() throws {
    let program = try Program()
    // Chance decides when; the more is copied, the sooner.
    while true {
      try Task.checkCancellation()
      let outcome = try program.run("readers-writers", "--no-guard", "--seconds", "1")
      #expect(outcome.status == .exited(0))
      #expect(names(program).isEmpty)
      if outcome.output.contains("reads saw a torn record") { return }
    }
  }

  @Test("tells once that the mutex of a killed process was abandoned, and the others go on")
  func abandoned() throws {
    let program = try Program()
    let processes = try startLong(program, ["--readers", "1", "--writers", "1"])
    try stopInside(processes[0], waiter: processes[1])
    kill(processes[0], SIGKILL)
    while kernelState(of: processes[1]) != "R" { try Task.checkCancellation() }
    kill(program.pid, SIGINT)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(130))
    #expect(outcome.output.contains("The mutex was abandoned once,"), "\(outcome.output)")
    #expect(outcome.output.contains("No torn record"))
    #expect(outcome.messages.contains("reader 1 has ended: signal 9"))
    #expect(names(program).isEmpty)
    #expect(program.leftovers().isEmpty)
  }

  @Test("goes on with an event when a process is killed that others wait for")
  func event() throws {
    let program = try Program()
    let processes = try startLong(
      program, ["--readers", "1", "--writers", "1", "--guard", "event"])
    try stopInside(processes[0], waiter: processes[1])
    kill(processes[0], SIGKILL)
    while kernelState(of: processes[1]) != "R" { try Task.checkCancellation() }
    kill(program.pid, SIGINT)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(130))
    #expect(outcome.output.contains("No torn record"))
    #expect(names(program).isEmpty)
  }

  @Test("ends and says why when a semaphore is lost with a killed process")
  func lost() throws {
    let program = try Program()
    let processes = try startLong(
      program, ["--readers", "1", "--writers", "1", "--guard", "semaphore"])
    try stopInside(processes[0], waiter: processes[1])
    kill(processes[0], SIGKILL)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(1))
    #expect(outcome.messages.contains("a semaphore has no owner"))
    #expect(names(program).isEmpty)
    #expect(program.leftovers().isEmpty)
  }

  @Test("ends when nobody is left")
  func nobody() throws {
    let program = try Program()
    for process in try startLong(program, []) { kill(process, SIGKILL) }
    let outcome = try program.finish()
    #expect(outcome.status == .exited(1))
    #expect(outcome.messages.contains("nobody is left"))
    #expect(names(program).isEmpty)
  }

  @Test("that is killed takes its processes with it")
  func killed() throws {
    let program = try Program()
    _ = try startLong(program, [])
    kill(program.pid, SIGKILL)
    _ = try program.finish()
    while !program.leftovers().isEmpty { try Task.checkCancellation() }
    _ = try program.run("readers-writers", "--seconds", "1")
    #expect(names(program).isEmpty)
  }

  @Test(
    "refuses what makes no sense",
    arguments: [
      ["--guard", "none"], ["--guard", "mutex", "--no-guard"],
      ["--readers", "0", "--writers", "0"],
      ["--readers", "40", "--writers", "40"], ["--seconds", "0"], ["surprise"],
    ])
  func usage(_ words: [String]) throws {
    let program = try Program()
    try program.start(["readers-writers"] + words)
    #expect(try program.finish().status == .exited(2))
  }
}
