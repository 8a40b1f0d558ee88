internal import Coursework
internal import FoundationEssentials
internal import IPCSystem
internal import LabRunner

/// `ipclab lab selftest`: lets the grader prove itself.
enum LabSelftestCommand {
  static let command = Command(
    name: "selftest", summary: "Let the grader prove itself on references, starters and mutants",
    help: """
      Usage: ipclab lab selftest [LAB] [OPTIONS]

      Builds and checks what comes with the labs. References must have full marks, starters less than
      20 of 100 points, every mutant must be caught by the check that it names, and every check must
      catch something. A pack of hostile programs must get the outcomes that it deserves. With LAB, of
      that lab only, and without the hostile pack.

        --only A,B     \(names.joined(separator: ", ")) (default: all)
        --repeat N     check every solution N times, each time with another seed
        --seed N       the random data
        --jobs N       labs at the same time (1; each builds the library once)
        --work DIR     keep what is built in DIR, so that the next time is quicker
        --labs DIR     another folder of labs than the one ipclab comes with

      Examples:
        ipclab lab selftest 3
        ipclab lab selftest --only solutions --repeat 30

      Exit codes: 0 everything as it must be, 1 something is not, 2 usage, 3 environment,
      130 interrupted.

      """,
    run: run)

  private static let names = Selftest.Part.allCases.map(\.rawValue)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(
      words, options: ["--only", "--repeat", "--seed", "--jobs", "--work", LabPlace.option])
    let catalogue = try LabPlace.catalogue(arguments)
    let labs = try LabPlace.word(arguments).map { [try catalogue.lab($0)] } ?? catalogue.labs
    let parts =
      try arguments.names("--only", among: names, kind: "part")
      ?? (labs.count == catalogue.labs.count ? names : names.filter { $0 != "hostile" })
    let seed = try arguments.seed("--seed") ?? Workplace.freshSeed()
    let rounds = try arguments.number("--repeat", in: 1...10_000) ?? 1
    let jobs = try arguments.number("--jobs", in: 1...64) ?? 1
    let executable = try Workplace.executable()
    let hostile =
      executable.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/") + "/HostilePrograms"
    if parts.contains("hostile") && !FileManager.default.fileExists(atPath: hostile) {
      throw EnvironmentError(
        "the hostile programs are not built. Build them with: swift build --product HostilePrograms"
      )
    }
    let interruption = try Interruption()
    let place = arguments.text("--work") ?? temporaryPlace()
    defer {
      if arguments.text("--work") == nil { try? FileManager.default.removeItem(atPath: place) }
    }
    let selftest = Selftest(
      labs, parts: Set(parts.compactMap(Selftest.Part.init(rawValue:))), rounds: rounds, seed: seed,
      runner: CheckRunner(executable: executable), place: place,
      hostile: hostile)
    Output.message(
      parts == ["hostile"]
        ? "The hostile pack, seed \(seed)."
        : "\(labs.count == 1 ? labs[0].lab.heading : "\(labs.count) labs"), seed \(seed). "
          + "The library is built first.")
    let tally = Locked((good: 0, bad: 0))
    let start = MonotonicClock.now()
    try selftest.run(jobs: jobs, isStopped: { interruption.check() }) { finding in
      tally.withLock { if finding.isGood { $0.good += 1 } else { $0.bad += 1 } }
      Output.data(
        "\(finding.isGood ? "ok   " : "WRONG")  \(finding.lab)  \(finding.subject): \(finding.text)\n"
      )
    }
    let (good, bad) = tally.withLock { $0 }
    Output.data(
      "\(good) as they must be, \(bad) not, in \(ProgressLine.duration(MonotonicClock.now() - start))\n"
    )
    if interruption.check() { return Exit.interrupted }
    return bad == 0 ? Exit.done : Exit.failed
  }

  private static func temporaryPlace() -> String {
    FileManager.default.temporaryDirectory.path
      + "/ipclab-selftest-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
  }
}
