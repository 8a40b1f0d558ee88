import Coursework
import Glibc
import IPCSystem
import TestSupport
import Testing

@Suite("A check runner")
struct CheckRunnerTests {
  private static let runner = CheckRunner(executable: BuiltPrograms.ipclab)
  private static let sweeper = CheckRunner(executable: BuiltPrograms.ipclab, namespaces: false)

  private static func plan(
    _ program: String, check: String = "engine.answers", seconds: Double? = nil
  ) -> CheckPlan {
    let isEndless = ["endless", "stopped"].contains(program)
    var plan = CheckPlan(
      check: check, points: 10, seed: 5, seconds: seconds ?? (isEndless ? 2 : 30),
      programs: ["program": [BuiltPrograms.hostile, program]])
    plan.limits.memory = 128 << 20
    return plan
  }

  private static func run(on runner: CheckRunner = runner, _ plan: CheckPlan) async throws
    -> CheckReport
  {
    try await blocking { runner.run(plan) }
  }

  @Test("gives the points for a pass, and the story")
  func pass() async throws {
    let report = try await Self.run(Self.plan("healthy"))
    #expect(report.outcome == .pass, "\(report)")
    #expect(report.points == 10 && report.maxPoints == 10 && report.seed == 5)
    #expect(report.did == ["started program"])
  }

  @Test(
    "holds the same programs without namespaces",
    arguments: [
      ("healthy", Outcome.pass), ("endless", .timeout), ("flood", .limit(.output)),
      ("fork-bomb", .limit(.processes)), ("hog", .limit(.memory)), ("hoarder", .limit(.memory)),
      ("stopped", .timeout),
      ("huge-file", .limit(.fileSize)), ("crash", .crash(signal: 11)), ("deaf", .fail),
      ("killer", .fail), ("healthy", .pass),
    ])
  func sweeping(_ program: String, _ outcome: Outcome) async throws {
    let report = try await Self.run(on: Self.sweeper, Self.plan(program))
    #expect(report.outcome == outcome, "\(report)")
  }

