import Foundation
import Glibc
import IPCSystem
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
      points == ["good": 100, "bad": 0, "nested": 100, "empty": 0, "odd": 0, "thief": thief])
    let bad = try #require(result.submissions.first { $0.name == "bad" })
    #expect(bad.reports.map(\.outcome) == [.fail, .skipped(parent: "hello.word")])
    let empty = try #require(result.submissions.first { $0.name == "empty" })
    #expect(empty.reports.allSatisfy { $0.outcome == .buildError })
    #expect(empty.mistake?.contains("has no Package.swift") == true)
    let odd = try #require(result.submissions.first { $0.name == "odd" })
    #expect(odd.mistake?.contains("ipclab.json") == true)
    #expect(!place.exists("out/work"))
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
    try JSONFile.write(marked, to: place.path + "/out/submissions/a/record.json")

    #expect(throws: CourseworkError.self) { try begin(place, lab) }
    let second = try Batch.resume(lab, directory: place.path + "/out", runner: runner)
    #expect(second.completeBefore == before.count { $0.isComplete })
    #expect(try second.run(jobs: 1, isStopped: { false }, progress: { _ in }))
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
