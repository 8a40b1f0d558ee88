import Testing

@testable import Coursework

@Suite("A lab's description")
struct LabTests {
  @Test("is read with its checks")
  func reads() throws {
    let place = try LabWorkplace()
    let folder = try place.makeLab()
    #expect(folder.lab.checks.map(\.id) == ["hello.word", "hello.child"])
    #expect(folder.lab.checks[0].wallSeconds == 10)
    #expect(Hints.text(of: folder, task: 1, level: 2) == "Print.")
    #expect(Hints.text(of: folder, task: 2, level: 1) == nil)
  }

  @Test(
    "with a mistake says what to correct",
    arguments: [
      ("\"points\": 60", "\"points\": 50", "sum to 90"),
      ("\"points\": 60", "\"pionts\": 60", "“pionts” is not a key"),
      ("\"points\": 60", "\"points\": \"60\"", "checks[0].points"),
      ("\"points\": 60,", "", "`points` is missing"),
      ("\"schema\": 1", "\"schema\": 2", "“schema” is 2"),
      ("[\"hello.word\"]", "[\"hello.none\"]", "names hello.none"),
      ("[\"hello.word\"]", "[\"hello.child\"]", "names hello.child"),
      (
        "hello.child\", \"points\"", "other.child\", \"points\"",
        "must be called “hello.” and a word"
      ),
      ("#task-1", "#task-9", "has no such heading"),
      ("README.md#", "MISSING.md#", "no such file"),
      ("[\"sh\", \"checks/word.sh\", \"hello\"] },", "[] },", "“run” is empty"),
      ("{ \"hello\": \"prints hello\" }", "{}", "“programs” is empty"),
      ("\"order\": 1", "\"order\": 0", "“order” is 0"),
      ("{ \"schema\"", "\"schema\"", "is not a lab"),
    ])
  func mistakes(_ old: String, _ new: String, _ said: String) throws {
    let place = try LabWorkplace()
    let json = LabWorkplace.lab.replacing(old, with: new, maxReplacements: 1)
    #expect(json != LabWorkplace.lab)
    let error = #expect(throws: CourseworkError.self) { try place.makeLab(json) }
    #expect(error?.kind == .environment)
    #expect(error?.description.contains(said) == true, "\(error?.description ?? "")")
  }

  @Test("without a program needs a check that is built in")
  func builtIn() throws {
    let place = try LabWorkplace()
    let json = LabWorkplace.lab.replacing(
      ",\n      \"run\": [\"sh\", \"checks/word.sh\", \"hello\"]", with: "")
    #expect(json.ranges(of: "run").isEmpty)
    let error = #expect(throws: CourseworkError.self) { try place.makeLab(json) }
    #expect(error?.description.contains("is no built-in check") == true)
    _ = try LabFolder(path: place.labs + "/01-hello", builtIn: ["hello.word", "hello.child"])
  }

  @Test("is found by number, id and folder, and a broken one stops nobody else")
  func catalogue() throws {
    let place = try LabWorkplace()
    _ = try place.makeLab()
    try place.write("{", to: "Labs/02-broken/lab.json")
    let catalogue = try LabCatalogue(path: place.labs, builtIn: [])
    for name in ["1", "hello", "01-hello"] { #expect(try catalogue.lab(name).lab.id == "hello") }
    for name in ["2", "broken"] {
      let error = #expect(throws: CourseworkError.self) { try catalogue.lab(name) }
      #expect(error?.kind == .environment)
    }
    let error = #expect(throws: CourseworkError.self) { try catalogue.lab("77") }
    #expect(error == .usage("there is no lab “77”. There are: 1 hello"))
  }

  @Test("a task may have hints and no check of its own")
  func hints() throws {
    let place = try LabWorkplace()
    let lab = try place.makeLab()
    try place.write("## Level 1\n\nMore.\n", to: "Labs/01-hello/hints/3.md")
    try place.write("No levels.\n", to: "Labs/01-hello/hints/2.md")
    try place.write("## Level 1\n", to: "Labs/01-hello/hints/notes.md")
    #expect(Hints.tasks(of: lab) == [1, 3])
  }

  @Test("a heading is found by the name that a link has")
  func headings() {
    let text =
      "# A\n\n## Task 2: Read, then write!\n\nOne.\n\n```\n## no heading\n```\n\n### B\n\n## C\n"
    #expect(Headings.slugs(of: text) == ["a", "task-2-read-then-write", "b", "c"])
    #expect(
      Headings.section("task-2", of: text) == "One.\n\n```\n## no heading\n```\n\n### B")
  }

  @Test("a command is taken apart as a shell does it")
  func words() throws {
    #expect(
      try Submission.words(of: "python3 'my file.py'  -x \"\"", program: "p")
        == ["python3", "my file.py", "-x", ""])
    for text in ["", "  ", "a 'b"] {
      #expect(throws: CourseworkError.self) { try Submission.words(of: text, program: "p") }
    }
  }

  @Test("the path of the library is put into a manifest, whatever it is")
  func manifest() {
    let text = ".package(name: \"ipclab\", path: \"../../..\"), .package(name: \"b\", path: \"x\")"
    #expect(
      Manifest.pointed(text, package: "/a \"b\"")
        == ".package(name: \"ipclab\", path: \"/a \\\"b\\\"\"), .package(name: \"b\", path: \"x\")")
  }
}
