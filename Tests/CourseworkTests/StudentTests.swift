import Foundation
import IPCSystem
import Testing

@testable import Coursework

@Suite("A student's folder")
struct StudentTests {
  @Test("is made of the starter, the handout and the path of the library")
  func start() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    let folder = try StudentFolder.start(lab, at: place.path + "/mine")
    #expect(try place.read("mine/Package.swift").contains("path: \"\(place.path)\""))
    #expect(try place.read("mine/README.md").contains("## Task 1"))
    #expect(try place.read("mine/Sources/hello/main.swift") == "// TASK 1\n")
    #expect(try StudentFolder.enclosing(place.path + "/mine/Sources")?.path == folder.path)
    #expect(try StudentFolder.around(place.path).map(\.labID) == ["hello"])
  }

  @Test("is never written over")
  func occupied() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.write("mine", to: "mine/Sources/hello/main.swift")
    #expect(throws: CourseworkError.self) { try StudentFolder.start(lab, at: place.path + "/mine") }
    #expect(try place.read("mine/Sources/hello/main.swift") == "mine")
  }

  @Test("gets the starter back and keeps what was there")
  func reset() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    let folder = try StudentFolder.start(lab, at: place.path + "/mine")
    try place.write("my work", to: "mine/Sources/hello/main.swift")
    try place.write("new", to: "mine/Sources/hello/Extra.swift")
    let kept = try folder.reset(lab)
    #expect(try place.read("mine/Sources/hello/main.swift") == "// TASK 1\n")
    #expect(!place.exists("mine/Sources/hello/Extra.swift"))
    #expect(
      try String(contentsOfFile: kept + "/Sources/hello/main.swift", encoding: .utf8) == "my work")
  }

  @Test("keeps what the checks said last")
  func progress() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    let folder = try StudentFolder.start(lab, at: place.path + "/mine")
    var progress = try folder.progress()
    #expect(progress.next(in: lab.lab)?.id == "hello.word")
    progress.add([CheckReport(id: "hello.word", outcome: .pass, maxPoints: 60, seed: 7)])
    try folder.keep(progress)
    let read = try folder.progress()
    #expect(read.points(in: lab.lab) == 60)
    #expect(read.next(in: lab.lab)?.id == "hello.child")
    // What is nobody's mistake costs nothing, and is open still.
    progress.add([CheckReport(id: "hello.child", outcome: .graderError("odd"), maxPoints: 40)])
    #expect(progress.points(in: lab.lab) == 100)
    #expect(progress.next(in: lab.lab)?.id == "hello.child")
    try place.write("{", to: "mine/.ipclab/progress.json")
    #expect(throws: CourseworkError.self) { try folder.progress() }
  }

  @Test("begins with a task that no check is about, until something passes")
  func firstTask() throws {
    let json = LabWorkplace.lab.replacing(#""task": 1"#, with: #""task": 3"#)
    let lab = try LabWorkplace().makeLab(json).lab
    var progress = Progress()
    #expect(progress.task(for: lab.checks[1], in: lab) == 1)
    progress.add([CheckReport(id: "hello.word", outcome: .pass)])
    #expect(progress.task(for: lab.checks[1], in: lab) == 3)
  }
}

@Suite("ipclab lab", .serialized)
struct LabCommandTests {
  @Test("leads a student from the list to full points")
  func path() throws {
    let place = try LabWorkplace()
    _ = try place.makeLab()
    let list = try place.run("list")
    #expect(list.status == .exited(0))
    #expect(list.output.contains("Next: ipclab lab start 1"))
    try place.write("# Olá\n", to: "Labs/01-hello/README.pt.md")
    let started = try place.run("start", "1", "mine").output
    #expect(started.contains("ipclab lab check") && started.contains("em português: README.pt.md"))
    try place.write("echo hallo\n", to: "mine/hello.sh")
    try place.write(#"{"commands": {"hello": "sh hello.sh"}}"#, to: "mine/ipclab.json")

    let bad = try place.run("check", "--seed", "5", in: "mine/Sources")
    #expect(bad.status == .exited(1))
    // The order in which a failing check is told.
    let order = [
      "FAIL", "hello.word", "What was done", "Expected", "Seen", "hallo", "ipclab lab hint 1",
      "--test hello.word --seed 5", "SKIPPED", "0 of 2 checks passed", "waits for another check",
      "how it should be", "What to do next", "at // TASK 1",
    ]
    var rest = bad.output[...]
    for words in order {
      let range = rest.range(of: words)
      #expect(range != nil, "\(words) is missing in \(bad.output)")
      if let range { rest = rest[range.upperBound...] }
    }
    #expect(try place.run("hint", in: "mine").output.contains("Think."))
    #expect(try place.run("explain", "hello.word").output.contains("A first program."))
    #expect(try place.run("list").output.contains("0 of 100"))

    try place.write("echo hello\n", to: "mine/hello.sh")
    // What is wrong with another lab holds nobody up.
    try place.write("{", to: "other/.ipclab/lab.json")
    #expect(try place.run("check", in: "mine").status == .exited(0))
    let broken = try place.run("check", in: "other")
    #expect(broken.status == .exited(3))
    #expect(broken.messages.contains("copy your Sources there"))
    #expect(try place.run("list").output.contains("Next: nothing"))
    #expect(try place.run("progress").output.contains("100 of 100 points, 2 of 2 checks"))
    #expect(try place.run("reset", in: "mine").output.contains("is back here.\n"))
  }

  @Test(
    "says what is wrong and ends with 2 or 3",
    arguments: [
      (["check"], 2, "ipclab lab start 1"), (["check", "9"], 2, "there is no lab “9”"),
      (["start"], 2, "which lab?"), (["start", "x"], 2, "there is no lab “x”"),
      (["explain", "hello.wird"], 2, "hello.word"), (["chekc"], 2, "check"),
      (["check", "1", "--dir", "nowhere"], 2, "is not a folder"),
      (["check", "1", "--dir", "empty"], 2, "has no Package.swift"),
      (["check", "1", "--dir", "empty", "--command", "hullo=x"], 2, "hello"),
      (["check", "1", "--dir", "empty", "--command", "hello=./x"], 2, "is not there: ./x"),
      (["check", "1", "--dir", "empty", "--command", "hello=file.txt"], 2, "be run"),
      (["check", "2"], 3, "02-broken/lab.json"),
      (["check", "2"], 3, "not valid JSON"), (["list", "--labs", "empty"], 3, "no labs in"),
      (["grade", "class", "--out", "o"], 2, "--lab 3"),
      (["grade", "empty", "--lab", "1", "--out", "o"], 2, "no submissions"),
      (["grade", "--resume", "--out", "empty"], 2, "nothing to resume"),
      (["grade", "empty", "--lab", "1", "--resume", "--out", "empty"], 2, "nothing to resume"),
      (["hint", "1", "--task", "8"], 2, "Tasks with hints: 1"),
      (["hint", "1", "--level", "4"], 2, "from 1 to 3"),
    ])
  func mistakes(_ words: [String], _ code: Int32, _ said: String) throws {
    let place = try LabWorkplace()
    _ = try place.makeLab()
    try place.write("{", to: "Labs/02-broken/lab.json")
    try place.write("", to: "empty/file.txt")
    let status = try place.start(words).wait().status
    let messages = try place.read("stderr")
    #expect(status == .exited(code), "\(messages)")
    #expect(messages.contains(said), "\(messages)")
  }
}