  @Test("names the daemon that is left without namespaces, and ends it")
  func sweepingDaemon() async throws {
    let report = try await Self.run(on: Self.sweeper, Self.plan("daemon"))
    #expect(report.outcome == .leak(report.leftovers), "\(report)")
    let left = report.leftovers.compactMap { line in
      line.split(separator: " ").dropFirst().first.flatMap { Int32($0.dropLast()) }
    }
    #expect(left.count == 1)
    for pid in left { #expect(kill(pid, 0) == -1 && errno == ESRCH) }
  }

  @Test("runs healthy and hostile programs side by side")
  func together() async throws {
    let cases: [(String, Outcome)] = [
      ("healthy", .pass), ("fork-bomb", .limit(.processes)), ("healthy", .pass),
      ("hog", .limit(.memory)), ("flood", .limit(.output)), ("crash", .crash(signal: 11)),
    ]
    try await withThrowingTaskGroup { group in
      for (program, outcome) in cases {
        group.addTask { (program, outcome, try await Self.run(Self.plan(program))) }
      }
      for try await (program, outcome, report) in group {
        #expect(report.outcome == outcome, "\(program): \(report)")
      }
    }
  }

  @Test("reports a check that does not end, with its story")
  func hangs() async throws {
    let report = try await Self.run(Self.plan("stopped", check: "engine.hangs", seconds: 0.5))
    #expect(report.outcome == .timeout, "\(report)")
    #expect(report.did == ["started program"])
    #expect(report.wire == [#"check -> "hello""#])
  }

  @Test("does not blame the submission for a check that crashes, or that there is not")
  func graderErrors() async throws {
    for id in ["engine.traps", "engine.nothing"] {
      let report = try await Self.run(Self.plan("healthy", check: id))
      #expect(report.outcome.word == "grader error", "\(report)")
    }
    let nowhere = try await Self.run(
      on: CheckRunner(executable: "/nowhere/ipclab"), Self.plan("healthy"))
    #expect(nowhere.outcome.word == "grader error")
  }

  @Test("says that a program is not there")
  func missing() async throws {
    var plan = Self.plan("healthy")
    plan.programs = ["program": ["/nowhere/program"]]
    let report = try await Self.run(plan)
    #expect(report.outcome == .fail, "\(report)")
    #expect(report.seen?.contains("No such file") == true)
  }

  @Test(
    "takes the verdict of a check of one's own",
    arguments: [
      (#"{"outcome":"pass"}"#, "pass"), (#"{"outcome":"fail","seen":"blue"}"#, "fail"),
      (#"{"outcome":"full marks"}"#, "grader error"), ("", "grader error"),
    ])
  func external(_ verdict: String, _ word: String) async throws {
    var plan = Self.plan("healthy", check: "own.check")
    plan.run = ["/bin/sh", "-c", "test -n \"$IPCLAB_PROGRAMS\" && echo '\(verdict)'"]
    let report = try await Self.run(plan)
    #expect(report.outcome.word == word, "\(report)")
    if word == "fail" { #expect(report.seen == "blue") }
  }

  @Test(
    "takes no verdict from anybody but the check of one's own",
    arguments: [
      // Through the check's own descriptor, and by ending it, as a program of a submission could.
      (#"echo '{"outcome":"pass"}' > /proc/$PPID/fd/1; kill -9 $PPID"#, "fail"),
      (#"echo '{"outcome":"pass"}' > /proc/$PPID/fd/1; exit 0"#, "fail"),
      ("kill -9 $PPID", "fail"), ("kill -TERM $PPID", "fail"), ("kill -SEGV $PPID", "fail"),
    ])
  func forged(_ program: String, _ word: String) async throws {
    var plan = Self.plan("healthy", check: "own.check")
    plan.environment = ["FORGERY": program]
    plan.run = [
      "/bin/sh", "-c", #"sh -c "$FORGERY" >/dev/null; echo '{"outcome":"fail"}'"#,
    ]
    let report = try await Self.run(plan)
    #expect(report.outcome.word == word, "\(report)")
    plan.run = ["/bin/sh", "-c", #"echo '{"outcome":"pass"}'; exit 1"#]
    #expect(try await Self.run(plan).outcome.word == "grader error")
  }

  @Test("hides what must not be seen, but not the submission below it")
  func hidden() async throws {
    let scratch = try Scratch()
    let folder = scratch.path
    for name in ["/own", "/own/results", "/other"] { mkdir(folder + name, 0o700) }
    try SmallFile.write(
      "cd \"${0%/own/a}\"; cat own/results/secret && exit; cat other/secret && exit; echo ok",
      to: folder + "/own/a")
    try SmallFile.write("x", to: folder + "/own/results/secret")
    try SmallFile.write("x", to: folder + "/other/secret")
    var plan = Self.plan("healthy")
    plan.programs = ["program": ["/bin/sh", folder + "/own/a"]]
    plan.visible = [folder + "/own", folder + "/own/a"]
    plan.hidden = [folder, folder + "/own/results"]
    let report = try await Self.run(plan)
    #expect(report.outcome == (report.isInNamespaces ? .pass : .fail), "\(report)")
    #expect(SmallFile.read(folder + "/own/a")?.hasPrefix("cd") == true)
    #expect(SmallFile.read(folder + "/other/secret") == "x")
  }

  @Test("gives programs the files of the submission, and nothing to write to but their own")
  func files() async throws {
    let scratch = try Scratch()
    let folder = scratch.path
    try SmallFile.write(
      "echo x > \"$0.written\"; echo x > \"$TMPDIR/own\"; rm \"$TMPDIR/own\" && echo ok",
      to: folder + "/program.sh")
    var plan = Self.plan("healthy")
    plan.programs = ["program": ["/bin/sh", "program.sh"]]
    plan.folder = folder
    let report = try await Self.run(plan)
    #expect(report.outcome == .pass, "\(report)")
    if report.isInNamespaces {
      #expect(DirectoryListing.names(in: folder) == ["program.sh"])
    }
  }
}
