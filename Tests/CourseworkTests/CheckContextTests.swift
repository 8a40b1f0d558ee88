import Glibc
import IPCSystem
import TestSupport
import Testing

@testable import Coursework

@Suite("A check's context")
struct CheckContextTests {
  private func context(
    in scratch: Scratch, seed: UInt64, seconds: Int64, patience: Double
  ) -> CheckContext {
    CheckContext(
      seed: seed, directory: scratch.path, runtime: scratch.runtime,
      deadline: .after(.seconds(seconds)),
      commands: ["sh": ["/bin/sh", "-c"], "cat": ["/bin/cat"]], environment: ["PATH=/bin:/usr/bin"],
      limits: CheckLimits(), patience: patience)
  }

  private func inContext(
    seed: UInt64 = 1, seconds: Int64 = 20, patience: Double = 1,
    _ body: @escaping @Sendable (CheckContext) throws -> Void
  ) async throws {
    let scratch = try Scratch()
    let context = context(in: scratch, seed: seed, seconds: seconds, patience: patience)
    try await blocking {
      try body(context)
      for program in context.programs { program.stop() }
    }
  }

  @Test("waits longer where the check may take longer, but never after its end")
  func patience() async throws {
    // Each wait alone is over before what it waits for.
    let short = Duration.milliseconds(1)
    try await inContext(patience: 10_000) { context in
      let program = try context.start("sh", ["sleep 0.1; echo one; sleep 0.1; exit 3"])
      #expect(try program.line(within: short) == "one")
      #expect(try program.waitForExit(within: short) == .exited(3))
      let start = MonotonicClock.now()
      try context.until("some time has gone by", within: short) {
        MonotonicClock.now() - start > 100_000_000
      }
      try context.together(2, within: short) { _ in usleep(100_000) }
    }
    try await inContext(seconds: 1, patience: 10_000) { context in
      #expect(context.limit(.seconds(5)) == context.deadline)
      #expect(throws: CheckFailure.self) { try context.until("never", within: short) { false } }
    }
  }

  @Test("a program that ends instead of opening a pipe has failed, and is not late")
  func endsInstead() async throws {
    try await inContext { context in
      let client = try context.start("sh", ["echo no >&2; exit 1"])
      let host = try PipeHost(context.pipeName("hall"), context)
      let failure = #expect(throws: CheckFailure.self) { try host.accept(client) }
      #expect(failure?.kind == .expectation)
      #expect(failure?.seen == "sh ended: exit 1, having said: no")
    }
  }

  @Test("draws the same from the same seed, and something else from another")
  func seeds() async throws {
    let draws = Locked<[[UInt8]]>([])
    for seed: UInt64 in [7, 7, 8] {
      try await inContext(seed: seed) { context in
        let draw = context.bytes(100) + Array(context.name("pipe").utf8)
        draws.withLock { $0.append(draw) }
      }
    }
    let all = draws.withLock { $0 }
    #expect(all[0] == all[1] && all[0] != all[2])
    #expect(all[0].count == 109)
  }

  @Test("gives no name twice")
  func names() async throws {
    try await inContext { context in
      let names = (0..<300).map { _ in context.name("a") }
      #expect(Set(names).count == 300)
    }
  }

