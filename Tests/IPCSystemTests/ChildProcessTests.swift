import Glibc
import IPCSystem
import TestSupport
import Testing

@Suite struct ChildProcessTests {
  /// What `sh -c script` writes to its standard output.
  private static func output(
    _ script: String, extra: [(child: Int32, parent: Int32)] = [], directory: String? = nil,
    environment: [String]? = nil
  ) throws -> String {
    let pipe = try Pipes.make(capacity: nil)
    var plan = ChildProcess.Plan(program: "/bin/sh", arguments: ["-c", script])
    plan.descriptors = [(1, pipe.writeEnd.raw)] + extra
    plan.directory = directory
    plan.environment = environment
    let child = try ChildProcess.start(plan)
    pipe.writeEnd.close()
    var all: [UInt8] = []
    while case (1, let byte) = readByte(pipe.readEnd.raw) { all.append(byte) }
    _ = try child.wait()
    return String(decoding: all, as: UTF8.self)
  }

  @Test("a child sees exactly its descriptors, also where numbers cross")
  func exactDescriptors() throws {
    // Inheritable on purpose, below and above the numbers that the child gets.
    let leaks = [fcntl(2, F_DUPFD, 100), fcntl(2, F_DUPFD, 400)]
    defer { for number in leaks { close(number) } }
    let file = OwnedDescriptor(adopting: open("/dev/null", O_RDONLY | O_CLOEXEC))
    let zero = OwnedDescriptor(adopting: open("/dev/zero", O_RDONLY | O_CLOEXEC))
    let text = try Self.output(
      "ls -l /proc/$$/fd | sed -n 's/.* \\([0-9]* -> .*\\)/\\1/p' | grep -v pipe",
      extra: [(file.raw, zero.raw), (zero.raw, file.raw), (200, file.raw)])
    let expected = [
      (file.raw, "/dev/zero"), (zero.raw, "/dev/null"), (200, "/dev/null"),
    ].sorted { "\($0.0)" < "\($1.0)" }.map { "\($0.0) -> \($0.1)" }
    #expect(text.split(separator: "\n").map(String.init).sorted() == expected.sorted())
  }

  @Test("a child has no signal blocked and none ignored")
  func signals() throws {
    let text = try Self.output("exec grep -E 'SigBlk|SigIgn' /proc/self/status")
    let values = text.split(separator: "\n").compactMap {
      UInt64($0.split(separator: "\t").last ?? "", radix: 16)
    }
    // The C library ignores 32 and 33 in every child that it spawns: it uses them itself.
    #expect(values.map { $0 & ~0x1_8000_0000 } == [0, 0])
  }

  @Test("directory and environment are as planned")
  func surroundings() throws {
    let directory = try Scratch()
    #expect(
      try Self.output(
        "pwd; echo $NAME; env | grep -c HOME", directory: directory.path,
        environment: ["NAME=value"])
        == "\(directory.path)\nvalue\n0\n")
  }

  @Test("how a child ended is told: a code, or a signal")
  func status() throws {
    var plan = ChildProcess.Plan(program: "sh", arguments: ["-c", "exit 7"])
    plan.descriptors = []
    #expect(try ChildProcess.start(plan).wait().status == .exited(7))
    plan.arguments = ["-c", "kill -TERM $$"]
    #expect(try ChildProcess.start(plan).wait().status == .signaled(SIGTERM))
    plan.arguments = ["-c", "exec sleep 1000"]
    let sleeper = try ChildProcess.start(plan)
    #expect(try sleeper.poll() == nil)
    let pidfd = try sleeper.openPidfd()
    sleeper.signal(SIGKILL)
    var entry = pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0)
    while poll(&entry, 1, -1) == -1 && errno == EINTR {}
    #expect(entry.revents != 0)
    #expect(try sleeper.poll()?.status == .signaled(SIGKILL))
    #expect(throws: SystemError.self) { try sleeper.wait() }
  }

  @Test("a code of 32 bits arrives, and a name that only looks like one does not count")
  func wideExitCode() throws {
    func status(_ script: String) throws -> IPCSystem.ExitStatus {
      let child = try ChildProcess.start(.init(program: "/bin/sh", arguments: ["-c", script]))
      while true {
        if let (status, _) = try child.poll() { return status }
        sched_yield()
      }
    }
    func named(_ name: String, _ code: Int) throws -> IPCSystem.ExitStatus {
      try status("printf '\(name)' > /proc/$$/comm; exit \(code)")
    }
    // 3000 is 0xbb8, whose last two digits are 184.
    #expect(try named("exit 0x00000bb8", 184) == .exited(3000))
    #expect(try named("exit 0x00000bb8", 3) == .exited(3))
    #expect(try named("exit 0x0000bb8", 184) == .exited(184))
    #expect(try named("quit 0x00000bb8", 184) == .exited(184))
    #expect(try status("exit 184") == .exited(184))
  }

  @Test("a group is signalled as one")
  func group() throws {
    let pipe = try Pipes.make(capacity: nil)
    var plan = ChildProcess.Plan(
      program: "sh", arguments: ["-c", "sleep 1000 & echo; wait"])
    plan.descriptors = [(1, pipe.writeEnd.raw)]
    plan.group = 0
    let leader = try ChildProcess.start(plan)
    pipe.writeEnd.close()
    #expect(readByte(pipe.readEnd.raw).count == 1)
    leader.signalGroup(SIGKILL)
    #expect(try leader.wait().status == .signaled(SIGKILL))
    // The grandchild held the pipe open.
    #expect(readByte(pipe.readEnd.raw).count == 0)
  }

  @Test("a program that is not there, or may not be run, is an error")
  func cannotStart() throws {
    for (program, code) in [
      ("/nonexistent", ENOENT), ("no-such-program", ENOENT), ("/etc/passwd", EACCES),
    ] {
      do throws(SystemError) {
        _ = try ChildProcess.start(.init(program: program))
        Issue.record("\(program) started")
      } catch {
        #expect(error.code == code)
        #expect(error.call.contains(program))
      }
    }
  }
}
