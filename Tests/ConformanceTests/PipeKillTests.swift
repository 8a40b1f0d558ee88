import Conformance
import Glibc
import IPCSystem
import LabRunner
import TestSupport
import Testing

/// The short form of `Tests/Soak/kill_pipes.py`.
@Suite("Pipes whose processes are killed")
struct PipeKillTests {
  private static let create =
    #"CreateNamedPipe\#th=s\#tname=\\.\pipe\killed\#taccess=DUPLEX|FIRST_PIPE_INSTANCE"#
    + "\tmode=TYPE_MESSAGE\tmax=1\tout=64\tin=64\ttimeout=0"
  private static let open = #"CreateFile\#th=c\#tname=\\.\pipe\killed\#taccess=READ|WRITE"#

  @Test("the name is usable at once, who waits for it is woken, and nothing is left behind")
  func kills() throws {
    let scratch = try Scratch()
    let command = [try LabExecutable.find(), "console", "--protocol", "json"]
    func agent() throws -> AgentProcess {
      try AgentProcess(command: command, runtime: scratch.path, deadline: .after(.seconds(20)))
    }
    func ask(_ agent: AgentProcess, _ line: String) throws -> [String: Scalar] {
      try agent.ask(line, deadline: .after(.seconds(20)))
    }
    for round in 0..<12 {
      var server: AgentProcess? = try agent()
      #expect(try ask(server!, "-\t" + Self.create)["ok"] == .flag(true), "round \(round)")
      var client: AgentProcess? = try agent()
      #expect(try ask(client!, "-\t" + Self.open)["ok"] == .flag(true))
      let waiter = try agent()
      _ = try ask(waiter, "A&\tWaitNamedPipe\ttimeout=FOREVER\t" + #"name=\\.\pipe\killed"#)
      // One of the two ends is in the middle of a write that nobody reads.
      if round % 2 == 0 {
        _ = try ask(client!, "B&\tWriteFile\th=c\tfill=1000")
        server = nil
        #expect(try ask(client!, "B?\tjoin")["err"] == .text("ERROR_BROKEN_PIPE"))
      } else {
        _ = try ask(server!, "B&\tWriteFile\th=s\tfill=1000")
        client = nil
        #expect(try ask(server!, "B?\tjoin")["err"] == .text("ERROR_BROKEN_PIPE"))
        server = nil
      }
      #expect(try ask(waiter, "A?\tjoin")["err"] == .text("ERROR_FILE_NOT_FOUND"))
      #expect(try ask(waiter, "-\t" + Self.create)["ok"] == .flag(true), "round \(round)")
      _ = try waiter.finish(deadline: .after(.seconds(20)))
    }
    #expect(scratch.names("pipes").isEmpty)
  }
}
