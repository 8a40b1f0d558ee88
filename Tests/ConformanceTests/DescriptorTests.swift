import Conformance
import Glibc
import IPCSystem
import LabRunner
import TestSupport
import Testing

@Suite("A process that opens and closes again and again")
struct DescriptorTests {
  /// What one round opens and closes, of each kind that has descriptors.
  private static let round = [
    "CreatePipe\tr=r\tw=w", "CloseHandle\th=r", "CloseHandle\th=w",
    #"CreateNamedPipe\#th=s\#tname=\\.\pipe\round\#tmode=TYPE_MESSAGE"#,
    #"CreateFile\#th=c\#tname=\\.\pipe\round\#taccess=READ|WRITE"#, "CloseHandle\th=c",
    "CloseHandle\th=s", #"CreateMailslot\#th=m\#tname=\\.\mailslot\round"#,
    #"CreateFile\#th=p\#tname=\\.\mailslot\round\#taccess=WRITE"#, "CloseHandle\th=p",
    "CloseHandle\th=m", "CreateMutex\th=x\tname=round", "CloseHandle\th=x",
    "CreateFileMapping\th=f\tname=round2\tsize=4096", "CloseHandle\th=f",
  ]

  @Test("has as many descriptors after many rounds as after a few")
  func rounds() throws {
    let scratch = try Scratch()
    let agent = try AgentProcess(
      command: [try LabExecutable.find(), "console", "--protocol", "json"],
      runtime: scratch.path, deadline: .after(.seconds(20)))
    func play(_ rounds: Int) throws {
      for _ in 0..<rounds {
        for line in Self.round {
          #expect(
            try agent.ask("-\t" + line, deadline: .after(.seconds(20)))["ok"] == .flag(true),
            "\(line)")
        }
      }
    }
    var count: Int { DirectoryListing.names(in: "/proc/\(agent.pid)/fd").count }
    try play(3)
    let before = count
    try play(40)
    // What was closed last may still be on its way out in the thread that watches peers.
    let deadline = Deadline.after(.seconds(20))
    while count > before && !deadline.hasPassed { usleep(1000) }
    #expect(count <= before)
    _ = try agent.finish(deadline: .after(.seconds(20)))
  }
}
