import Coursework
import Glibc
import IPCSystem
import Testing

@Suite("A check runner")
struct CheckRunnerTests {
  private static let runner = CheckRunner(executable: BuiltPrograms.ipclab)
  private static let sweeper = CheckRunner(executable: BuiltPrograms.ipclab, namespaces: false)

  private static func plan(
    _ program: String, check: String = "engine.answers", seconds: Double = 10
  ) -> CheckPlan {
    CheckPlan(
      check: check, points: 10, seed: 5, seconds: seconds,
      programs: ["program": [BuiltPrograms.hostile, program]])
  }

  @Test("gives the points for a pass, and the story")
  func pass() {
    let report = Self.runner.run(Self.plan("healthy"))
    #expect(report.outcome == .pass, "\(report)")
    #expect(report.points == 10 && report.maxPoints == 10 && report.seed == 5)
    #expect(report.did == ["started program"])
  }

  @Test(
    "holds the same programs without namespaces",
    arguments: [
      ("healthy", Outcome.pass), ("endless", .timeout), ("flood", .limit(.output)),
      ("fork-bomb", .limit(.processes)), ("hog", .limit(.memory)), ("stopped", .timeout),
      ("huge-file", .limit(.fileSize)), ("crash", .crash(signal: 11)), ("deaf", .fail),
      ("healthy", .pass),
    ])
  func sweeping(_ program: String, _ outcome: Outcome) {
    let report = Self.sweeper.run(Self.plan(program))
    #expect(report.outcome == outcome, "\(report)")
  }

  @Test("names the daemon that is left without namespaces, and ends it")
  func sweepingDaemon() {
    let report = Self.sweeper.run(Self.plan("daemon"))
    #expect(report.outcome == .leak(report.leftovers), "\(report)")
    let left = report.leftovers.compactMap { line in
      line.split(separator: " ").dropFirst().first.flatMap { Int32($0.dropLast()) }
    }
    #expect(left.count == 1)
    for pid in left { #expect(kill(pid, 0) == -1 && errno == ESRCH) }
  }

  @Test("runs healthy and hostile programs side by side")
  func together() {
    let cases: [(String, Outcome)] = [
      ("healthy", .pass), ("fork-bomb", .limit(.processes)), ("healthy", .pass),
      ("hog", .limit(.memory)), ("flood", .limit(.output)), ("killer", .crash(signal: 9)),
    ]
    let reports = Locked<[CheckReport?]>(Array(repeating: nil, count: cases.count))
    for (index, (program, _)) in cases.enumerated() {
      try? SystemThread.start {
        let report = Self.runner.run(Self.plan(program))
        reports.withLock { $0[index] = report }
      }
    }
    while reports.withLock({ $0.contains { $0 == nil } }) { usleep(10_000) }
    for (index, (program, outcome)) in cases.enumerated() {
      let report = reports.withLock { $0[index] }
      #expect(report?.outcome == outcome, "\(program): \(String(describing: report))")
    }
  }

  @Test("reports a check that does not end, with its story")
  func hangs() {
    let report = Self.runner.run(Self.plan("stopped", check: "engine.hangs", seconds: 0.5))
    #expect(report.outcome == .timeout, "\(report)")
    #expect(report.did == ["started program"])
    #expect(report.wire == [#"check -> "hello""#])
  }

  @Test("does not blame the submission for a check that crashes, or that there is not")
  func graderErrors() {
    for id in ["engine.traps", "engine.nothing"] {
      let report = Self.runner.run(Self.plan("healthy", check: id))
      #expect(report.outcome.word == "grader error", "\(report)")
    }
    let nowhere = CheckRunner(executable: "/nowhere/ipclab").run(Self.plan("healthy"))
    #expect(nowhere.outcome.word == "grader error")
  }

  @Test("says that a program is not there")
  func missing() {
    var plan = Self.plan("healthy")
    plan.programs = ["program": ["/nowhere/program"]]
    let report = Self.runner.run(plan)
    #expect(report.outcome == .fail, "\(report)")
    #expect(report.seen?.contains("No such file") == true)
  }

  @Test(
    "takes the verdict of a check of one's own",
    arguments: [
      (#"{"outcome":"pass"}"#, "pass"), (#"{"outcome":"fail","seen":"blue"}"#, "fail"),
      (#"{"outcome":"full marks"}"#, "grader error"), ("", "grader error"),
    ])
  func external(_ verdict: String, _ word: String) {
    var plan = Self.plan("healthy", check: "own.check")
    plan.run = ["/bin/sh", "-c", "test -n \"$IPCLAB_PROGRAMS\" && echo '\(verdict)'"]
    let report = Self.runner.run(plan)
    #expect(report.outcome.word == word, "\(report)")
    if word == "fail" { #expect(report.seen == "blue") }
  }

  @Test("gives programs the files of the submission, and nothing to write to but their own")
  func files() throws {
    var place = Array("/tmp/ipclab-submission-XXXXXX".utf8CString)
    try #require(unsafe mkdtemp(&place) != nil)
    let folder = String(decoding: place.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    try SmallFile.write(
      "echo x > \"$0.written\"; echo x > \"$TMPDIR/own\"; rm \"$TMPDIR/own\" && echo ok",
      to: folder + "/program.sh")
    var plan = Self.plan("healthy")
    plan.programs = ["program": ["/bin/sh", "program.sh"]]
    plan.folder = folder
    let report = Self.runner.run(plan)
    #expect(report.outcome == .pass, "\(report)")
    if report.containment.hasPrefix("namespaces") {
      #expect(DirectoryListing.names(in: folder) == ["program.sh"])
    }
    for name in DirectoryListing.names(in: folder) { unlink(folder + "/" + name) }
    rmdir(folder)
  }
}
