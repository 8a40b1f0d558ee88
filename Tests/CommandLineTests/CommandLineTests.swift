import Foundation
import IPCSystem
import LabReport
import LabResults
import Testing

@Suite("The command line", .timeLimit(.minutes(2)))
struct CommandLineTests {
  @Test("without a command explains itself and fails as usage")
  func overview() throws {
    let outcome = try Program().run()
    #expect(outcome.status == .exited(2))
    #expect(outcome.output.isEmpty)
    #expect(outcome.messages.contains("ipclab run --quick"))
  }

  @Test(
    "helps everywhere, with examples, on standard output",
    arguments: [
      "run", "report", "features", "list", "doctor", "measure", "pipeline", "console",
      "readers-writers", "conformance",
    ])
  func help(_ command: String) throws {
    let outcome = try Program().run(command, "--help")
    #expect(outcome.status == .exited(0))
    #expect(outcome.output.contains("Usage: ipclab \(command)"))
    #expect(outcome.messages.isEmpty)
  }

  @Test(
    "offers the nearest name for a misspelled one",
    arguments: [
      (["mesure", "fifo"], "measure"), (["measure", "unix-steam"], "unix-stream"),
      (["measure", "fifo", "--scenario", "eco"], "echo"), (["run", "--quik"], "--quick"),
      (["run", "--transports", "fifo,tpc"], "tcp"), (["list", "transport"], "transports"),
      (["measure", "fifo", "--placement", "sane"], "same"),
      (["features", "--probes", "boundary"], "boundaries"), (["consol"], "console"),
    ])
  func misspelled(_ words: [String], _ right: String) throws {
    let program = try Program()
    try program.start(words)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(2))
    #expect(outcome.messages.contains("did you mean “\(right)”?"))
    #expect(outcome.output.isEmpty)
  }

  @Test(
    "refuses nonsense as usage and says what it wants",
    arguments: [
      ["measure"], ["measure", "fifo", "tcp"], ["measure", "fifo", "--size", "0"],
      ["measure", "fifo", "--size", "-4"], ["measure", "fifo", "--size", "9999999999999999999"],
      ["measure", "fifo", "--count", "many"], ["measure", "fifo", "--size"],
      ["measure", "fifo", "--size", "1", "--size", "2"], ["run", "--budget", "5"],
      ["run", "--budget", "0s"], ["run", "surprise"], ["run", "--quick=yes"], ["list"], ["report"],
      ["run", "--resume", "--out", "nowhere"], ["pipeline", "--", "cat", "|"],
      ["pipeline"], ["pipeline", "--hlep"],
      ["run", "--seed", "-1"],
      ["run", "--transports", ","], ["run", "--sizes", "64,,"], ["run", "--sizes", ""],
      ["run", "--resume", "--force"],
    ])
  func nonsense(_ words: [String]) throws {
    let program = try Program()
    try program.start(words)
    let outcome = try program.finish()
    #expect(outcome.status == .exited(2), "\(outcome.messages)")
    #expect(outcome.messages.count > 20)
    #expect(outcome.output.isEmpty)
  }

  @Test("names the limit of a message that is too large")
  func tooLarge() throws {
    let outcome = try Program().run("measure", "udp", "--size", "70000")
    #expect(outcome.status == .exited(1))
    #expect(outcome.messages.contains("65507"))
  }

  @Test("measures and prints one line of fields")
  func measure() throws {
    let outcome = try Program().run(
      "measure", "unix-stream", "--size", "64", "--count", "2000", "--placement", "none")
    #expect(outcome.status == .exited(0))
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 1)
    var fields: [String: String] = [:]
    for field in try #require(lines.first).split(separator: " ") {
      let parts = field.split(separator: "=", maxSplits: 1)
      fields[String(parts[0])] = String(parts[1])
    }
    for name in [
      "transport", "scenario", "placement", "size", "count", "min_ns", "p50_ns", "p90_ns", "p99_ns",
      "p999_ns", "max_ns", "mean_ns", "msgs_s", "gib_s",
    ] { #expect(fields[name] != nil, "\(name)") }
    #expect(fields["count"] == "2000")
    #expect(fields["p999_ns"] == "na")
    let low = try #require(fields["min_ns"].flatMap(Double.init))
    let mid = try #require(fields["p50_ns"].flatMap(Double.init))
    let high = try #require(fields["max_ns"].flatMap(Double.init))
    #expect(low > 0 && low <= mid && mid <= high)
  }

  @Test("says that a debug build's figures mean nothing")
  func debugBuild() throws {
    let outcome = try Program().run("measure", "fifo", "--count", "10")
    #if DEBUG
      #expect(outcome.messages.contains("figures mean nothing"))
    #else
      #expect(!outcome.messages.contains("figures mean nothing"))
    #endif
  }

  @Test("runs, reports and reports again the same")
  func run() throws {
    let program = try Program()
    let outcome = try program.run(
      "run", "--quick", "--transports", "fifo,unix-stream", "--scenarios", "echo,connect",
      "--sizes", "64", "--placement", "none", "--no-probes", "--seed", "5", "--out", "r")
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    #expect(outcome.messages.contains("about"), "an estimate from the start")
    let report = program.place + "/r"
    let document = try ReportWriter.load(path: report)
    #expect(document.cells.count == 4)
    #expect(document.cells.allSatisfy { $0.status == .measured })
    let page = try String(contentsOfFile: report + "/report.html", encoding: .utf8)
    let again = try program.run("report", "r", "--out", "s")
    #expect(again.status == .exited(0))
    #expect(
      try String(contentsOfFile: program.place + "/s/report.html", encoding: .utf8) == page)
    #expect(program.leftovers().isEmpty)
  }

  @Test(
    "lists what there is, one per line",
    arguments: [
      ("transports", "shared-memory-hybrid"), ("scenarios", "fan-in"),
      ("scenarios", "readers-writers"), ("probes", "writer-death"),
    ])
  func list(_ what: String, _ item: String) throws {
    let outcome = try Program().run("list", what)
    #expect(outcome.status == .exited(0))
    #expect(outcome.output.split(separator: "\n").contains { $0.hasPrefix(item + " ") })
  }

  @Test("refuses a runtime directory that others may write to, and says what to do")
  func openRuntime() throws {
    let program = try Program()
    try FileManager.default.createDirectory(
      atPath: program.runtime, withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o777])
    chmod(program.runtime, 0o777)
    let outcome = try program.run("measure", "fifo", "--count", "10")
    #expect(outcome.status == .exited(3))
    #expect(outcome.messages.contains("IPCLAB_RUNTIME_DIR"))
  }

  @Test("says in words why a file of cases cannot be read")
  func cases() throws {
    let program = try Program()
    let missing = try program.run("conformance", "nowhere.json")
    #expect(missing.status == .exited(3))
    #expect(missing.messages.contains("cannot read the cases in nowhere.json: No such file"))
    try "[{}]".write(toFile: program.place + "/cases.json", atomically: true, encoding: .utf8)
    let malformed = try program.run("conformance", "cases.json")
    #expect(malformed.status == .exited(3))
    #expect(malformed.messages.contains("is missing at [0]"))
  }

  @Test("says what is no agent to play cases against")
  func noAgent() throws {
    let program = try Program()
    let cases = #"[{"id": "a", "area": "pipes", "title": "a", "confidence": "high", "steps": []}]"#
    try cases.write(toFile: program.place + "/cases.json", atomically: true, encoding: .utf8)
    for agent in ["/bin/nosuch", "/bin/true"] {
      let outcome = try program.run("conformance", "cases.json", "--agent", agent)
      #expect(outcome.status == .exited(3), "\(outcome.messages)")
      #expect(outcome.messages.contains("\(agent) is no agent"), "\(outcome.messages)")
      #expect(outcome.output.isEmpty)
    }
  }

  @Test("says why a report cannot be read")
  func unreadable() throws {
    let program = try Program()
    let missing = try program.run("report", "nowhere")
    #expect(missing.status == .exited(3))
    #expect(missing.messages.contains("no such file"))
    try "{".write(toFile: program.place + "/results.json", atomically: true, encoding: .utf8)
    let broken = try program.run("report", "results.json")
    #expect(broken.status == .exited(3))
    #expect(broken.messages.contains("cut short"))
  }

  @Test("offers no format that has nothing of what was typed")
  func unlikeFormat() throws {
    let outcome = try Program().run("report", "r", "--format", "pdf")
    #expect(outcome.status == .exited(2))
    #expect(outcome.messages.contains("There are: html, md, csv, json"))
    #expect(!outcome.messages.contains("did you mean"))
  }

  @Test("replaces the report of an earlier run only when told to, and then all of it")
  func overwrite() throws {
    let program = try Program()
    let words = [
      "run", "--transports", "fifo", "--scenarios", "connect", "--sizes", "64", "--trials", "1",
      "--placement", "none", "--no-probes", "--out", "r",
    ]
    func run(_ more: String...) throws -> Program.Outcome {
      try program.start(words + more)
      return try program.finish()
    }
    #expect(try run("--seed", "1").status == .exited(0))
    let report = program.place + "/r/"
    let first = try Data(contentsOf: URL(filePath: report + "results.json"))
    let refused = try run("--seed", "2", "--format", "md")
    #expect(refused.status == .exited(2))
    #expect(refused.messages.contains("--force"), "\(refused.messages)")
    #expect(try Data(contentsOf: URL(filePath: report + "results.json")) == first)
    #expect(try run("--seed", "2", "--format", "md", "--force").status == .exited(0))
    #expect(try ReportWriter.load(path: report).run.seed == 2)
    #expect(
      Set(DirectoryListing.names(in: report)) == ["plan.json", "report.md", "results.json"])
  }

  @Test("fails, and says why, when nothing of a plan can be measured")
  func nothing() throws {
    let outcome = try Program().run(
      "run", "--transports", "udp", "--scenarios", "echo", "--sizes", "1G", "--placement", "none",
      "--no-probes", "--out", "r")
    #expect(outcome.status == .exited(1))
    #expect(outcome.messages.contains("nothing was measured: a message of 1073741824 bytes"))
  }

  @Test("keeps the figures of a run whose page cannot be written")
  func pageless() throws {
    let program = try Program()
    let obstacle = program.place + "/r/report.html"
    try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: true)
    let outcome = try program.run(
      "run", "--transports", "fifo", "--scenarios", "connect", "--sizes", "64", "--trials", "1",
      "--placement", "none", "--no-probes", "--out", "r", "--force")
    #expect(outcome.status == .exited(3))
    #expect(outcome.messages.contains("report.html"))
    let document = try ReportWriter.load(path: program.place + "/r")
    #expect(!document.run.isPartial)
    #expect(document.cells.allSatisfy { $0.status == .measured })
  }

  @Test("lets nobody write to the directory of a run that goes on")
  func busyDirectory() throws {
    let program = try Program()
    let directory = program.place + "/r"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    let lock = try FileLock.acquire(directory + "/plan.json")
    for option in ["--force", "--resume"] {
      let outcome = try program.run("run", "--out", "r", option)
      #expect(outcome.status == .exited(3))
      #expect(outcome.messages.contains("another run is writing to r now"), "\(outcome.messages)")
    }
    close(lock.release())
  }

  @Test("counts what the experiments came to")
  func features() throws {
    let outcome = try Program().run(
      "features", "--transports", "fifo", "--probes", "direction,order")
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    #expect(outcome.output.hasPrefix("2 experiments: 2 as claimed\n"))
  }

  @Test("runs that start in the same second have directories of their own")
  func sameSecond() throws {
    let program = try Program()
    for _ in 0..<4 {
      let outcome = try program.run(
        "run", "--transports", "fifo", "--scenarios", "connect", "--sizes", "64", "--trials", "1",
        "--placement", "none", "--no-probes", "--format", "json")
      #expect(outcome.status == .exited(0), "\(outcome.messages)")
    }
    #expect(DirectoryListing.names(in: program.place + "/Reports").count == 4)
  }

  @Test("says where it cannot write")
  func unwritable() throws {
    let outcome = try Program().run("run", "--quick", "--out", "/proc/nowhere")
    #expect(outcome.status == .exited(3))
    #expect(outcome.messages.contains("--out"))
  }
}
