internal import Glibc
internal import IPCSystem
internal import SyncObjects

/// The checks by which the grader proves itself.
enum EngineChecks {
  static let all: [Check] = [
    Check("engine.answers") { check in
      let program = try check.start("program", input: .null)
      // As long as the whole check: on a loaded machine a program takes its time to break a limit.
      let line = try program.line(within: .seconds(60))
      try check.expect(line == "ok", expected: "the line ok", seen: line)
      let status = try program.waitForExit(within: .seconds(60))
      try check.expect(status.isSuccess, expected: "exit 0", seen: status.description)
    },
    // Checks with mistakes in them.
    Check("engine.hangs") { check in
      let program = try check.start("program")
      check.wire("check", sent: Array("hello".utf8))
      while program.isRunning || !program.isRunning { usleep(100_000) }
    },
    Check("engine.traps") { check in
      _ = try check.start("program", input: .null).line()
      fatalError("a mistake in a check")
    },
    // What the programs share with a check: objects in memory, which they find by way of its process.
    Check("engine.shares") { check in
      let name = check.name("shared")
      let event = try Event.create(ObjectName(name), .manual, in: check.runtime).event
      let program = try check.start("program", [name], input: .null)
      try check.until("the event is set") { event.isSignalled(since: event.pulses) }
      let status = try program.waitForExit()
      try check.expect(status.isSuccess, expected: "exit 0", seen: status.description)
    },
  ]
}
