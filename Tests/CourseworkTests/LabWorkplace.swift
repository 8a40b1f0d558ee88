import Foundation
import Glibc
import IPCSystem
import TestSupport
import Testing

@testable import Coursework

/// A folder of its own with labs, whose checks are programs of the shell, and submissions.
final class LabWorkplace {
  private let scratch: Scratch
  var path: String { scratch.path }
  var labs: String { path + "/Labs" }

  init() throws {
    scratch = try Scratch()
  }

  func write(_ text: String, to name: String) throws {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: URL(filePath: file).deletingLastPathComponent().path,
      withIntermediateDirectories: true)
    try text.write(toFile: file, atomically: true, encoding: .utf8)
  }

  func read(_ name: String) throws -> String {
    try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
  }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

  /// A check: `hello` must print the word.
  private static let check = #"""
    words=$(printf %s "$IPCLAB_PROGRAMS" | sed 's/.*\[//; s/\].*//; s,\\/,/,g; s/[",]/ /g')
    out=$($words)
    if [ "$out" = "$1" ]; then echo '{"outcome":"pass"}'; else
    echo '{"outcome":"fail","did":["ran hello"],"expected":"'"$1"'","seen":"'"$out"'"}'; fi
    """#

  static let lab = """
    { "schema": 1, "id": "hello", "order": 1, "title": "Hello", "summary": "Says hello.",
      "programs": { "hello": "prints hello" },
      "checks": [
        { "id": "hello.word", "points": 60, "title": "Prints the word", "task": 1,
          "explain": "A first program.", "read": "README.md#task-1",
          "run": ["sh", "checks/word.sh", "hello"] },
        { "id": "hello.child", "points": 40, "title": "Prints it again", "task": 1,
          "explain": "Once more.", "after": ["hello.word"],
          "run": ["sh", "checks/word.sh", "hello"] } ] }
    """

  /// Makes a lab with two checks of which the second needs the first.
  func makeLab(_ json: String = lab) throws -> LabFolder {
    try write("// not built in these tests\n", to: "Package.swift")
    try write(json, to: "Labs/01-hello/lab.json")
    try write("# Hello\n\n## Task 1: say it\n\nSay it.\n", to: "Labs/01-hello/README.md")
    try write(Self.check, to: "Labs/01-hello/checks/word.sh")
    try write(
      "let package = Package(dependencies: [.package(name: \"ipclab\", path: \"../../..\")])\n",
      to: "Labs/01-hello/starter/Package.swift")
    try write("// TASK 1\n", to: "Labs/01-hello/starter/Sources/hello/main.swift")
    try write(
      "## Level 1\n\nThink.\n\n## Level 2\n\nPrint.\n\n## Level 3\n\n```\necho hello\n```\n",
      to: "Labs/01-hello/hints/1.md")
    return try LabFolder(path: "\(labs)/01-hello", builtIn: [])
  }

  /// Makes a submission in the shell's language.
  func submit(_ name: String, _ script: String) throws {
    try write(script, to: "class/\(name)/hello.sh")
    try write(#"{"commands": {"hello": "sh hello.sh"}}"#, to: "class/\(name)/ipclab.json")
  }

  struct Result {
    var status: IPCSystem.ExitStatus
    var output: String
    var messages: String
  }

  /// Starts ipclab in a folder of this place.
  func start(_ words: [String], in folder: String = "") throws -> ChildProcess {
    func file(_ name: String) throws -> OwnedDescriptor {
      let raw = open("\(path)/\(name)", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0o600)
      try #require(raw >= 0)
      return OwnedDescriptor(adopting: raw)
    }
    let output = try file("stdout")
    let messages = try file("stderr")
    let input = OwnedDescriptor(adopting: open("/dev/null", O_RDONLY | O_CLOEXEC))
    var plan = ChildProcess.Plan(program: BuiltPrograms.ipclab, arguments: ["lab"] + words)
    plan.environment =
      ProcessInfo.processInfo.environment.filter { $0.key != "IPCLAB_LABS" }
      .map { "\($0.key)=\($0.value)" } + ["IPCLAB_LABS=\(labs)"]
    plan.directory = path + "/" + folder
    plan.descriptors = [(0, input.raw), (1, output.raw), (2, messages.raw)]
    return try ChildProcess.start(plan)
  }

  func run(_ words: String..., in folder: String = "") throws -> Result {
    let status = try start(words, in: folder).wait().status
    return Result(status: status, output: try read("stdout"), messages: try read("stderr"))
  }
}
