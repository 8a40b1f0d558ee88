import Foundation
import IPCSystem
import LabRunner
import Testing

@Suite("ipclab console", .timeLimit(.minutes(1)))
struct ConsoleCommandTests {
  private func program(script: String) throws -> Program {
    let program = try Program()
    try script.write(toFile: program.place + "/script", atomically: false, encoding: .utf8)
    return program
  }

  /// What is below the mechanisms' directories of a run.
  private func names(_ program: Program) -> [String] {
    DirectoryListing.names(in: program.runtime).flatMap {
      DirectoryListing.names(in: program.runtime + "/" + $0)
    }
  }

  /// Waits until the console plays a line that blocks: what follows the line is never printed.
  private func waitUntilBlocked(_ program: Program, _ line: String) throws {
    let output = program.place + "/stdout"
    while !(try String(contentsOfFile: output, encoding: .utf8)).hasSuffix(line + "\n") {
      try Task.checkCancellation()  // when the time limit has passed
      usleep(1000)
    }
  }

  @Test("plays a script: calls on standard output, in their order, without a prompt")
  func script() throws {
    let program = try program(
      script: #"""
        # one process, both ends
        CreateNamedPipe mode=TYPE_MESSAGE|READMODE_MESSAGE
        CreateFile
        WriteFile data=hello
        ReadFile h=s n=3
        expect err=ERROR_MORE_DATA data=hel
        CreateNamedPipe h=other max=1
        """#)
    let outcome = try program.run("console", "script")
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    #expect(outcome.messages.isEmpty)
    #expect(outcome.output.contains("ReadFile h=s n=3\n  failed  ERROR_MORE_DATA (234): "))
    #expect(outcome.output.contains("s: server end of \\\\.\\pipe\\teste: message pipe, "))
    #expect(!outcome.output.contains(">"))
    #expect(names(program).isEmpty, "open handles leave nothing behind")
  }

  @Test(
    "leaves nothing behind when a child has an end of a named pipe", arguments: ["stdout", "stdin"])
  func lentEnd(stream: String) throws {
    let program = try program(
      script: "CreateNamedPipe h=s inherit=1\nSpawnChild child=sleep \(stream)=s\n")
    let outcome = try program.run("console", "script")
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    #expect(names(program).isEmpty)
  }

  @Test("returns 1 when an answer is not as expected, and plays the rest")
  func unexpected() throws {
    let outcome = try program(script: "Sleep ms=0\nexpect ok=false\nhelp Sleep\n")
      .run("console", "script")
    #expect(outcome.status == .exited(1))
    #expect(outcome.output.contains("Does nothing for some time."))
  }

  @Test("names the line of a script that makes no sense, and stops there")
  func nonsense() throws {
    let outcome = try program(script: "Sleep ms=0\nRaedFile h=s\nhelp\n").run("console", "script")
    #expect(outcome.status == .exited(2))
    #expect(outcome.messages.contains("script:2: "))
    #expect(outcome.messages.contains("did you mean “ReadFile”?"))
    #expect(!outcome.output.contains("Named pipes"))
  }

  @Test("says that a script cannot be read, or that nobody can read what came of it")
  func unreadable() throws {
    let directory = try Program().run("console", ".")
    #expect(directory.status == .exited(3))
    #expect(directory.messages.contains("Is a directory"))
    let full = try program(script: "help")
    let shell = try full.run(
      "pipeline", "--", "sh", "-c", "\(try LabExecutable.find()) console script >/dev/full")
    #expect(shell.messages.contains("No space left on device"))
    #expect(shell.messages.contains("exit 3"))
  }

  @Test("says that a script is not there")
  func missing() throws {
    let outcome = try Program().run("console", "nowhere")
    #expect(outcome.status == .exited(3))
    #expect(outcome.messages.contains("nowhere"))
  }

  @Test("leaves at Ctrl-C although a call is blocked, and leaves nothing behind")
  func interrupt() throws {
    let program = try program(
      script: "CreateNamedPipe\nSpawnChild child=sleep\nConnectNamedPipe h=s\n")
    try program.start(["console", "script"])
    try waitUntilBlocked(program, "ConnectNamedPipe h=s")
    kill(program.pid, SIGINT)
    #expect(try program.finish().status == .exited(130))
    // The child ends when it sees that the console has.
    while !names(program).isEmpty || !program.leftovers().isEmpty {
      try Task.checkCancellation()
      usleep(1000)
    }
  }

  @Test("has its children go when it is killed")
  func killed() throws {
    let program = try program(
      script: "CreatePipe inherit=1\nSpawnChild child=cat stdin=r\nReadFile h=r\n")
    try program.start(["console", "script"])
    try waitUntilBlocked(program, "ReadFile h=r")
    kill(program.pid, SIGKILL)
    _ = try program.finish()
    while !program.leftovers().isEmpty {
      try Task.checkCancellation()
      usleep(1000)
    }
  }

  @Test(
    "refuses what it cannot do",
    arguments: [["a", "b"], ["--protocol", "xml"], ["script", "--protocol", "json"]])
  func usage(_ words: [String]) throws {
    let program = try Program()
    try program.start(["console"] + words)
    #expect(try program.finish().status == .exited(2))
  }

  @Test("is an agent that leaves at the end of its input")
  func agent() throws {
    let outcome = try Program().run("console", "--protocol", "json")
    #expect(outcome.status == .exited(0))
    #expect(outcome.output == "{\"status\":\"ready\"}\n")
  }
}
