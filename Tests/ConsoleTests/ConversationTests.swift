import Glibc
import Synchronization
import Testing

@testable import Console

/// What a person sees. The runtime directory is the process's own, so names are too.
@Suite("The console")
struct ConversationTests {
  private final class Screen: Sendable {
    private let state = Mutex("")
    var text: String { state.withLock { $0 } }
    func print(_ more: String) { state.withLock { $0 += more } }
    /// What was printed since the last time.
    func take() -> String {
      state.withLock { state in
        defer { state = "" }
        return state
      }
    }
  }

  private let screen = Screen()
  private let session = Session(childProgram: "/bin/false", isForPeople: true)
  private let console: Conversation

  init() {
    console = Conversation(session: session, isInteractive: true) { [screen] in screen.print($0) }
  }

  private func type(_ line: String) throws -> String {
    _ = try console.take(line)
    return screen.take()
  }

  @Test("shows result, data and the pipe's state")
  func pipe() throws {
    defer { session.closeAll() }
    #expect(try type("CreatePipe").contains("ok"))
    #expect(try type("WriteFile h=w data=hello").contains("bytes=5"))
    #expect(try type("handles").contains("r: read end of a pipe: byte pipe, 5 bytes to read"))
    let read = try type("ReadFile h=r n=3")
    #expect(read.contains("ok  bytes=3  data=hel"))
    #expect(read.contains("2 bytes to read"))
  }

  @Test("names an error, says what it means, and what it means here")
  func failure() throws {
    defer { session.closeAll() }
    _ = try type("CreatePipe")
    _ = try type("CloseHandle h=w")
    let text = try type("ReadFile h=r")
    #expect(text.contains("failed  ERROR_BROKEN_PIPE (109): "))
    #expect(text.contains("the other end is closed and everything was read"))
    #expect(try type("handles").contains("w: closed"))
  }

  @Test("goes on while a worker is blocked, and does not touch what it is at")
  func worker() throws {
    defer { session.closeAll() }
    _ = try type("CreatePipe")
    #expect(try type("A: ReadFile h=r n=16").contains("blocked: A? asks again"))
    #expect(try type("handles").contains("busy, A is in ReadFile"))
    #expect(try type("A? within=1").contains("still blocked"))
    #expect(throws: Mistake.self) { try console.take("A: Sleep ms=1") }
    _ = try type("WriteFile h=w data=now")
    #expect(try type("A?").contains("data=now"))
    #expect(try type("A?").contains("nothing is going on"))
  }

  @Test("tells what to do about a call that makes it wait")
  func slow() throws {
    #expect(try type("Sleep ms=1100").contains("A: Sleep"))
  }

  @Test("checks an answer and remembers that it was not as expected")
  func expectation() throws {
    _ = try type("Sleep ms=0")
    #expect(try type("expect ok=true").isEmpty)
    #expect(!console.hasFailed)
    #expect(try type("expect ok=false").contains("ok is true, not false"))
    #expect(console.hasFailed)
    #expect(throws: Mistake.self) { try console.take("expect") }
  }

  @Test("leaves when asked", arguments: ["exit", "quit", "EXIT"])
  func leaving(_ line: String) throws { #expect(try console.take(line) == .leave) }

  @Test("ends like a crash when the process is to exit")
  func exit() throws {
    #expect(try console.take("ExitProcess code=7") == .end(Crew.Exit(code: 7, isHard: false)))
  }

  @Test("has nothing to do in an empty line or a remark", arguments: ["", "  # remark"])
  func nothing(_ line: String) throws {
    #expect(try console.take(line) == .line)
    #expect(screen.text.isEmpty)
  }
}

@Suite("The agent")
struct ProtocolAgentTests {
  /// Serves lines and returns the answers.
  private func serve(_ lines: [String]) throws -> [String] {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let text = Array(lines.map { $0 + "\n" }.joined().utf8)
    #expect(write(ends[1], text, text.count) == text.count)
    close(ends[1])
    defer { close(ends[0]) }
    let session = Session(childProgram: "/bin/false", isForPeople: false)
    defer { session.closeAll() }
    var answers: [String] = []
    ProtocolAgent.serve(LineReader(ends[0]), session) {
      answers.append($0)
      return true
    }
    return answers
  }

  @Test("answers every line, also the ones that make no sense")
  func answers() throws {
    let answers = try serve([
      "-\tSleep\tms=0", "-\tNope", "A?", "nonsense", "-\tSleep\tms=0\tmood=bad", "",
      "-\tReadFile\th=nosuch\tn=4",
    ])
    #expect(answers.count == 7)
    #expect(answers[0] == #"{"status":"ready"}"#)
    #expect(answers[1].hasPrefix(#"{"status":"done","ok":true,"#))
    #expect(answers[2].hasPrefix(#"{"status":"error","#))
    #expect(answers[3] == #"{"status":"idle"}"#)
    #expect(answers[4].hasPrefix(#"{"status":"error","#))
    #expect(answers[5].hasPrefix(#"{"status":"done","ok":true,"#), "unknown arguments are let pass")
    #expect(answers[6].contains(#""ok":false,"err":"ERROR_INVALID_HANDLE""#))
  }

  @Test("has a worker keep its thread until ExitThread")
  func workers() throws {
    let answers = try serve([
      "A&\tSleep\tms=400", "A\tSleep\tms=0", "A?\tjoin\twithin=1", "A?", "A?", "A\tExitThread",
      "A\tSleep\tms=0", "-\tExitThread",
    ])
    #expect(answers[1] == #"{"status":"blocked"}"#)
    #expect(answers[2].contains("A is still in Sleep"))
    #expect(answers[3] == #"{"status":"blocked"}"#)
    #expect(answers[4].contains(#""ok":true"#))
    #expect(answers[5] == #"{"status":"idle"}"#)
    #expect(answers[6].contains(#""ok":true"#))
    #expect(answers[7].contains(#""ok":true"#))
    #expect(answers[8].contains("error"))
  }
}
