import AnonymousPipes
import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@Suite struct PipelineTests {
  private static func text(_ outcome: Pipeline.Outcome) -> String {
    String(decoding: outcome.output, as: UTF8.self)
  }

  @Test("words become stages")
  func parse() throws {
    #expect(
      try Pipeline.parse(words: ["cat", "README.md", "|", "sort", "|", "head", "-3"]) == [
        .init("cat", ["README.md"]), .init("sort"), .init("head", ["-3"]),
      ])
    #expect(try Pipeline.parse(words: ["echo", ""]) == [.init("echo", [""])])
  }

  @Test(
    "an empty stage is refused with its place",
    arguments: [
      ([], "No program"), (["|", "sort"], "before the first"), (["cat", "|"], "after the last"),
      (["a", "|", "|", "b"], "number 1 and 2"), (["|"], "before the first"), ([""], "is empty"),
    ] as [([String], String)])
  func parseError(words: [String], part: String) {
    do throws(TransportError) {
      _ = try Pipeline.parse(words: words)
      Issue.record("it was accepted")
    } catch {
      #expect(error.code == .invalidArgument)
      #expect(error.description.contains(part))
    }
  }

  @Test("data goes through all stages and every status is reported in order")
  func runs() throws {
    let outcome = try Pipeline(
      [.init("sort"), .init("sh", ["-c", "cat; exit 3"]), .init("head", ["-2"])],
      input: .data(Array("c\na\nb\n".utf8))
    ).run()
    #expect(Self.text(outcome) == "a\nb\n")
    #expect(outcome.stages.map(\.program) == ["sort", "sh", "head"])
    #expect(outcome.stages.map(\.status) == [.exited(0), .exited(3), .exited(0)])
    #expect(!outcome.isSuccess)
  }

  @Test("much input and much output at once do not deadlock")
  func large() throws {
    let data = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let outcome = try Pipeline(
      [.init("cat"), .init("cat"), .init("cat")], input: .data(data),
      output: .collected(limit: 4_000_000)
    ).run()
    #expect(outcome.output == data)
    #expect(outcome.outputCount == data.count)
    #expect(!outcome.isTruncated)
    #expect(outcome.isSuccess)
  }

  @Test("output beyond the limit is read, counted and reported, not kept")
  func truncated() throws {
    let outcome = try Pipeline(
      [.init("head", ["-c", "1000000", "/dev/zero"])], output: .collected(limit: 1000)
    ).run()
    #expect(outcome.output.count == 1000)
    #expect(outcome.outputCount == 1_000_000)
    #expect(outcome.isTruncated)
    #expect(outcome.isSuccess)
  }

  @Test("a program that ends early ends those before it with SIGPIPE, and that is success")
  func early() throws {
    let outcome = try Pipeline([.init("yes"), .init("cat"), .init("head", ["-1"])]).run()
    #expect(Self.text(outcome) == "y\n")
    #expect(
      outcome.stages.map(\.status) == [.signaled(SIGPIPE), .signaled(SIGPIPE), .exited(0)])
    #expect(outcome.isSuccess)
  }

  @Test("a program that does not read its input does not hold up the feeding")
  func unread() throws {
    let outcome = try Pipeline(
      [.init("true")], input: .data([UInt8](repeating: 1, count: 1_000_000))
    ).run()
    #expect(outcome.isSuccess)
  }

  @Test("input and output are files where that is asked for")
  func files() throws {
    let directory = try Scratch()
    try directory.write("b\na\n", to: "in")
    let outcome = try Pipeline(
      [.init("sort")], input: .file(directory.path + "/in"),
      output: .file(directory.path + "/out")
    ).run()
    #expect(outcome.isSuccess)
    #expect(directory.contents(of: "out") == "a\nb\n")
  }

  @Test("when a program cannot be started its name is told and nothing goes on")
  func cannotStart() throws {
    let directory = try Scratch()
    let marker = directory.path + "/pid"
    do throws(TransportError) {
      _ = try Pipeline([
        .init("sh", ["-c", "echo $$ > \(marker); exec sleep 1000"]), .init("no-such-program-here"),
      ]).run()
      Issue.record("it ran")
    } catch {
      #expect(error.code == .notFound)
      #expect(error.description.contains("no-such-program-here"))
    }
    if let pid = directory.contents(of: "pid").flatMap({ Int32($0.dropLast()) }) {
      #expect(!exists(pid))
    }
  }

  @Test("a deadline kills every program, also what a program started, and reports")
  func deadline() throws {
    let outcome = try Pipeline(
      [.init("sleep", ["1000"]), .init("sh", ["-c", "echo begun; sleep 1000 & wait"])]
    ).run(deadline: .after(.milliseconds(200)))
    #expect(outcome.ending == .timedOut)
    #expect(outcome.stages.map(\.status) == [.signaled(SIGKILL), .signaled(SIGKILL)])
    #expect(!outcome.isSuccess)
    for stage in outcome.stages { #expect(!exists(stage.pid)) }
  }

  @Test("cancel from another thread ends a pipeline that waits")
  func cancel() throws {
    let running = try Pipeline(
      [.init("cat"), .init("sleep", ["1000"])], input: .null, hasOwnGroup: false
    ).start()
    try SystemThread.start { running.cancel() }
    let outcome = try running.wait()
    #expect(outcome.ending == .cancelled)
    #expect(outcome.stages.last?.status == .signaled(SIGKILL))
    #expect(throws: TransportError.self) { try running.wait() }
  }

  @Test("a pipeline that is dropped leaves no process")
  func dropped() throws {
    var running: RunningPipeline? = try Pipeline([.init("sleep", ["1000"]), .init("cat")]).start()
    let pids = try #require(running).pids
    running = nil
    for pid in pids { #expect(!exists(pid)) }
  }

  @Test("a pipeline without programs is refused")
  func empty() {
    #expect(throws: TransportError.self) { try Pipeline([]).run() }
  }
}
