import Foundation
import Glibc
import IPCSystem
import TestSupport
import Testing

@testable import Coursework

@Suite("A batch", .serialized)
struct BatchTests {
  private let runner = CheckRunner(executable: BuiltPrograms.ipclab)

  private func begin(_ place: LabWorkplace, _ lab: LabFolder) throws -> Batch {
    try Batch.begin(
      lab, source: place.path + "/class", directory: place.path + "/out", seed: 1, seconds: nil,
      commands: [:], runner: runner)
  }

  @Test("grades every submission, also those that make no sense")
  func grades() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.submit("good", "echo hello\n")
    try place.submit("bad", "echo hi\n")
    try place.submit("nested/inner", "echo hello\n")
    try place.write("nothing", to: "class/empty/notes.txt")
    try place.submit("odd", "echo hello\n")
    try place.write("{\"commands\": 3}", to: "class/odd/ipclab.json")
    try place.write(#"{"commands": {"hello": "./a.out"}}"#, to: "class/uncompiled/ipclab.json")
    // The results of others must not be within reach.
    try place.submit("thief", "cat \(place.path)/class/good/hello.sh >/dev/null && echo hello\n")
    let batch = try begin(place, lab)
    #expect(try batch.run(jobs: 2, isStopped: { false }, progress: { _ in }))
    let result = batch.result()
    let points = Dictionary(
      result.submissions.map { ($0.name, $0.points) }, uniquingKeysWith: { a, _ in a })
    let isShutOff = result.submissions.contains {
      $0.reports.contains { $0.containment == Containment.namespaces.text }
    }
    let thief = isShutOff ? 0.0 : 100.0
    #expect(
      points == [
        "good": 100, "bad": 0, "nested": 100, "empty": 0, "odd": 0, "thief": thief, "uncompiled": 0,
      ])
    let bad = try #require(result.submissions.first { $0.name == "bad" })
    #expect(bad.reports.map(\.outcome) == [.fail, .skipped(parent: "hello.word")])
    let empty = try #require(result.submissions.first { $0.name == "empty" })
    #expect(empty.reports.allSatisfy { $0.outcome == .buildError })
    #expect(empty.mistake?.contains("has no Package.swift") == true)
    let odd = try #require(result.submissions.first { $0.name == "odd" })
    #expect(odd.mistake?.contains("ipclab.json") == true)
    #expect(odd.mistake?.contains("It is written like this") == true)
    let uncompiled = try #require(result.submissions.first { $0.name == "uncompiled" })
    #expect(uncompiled.mistake?.contains("hello is not there: ./a.out") == true)
    #expect(!place.exists("out/work"))
  }

  @Test("goes on with the others when the files of one submission cannot be copied")
  func uncopied() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    for name in ["a-deep", "b-odd", "c-good"] { try place.submit(name, "echo hello\n") }
    var deep = place.path + "/class/a-deep"
    while deep.utf8.count < FolderCopy.longestPath {
      deep += "/" + String(repeating: "d", count: 99)
    }
    try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
    var odd = Array((place.path + "/class/b-odd/").utf8CString.dropLast())
    odd += [CChar(bitPattern: 0xFC), 0]
    #expect(mkdir(odd, 0o755) == 0)
    defer { rmdir(odd) }
    let batch = try begin(place, lab)
    #expect(try batch.run(jobs: 1, isStopped: { false }, progress: { _ in }))
    let result = batch.result().submissions
    #expect(result.map(\.points) == [0, 0, 100])
    #expect(result[0].mistake?.contains("too deep") == true)
    #expect(result[1].mistake?.contains("Rename it") == true)
  }

  @Test("lets no submission reach another one by a link or a command")
  func links() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.submit("ana", "echo hello\n")
    func link(_ name: String, to other: String) throws {
      try FileManager.default.createSymbolicLink(
        atPath: "\(place.path)/class/\(name)", withDestinationPath: other)
    }
    try place.write("nothing", to: "class/folder/.keep")
    try link("folder/x", to: "../ana")
    for (name, script) in [
      ("absolute", "\(place.path)/class/ana/hello.sh"), ("relative", "../ana/hello.sh"),
      ("linked", "x.sh"),
    ] {
      try place.write(
        "{\"commands\": {\"hello\": \"sh \(script)\"}}", to: "class/\(name)/ipclab.json")
    }
    try link("linked/x.sh", to: "../ana/hello.sh")
    try place.write("// nothing\n", to: "class/sources/Package.swift")
    try link("sources/Sources", to: "../ana")
    let batch = try begin(place, lab)
    #expect(try batch.run(jobs: 1, isStopped: { false }, progress: { _ in }))
    let points = Dictionary(
      batch.result().submissions.map { ($0.name, $0.points) }, uniquingKeysWith: { a, _ in a })
    #expect(
      points == [
        "ana": 100, "folder": 0, "absolute": 0, "relative": 0, "linked": 0, "sources": 0,
      ])
  }

  @Test("what is a link in a submission keeps no file of the one before")
  func stale() throws {
    let place = try LabWorkplace()
    try place.write("of before", to: "target/a.swift")
    try place.write("of before", to: "target/sub/b.swift")
    try place.write("own", to: "elsewhere/b.swift")
    try place.write("own", to: "source/c.swift")
    for (name, other) in [("a.swift", "c.swift"), ("sub", "../elsewhere")] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(place.path)/source/\(name)", withDestinationPath: other)
    }
    FolderCopy.removeStrangers(in: place.path + "/target", notIn: place.path + "/source")
    #expect(!place.exists("target/a.swift") && !place.exists("target/sub"))
  }

  @Test("shows a submission nothing but its own files, also beside others and when resumed")
  func seclusion() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    let spy = """
      own=$(dirname "$0")
      others=$(find \(place.path)/out \(place.path)/class -type f ! -path "$own/*" | head -n 1)
      . "$own/lib/word.sh"
      [ -n "$others" ] && echo "$others" || echo $word

      """
    for name in ["a", "b", "c", "d"] {
      try place.submit(name, spy)
      try place.write("word=hello\n", to: "class/\(name)/lib/word.sh")
    }
    _ = try begin(place, lab)
    // What an interrupted batch leaves.
    try place.write("a,100\n", to: "out/grades.csv")
    for number in 1...2 { try place.write("echo hello\n", to: "out/work/\(number)/files/old.sh") }
    let batch = try Batch.resume(lab, directory: place.path + "/out", runner: runner)
    #expect(try batch.run(jobs: 2, isStopped: { false }, progress: { _ in }))
    let result = batch.result().submissions
    let isShutOff = result.contains {
      $0.reports.contains { $0.containment == Containment.namespaces.text }
    }
    #expect(result.map(\.points) == Array(repeating: isShutOff ? 100 : 0, count: 4))
  }

  /// A program in the place of the toolchain.
  private func builder(_ place: LabWorkplace, _ script: String) throws -> PackageBuilder {
    try place.write("#!/bin/sh\n" + script, to: "script")
    try BuiltPrograms.install(place.path + "/script", as: place.path + "/swift")
    var builder = PackageBuilder()
    builder.program = place.path + "/swift"
    return builder
  }

  @Test("a build that is stopped ends its compilers, also those in groups of their own")
  func stopsCompilers() throws {
    let place = try LabWorkplace()
    let builder = try builder(
      place,
      "setsid sh -c 'echo $$ >\(place.path)/part; mv \(place.path)/part \(place.path)/pid; "
        + "sleep 1000; exit' & wait\n")
    #expect(throws: PackageBuilder.Interrupted.self) {
      try builder.build(place.path, scratch: place.path + "/scratch") { place.exists("pid") }
    }
    let text = try place.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)
    let compiler = try #require(Int32(text))
    // It has been killed, and dies when it is given a processor; who adopts it may not collect it.
    func isAlive() -> Bool {
      let state = try? String(contentsOfFile: "/proc/\(compiler)/stat", encoding: .utf8)
      return state.map { !$0.contains(") Z ") && !$0.contains(") X ") } ?? false
    }
    let end = Deadline.after(.seconds(60))
    while isAlive() && !end.hasPassed { usleep(2000) }
    #expect(!isAlive())
  }

  @Test("what the toolchain leaves in its temporary directory goes away, however the build ends")
  func temporaryFiles() throws {
    let place = try LabWorkplace()
    let scratch = place.path + "/scratch"
    for end in ["exit 0", "exit 1", "kill -9 $$"] {
      let builder = try builder(
        place, "d=$(mktemp -d) && touch $d/.keep && dirname $d >\(place.path)/where && \(end)\n")
      _ = try builder.build(place.path, scratch: scratch)
      let own = try place.read("where").trimmingCharacters(in: .newlines)
      #expect(own.hasPrefix(scratch + "/"))
      #expect(!FileManager.default.fileExists(atPath: own))
      #expect(DirectoryListing.names(in: scratch) == ["ipclab-build.log"])
    }
  }

  @Test("products that were made in another place are made again, once")
  func movedFolder() throws {
    let place = try LabWorkplace()
    let products = place.path + "/scratch"
    let complaint = "echo 'error: precompiled file was compiled with module cache path /old'"
    try place.write("", to: "scratch/old")
    let moved = try builder(
      place,
      "echo x >>\(place.path)/runs; [ -e \(products)/old ] || exit 0; \(complaint); exit 1\n")
    guard case .built = try moved.build(place.path, scratch: products) else {
      Issue.record("not built")
      return
    }
    let hopeless = try builder(place, "echo x >>\(place.path)/runs; \(complaint); exit 1\n")
    guard case .failed = try hopeless.build(place.path, scratch: products) else {
      Issue.record("not given up")
      return
    }
    #expect(try place.read("runs") == "x\nx\nx\nx\n")
  }

  @Test("a compiler that a signal ended is told from one that found mistakes")
  func killedCompiler() throws {
    let place = try LabWorkplace()
    func isKilled(_ script: String) throws -> Bool {
      let outcome = try builder(place, script).build(place.path, scratch: place.path + "/scratch")
      if case .killed = outcome { return true }
      return false
    }
    #expect(try isKilled("kill -9 $$\n"))
    #expect(
      try isKilled("echo 'error: emit-module command failed due to signal 9 (use -v)'; exit 1\n"))
    #expect(
      try !isKilled("echo 'a.swift:1:8: error: compile command failed due to signal 9'; exit 1\n"))
  }

  @Test("a program of before is not taken for one that was built")
  func stalePrograms() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.write("// a package\n", to: "mine/Package.swift")
    try place.write("#!/bin/sh\n", to: "mine/.build/debug/hello")
    #expect(chmod(place.path + "/mine/.build/debug/hello", 0o755) == 0)
    let submission = try Submission(path: place.path + "/mine")
    let builder = try builder(place, "exit 0\n")
    let result = try Workshop.buildInPlace(submission, of: lab, with: builder)
    guard case .mistake(let text) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(text.contains("there is no program “hello” in it"))
  }

  @Test("a build that takes too much memory is stopped, and says so")
  func largeCompiler() throws {
    let place = try LabWorkplace()
    var builder = try builder(place, "head -c 200m /dev/zero | tail; sleep 1000\n")
    builder.memory = 100 << 20
    let outcome = try builder.build(place.path, scratch: place.path + "/scratch")
    guard case .stopped(let text) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(text.contains("more than 100 MiB of memory"))
  }

  @Test("a machine that cannot build the starter is nobody's mistake")
  func starterFails() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    let workshop = try Workshop(path: place.path + "/work")
    let broken = try builder(place, "echo 'error: no space left on device'; exit 1\n")
    let error = #expect(throws: CourseworkError.self) {
      try workshop.prepare(for: lab, with: broken) { false }
    }
    #expect(error?.kind == .environment)
    #expect(error?.description.contains("no space left") == true)
  }

  @Test("does not begin when a submission's name cannot be used")
  func strangeName() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.submit("good", "echo hello\n")
    var odd = Array((place.path + "/class/").utf8CString.dropLast())
    odd += [CChar(bitPattern: 0xFC), 0]
    #expect(mkdir(odd, 0o755) == 0)
    defer { rmdir(odd) }
    let error = #expect(throws: CourseworkError.self) { try begin(place, lab) }
    #expect(error?.kind == .usage)
    #expect(error?.description.contains("1 of the names") == true)
    #expect(!place.exists("out/plan.json"))
  }

  @Test("goes on where it was without doing anything again")
  func resume() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    for name in ["a", "b", "c"] { try place.submit(name, "echo hello\n") }
    // Stopped in the middle of the second submission: after its first check.
    let asked = Locked(0)
    let first = try begin(place, lab)
    let isDone = try first.run(jobs: 1) {
      asked.withLock { $0 += 1 }
      return asked.withLock { $0 } > 6
    } progress: { _ in
    }
    #expect(!isDone)
    let before = first.result().submissions
    #expect(before.contains { $0.isComplete })
    #expect(before.contains { !$0.isComplete })
    // What is known is taken as it is: a mark that no check would make survives.
    var marked = before[0]
    marked.reports[0].seconds = 4321
    marked.seconds = 100
    try JSONFile.write(marked, to: place.path + "/out/submissions/a/record.json")

    #expect(throws: CourseworkError.self) { try begin(place, lab) }
    let second = try Batch.resume(lab, directory: place.path + "/out", runner: runner)
    #expect(second.completeBefore == before.count { $0.isComplete })
    // What was done before says how long the rest will take: two at a time, of 100 s each.
    let estimates = Locked<[UInt64?]>([])
    #expect(
      try second.run(jobs: 2, isStopped: { false }) { standing in
        estimates.withLock { $0.append(standing.remaining) }
      })
    #expect(estimates.withLock { $0.first } == 100_000_000_000)
    let after = second.result().submissions
    #expect(after.map(\.points) == [100, 100, 100])
    #expect(after[0].reports[0].seconds == 4321)
    for old in before {
      let new = try #require(after.first { $0.name == old.name })
      let kept = zip(old.reports, new.reports).dropFirst().allSatisfy { $0 == $1 }
      #expect(kept && new.reports.count >= old.reports.count)
    }
    // A record that cannot be read is none.
    try place.write("{", to: "out/submissions/b/record.json")
    let third = try Batch.resume(lab, directory: place.path + "/out", runner: runner)
    #expect(third.completeBefore == 2)
  }

  @Test("keeps which programs a submission has named itself, and not those the instructor names")
  func ownCommands() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.submit("a", "echo hello\n")
    try place.write(#"{"commands": {"hello": "echo 'hello '"}}"#, to: "class/b/ipclab.json")
    let batch = try begin(place, lab)
    #expect(try batch.run(jobs: 1, isStopped: { false }, progress: { _ in }))
    #expect(
      batch.result().submissions.map(\.ownCommands)
        == [["hello": "sh hello.sh"], ["hello": "echo 'hello '"]])
    var plan = batch.plan
    plan.commands = ["hello": "sh hello.sh"]
    #expect(plan.ownCommands(of: "b") == nil)
  }

  @Test("is resumed with the words it was begun with, and with no others")
  func resumeWords() throws {
    let place = try LabWorkplace()
    _ = try place.makeLab()
    try place.submit("a", "echo hello\n")
    try place.submit("b", "echo hello\n")
    let begun = try place.run(
      "grade", "class", "--lab", "1", "--seed", "5", "--timeout", "20", "--out", "out")
    #expect(begun.status == .exited(0), "\(begun.messages)")
    let same = try place.run(
      "grade", "class", "--lab", "hello", "--seed", "5", "--timeout", "20", "--resume", "--out",
      "out")
    #expect(same.status == .exited(0), "\(same.messages)")
    for (words, said) in [
      (["--seed", "6"], "--seed 6"), (["--timeout", "9"], "--timeout 9"),
      (["--command", "hello=true"], "--command"), (["class/a"], "class/a is not what"),
    ] {
      let status = try place.start(["grade", "--resume", "--out", "out"] + words).wait().status
      #expect(status == .exited(2))
      #expect(try place.read("stderr").contains(said))
    }
  }

  @Test("is not resumed when the lab has changed")
  func changed() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.submit("a", "echo hello\n")
    _ = try begin(place, lab)
    let other = try place.makeLab(
      LabWorkplace.lab.replacing("60", with: "50").replacing(": 40", with: ": 50"))
    #expect(throws: CourseworkError.self) {
      try Batch.resume(other, directory: place.path + "/out", runner: runner)
    }
  }

  @Test(
    "is not resumed when something has changed that decides about points",
    arguments: ["checks/word.sh", "checks/lib/new.sh", "starter/Package.swift"])
  func changedFile(_ file: String) throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.submit("a", "echo hello\n")
    _ = try begin(place, lab)
    try place.write("// other hints\n", to: "Labs/01-hello/hints/1.md")
    _ = try Batch.resume(lab, directory: place.path + "/out", runner: runner)
    try place.write("# other\n", to: "Labs/01-hello/" + file)
    let error = #expect(throws: CourseworkError.self) {
      try Batch.resume(lab, directory: place.path + "/out", runner: runner)
    }
    #expect(error?.description.contains("01-hello (lab.json, checks") == true)
  }

  @Test("is not resumed by another ipclab, which may have other checks")
  func changedGrader() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.submit("a", "echo hello\n")
    _ = try begin(place, lab)
    let other = CheckRunner(executable: BuiltPrograms.hostile)
    let error = #expect(throws: CourseworkError.self) {
      try Batch.resume(lab, directory: place.path + "/out", runner: other)
    }
    #expect(error?.description.contains("ipclab itself has changed") == true)
  }

  @Test("does not charge a submission with a time in which the grader stood still")
  func standstill() throws {
    let place = try LabWorkplace()
    _ = try place.makeLab(
      LabWorkplace.lab.replacing("\"task\": 1,", with: "\"task\": 1, \"seconds\": 2,"))
    let file = "out/work/1/files/hello.sh"
    try place.submit("a", "sleep 1000 # until the grader stands still\n")
    let grader = try place.start(["grade", "class", "--lab", "1", "--out", "out"])
    // It is copied before the check begins, and looked at every moment while the check runs.
    let sleeper = try #require(Self.process(running: "sleep 1000", below: grader.pid))
    grader.signal(SIGSTOP)
    let second = try place.start(["grade", "--resume", "--out", "out"]).wait().status
    #expect(second == .exited(2))
    #expect(try place.read("stderr").contains("another ipclab is grading into"))
    try place.write("echo hello\n", to: file)
    // The check of the sleeper is over, and what it found lies there when the grader goes on.
    while Glibc.kill(sleeper, 0) == 0 { usleep(5000) }
    grader.signal(SIGCONT)
    #expect(try grader.wait().status == .exited(0))
    let row = try place.read("out/grades.csv").split(separator: "\r\n").dropFirst().first
    #expect(row?.contains(",100,100,yes,no,") == true, "\(row ?? "")")
  }

  /// The process with this command line that comes to be below another one.
  private static func process(running command: String, below root: Int32) -> Int32? {
    let end = Deadline.after(.seconds(60))
    while !end.hasPassed {
      let found = ProcessTable.below(root, in: .sweep).entries.first {
        ProcessTable.name(of: $0.pid).hasSuffix(": " + command)
      }
      if let found { return found.pid }
      usleep(2000)
    }
    return nil
  }

  @Test("survives a kill of the grader at any moment")
  func kill() throws {
    let place = try LabWorkplace()
    _ = try place.makeLab()
    for number in 1...8 { try place.submit("s\(number)", "echo hello\n") }
    let grader = try place.start(["grade", "class", "--lab", "1", "--out", "out"])
    // The readiness to be killed: some results are there.
    let deadline = Deadline.after(.seconds(60))
    while DirectoryListing.names(in: place.path + "/out/submissions").count < 3 {
      try #require(!deadline.hasPassed)
      usleep(5000)
    }
    grader.signal(SIGKILL)
    #expect(try grader.wait().status == .signaled(SIGKILL))
    var before: [String: String] = [:]
    for number in 1...8 {
      let file = "out/submissions/s\(number)/record.json"
      if let text = try? place.read(file), text.contains("\"isComplete\" : true") {
        before[file] = text
      }
    }
    let again = try place.run("grade", "--resume", "--out", "out")
    #expect(again.status == .exited(0), "\(again.messages)")
    for (file, text) in before { #expect(try place.read(file) == text) }
    let rows = try place.read("out/grades.csv").split(separator: "\r\n").dropFirst()
    #expect(rows.count == 8)
    #expect(rows.allSatisfy { $0.contains(",100,100,yes,no,") })
  }

  @Test("a check at which the grader fails costs nothing and is flagged")
  func graderError() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.write("echo no verdict\n", to: "Labs/01-hello/checks/word.sh")
    try place.submit("a", "echo hello\n")
    let batch = try begin(place, lab)
    #expect(try batch.run(jobs: 1, isStopped: { false }, progress: { _ in }))
    let result = batch.result()
    #expect(result.submissions[0].points == 100)
    #expect(result.submissions[0].needsPerson)
    // Its child is not skipped for it.
    #expect(result.submissions[0].reports.allSatisfy { $0.outcome.isGraderError })
    #expect(ClassText(result).markdown.contains("the grader itself failed at hello.word"))
  }
}