  @Test("shows where bytes differ first")
  func difference() async throws {
    try await inContext { context in
      let right = Array("one line\nanother\n".utf8)
      let wrong = Array("one line\r\nanother\n".utf8)
      let failure = #expect(throws: CheckFailure.self) {
        try context.expectEqual(wrong, right, "the copy")
      }
      #expect(failure?.seen.contains("offset 8") == true)
      #expect(failure?.seen.contains(#"one line\r\n"#) == true)
      #expect(throws: CheckFailure.self) {
        try context.expectEqual(right.dropLast(), right, "the copy")
      }
      #expect(throws: Never.self) { try context.expectEqual(right, right, "the copy") }
    }
  }

  @Test("talks with a program, line by line")
  func lines() async throws {
    try await inContext { context in
      let cat = try context.start("cat")
      try cat.sendLine("first")
      #expect(try cat.line() == "first")
      try cat.send("second\nthird")
      #expect(try cat.line() == "second")
      cat.closeInput()
      #expect(try cat.line() == "third")
      #expect(try cat.waitForExit() == .exited(0))
      #expect(throws: CheckFailure.self) { try cat.line() }
    }
  }

  @Test("runs a program to its end, with what it was given and what it wrote")
  func run() async throws {
    try await inContext { context in
      let bytes = context.bytes(300_000)
      let ended = try context.run("cat", input: bytes)
      #expect(ended.output == bytes && ended.status.isSuccess)
      let failed = try context.run("sh", ["echo no >&2; exit 3"])
      #expect(failed.status == .exited(3))
      #expect(failed.errorOutput == Array("no\n".utf8))
    }
  }

  @Test("does not wait for a process that holds the output of one that has ended")
  func heldOutput() async throws {
    try await inContext { context in
      let ended = try context.run("sh", ["sleep 30 & echo $!"])
      let pid = try #require(Int32(ended.text.split(separator: "\n")[0]))
      #expect(kill(pid, SIGKILL) == 0)
    }
  }

  @Test("names the program that is late")
  func late() async throws {
    try await inContext { context in
      let slow = try context.start("sh", ["sleep 30"])
      let failure = #expect(throws: CheckFailure.self) {
        try slow.waitForExit(within: .milliseconds(50))
      }
      #expect(failure?.kind == .timeout)
      #expect(failure?.seen == "sh is still running")
      slow.kill()
      #expect(slow.status == .signaled(SIGKILL))
      #expect(slow.crash == nil)
    }
  }

  @Test("does not wait for what a program that has ended will never do")
  func hopeless() async throws {
    try await inContext { context in
      _ = try context.start("sh", ["echo write task 2 first >&2; exit 1"])
      let failure = #expect(throws: CheckFailure.self) {
        try context.until("the pipe is there", within: .seconds(1000)) { false }
      }
      #expect(failure?.kind == .expectation)
      #expect(failure?.seen == "sh ended: exit 1, having said: write task 2 first")
      #expect(context.programs[0].lastWords == "sh (exit 1): write task 2 first\n")
    }
  }

  @Test("waits no longer than the whole check may take")
  func overall() async throws {
    try await inContext(seconds: 0) { context in
      let failure = #expect(throws: CheckFailure.self) {
        try context.until("the moon is full", within: .seconds(1000)) { false }
      }
      #expect(failure?.kind == .timeout)
    }
  }

  @Test("tells a program's own end by a signal from one that was asked for")
  func crashes() async throws {
    try await inContext { context in
      let own = try context.start("sh", ["kill -SEGV $$"])
      #expect(try own.waitForExit() == .signaled(SIGSEGV))
      #expect(own.isCrashed)
      let moved = try context.start("sh", ["read line; kill -SEGV $$"])
      moved.signal(SIGSTOP)
      moved.signal(SIGCONT)
      try moved.sendLine("go")
      #expect(try moved.waitForExit() == .signaled(SIGSEGV))
      #expect(moved.isCrashed)
      let told = try context.start("cat")
      told.signal(SIGTERM)
      #expect(try told.waitForExit() == .signaled(SIGTERM))
      #expect(told.crash == nil)
      let quiet = try context.start("sh", ["kill -PIPE $$"])
      _ = try quiet.waitForExit()
      #expect(quiet.crash == .signaled(SIGPIPE) && !quiet.isCrashed)
    }
  }

  @Test("runs conversations at once and passes on what one of them throws")
  func together() async throws {
    try await inContext { context in
      let count = Locked(0)
      try context.together(4) { _ in count.withLock { $0 += 1 } }
      #expect(count.withLock { $0 } == 4)
      #expect(throws: CheckFailure.self) {
        try context.together(3) { number in
          if number == 1 { try context.fail(expected: "a", seen: "b") }
        }
      }
    }
  }

  @Test("shows bytes so that they can be told apart")
  func escaping() {
    #expect(Escaped.text([0x61, 0x0A, 0x00, 0xFF, 0x22]) == #""a\n\x00\xFF\"""#)
    #expect(Escaped.text([UInt8](repeating: 0x61, count: 5), limit: 2) == #""aa"… (5 bytes)"#)
    #expect(Escaped.plain([0x1B, 0x5B, 0x61, 0x0A]) == "[a\n")
  }
}
