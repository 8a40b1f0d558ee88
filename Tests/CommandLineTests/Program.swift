import Foundation
import IPCSystem
import LabRunner
import TestSupport
import Testing

/// One run of the real program, with a runtime directory and a working directory of its own.
final class Program {
  private let scratch: Scratch
  var place: String { scratch.path }
  var runtime: String { place + "/runtime" }
  private var child: ChildProcess?

  init() throws {
    scratch = try Scratch()
  }

  struct Outcome {
    var status: IPCSystem.ExitStatus
    var output: String
    var messages: String
  }

  /// Starts the program; standard output and error go to files.
  func start(_ words: [String]) throws {
    func file(_ name: String) throws -> OwnedDescriptor {
      let raw = open(place + "/" + name, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0o600)
      try #require(raw >= 0)
      return OwnedDescriptor(adopting: raw)
    }
    let output = try file("stdout")
    let messages = try file("stderr")
    let input = OwnedDescriptor(adopting: open("/dev/null", O_RDONLY | O_CLOEXEC))
    var plan = ChildProcess.Plan(program: try LabExecutable.find(), arguments: words)
    plan.environment =
      ProcessInfo.processInfo.environment
      .filter { $0.key != "NO_COLOR" && $0.key != "IPCLAB_RUNTIME_DIR" }.map {
        "\($0.key)=\($0.value)"
      } + [
        "IPCLAB_RUNTIME_DIR=\(runtime)"
      ]
    plan.directory = place
    plan.descriptors = [(0, input.raw), (1, output.raw), (2, messages.raw)]
    child = try ChildProcess.start(plan)
  }

  var pid: Int32 { child?.pid ?? 0 }

  func finish() throws -> Outcome {
    let status = try #require(child).wait().status
    func text(_ name: String) throws -> String {
      try String(contentsOfFile: place + "/" + name, encoding: .utf8)
    }
    return Outcome(status: status, output: try text("stdout"), messages: try text("stderr"))
  }

  func run(_ words: String...) throws -> Outcome {
    try start(words)
    return try finish()
  }

  /// The processes that this run started and that are still there: they know its runtime directory.
  func leftovers() -> [String] {
    DirectoryListing.names(in: "/proc").filter { name in
      guard Int(name) != nil, name != String(getpid()),
        let bytes = FileManager.default.contents(atPath: "/proc/\(name)/environ")
      else { return false }
      return String(decoding: bytes, as: UTF8.self).contains(runtime)
    }
  }

  /// The actors of the run: its child processes.
  func actors() -> [Int32] {
    let path = "/proc/\(pid)/task/\(pid)/children"
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.split(separator: " ").compactMap { Int32($0) }
  }
}
