import AnonymousPipes
import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@Suite struct RedirectedProcessTests {
  @Test("input and output go through pipes")
  func pipes() throws {
    var cat = try RedirectedProcess.start("cat", input: .pipe, output: .pipe)
    let input = try taken(&cat.input)
    #expect(write(input.raw, "hello", 5) == 5)
    input.close()
    let output = try taken(&cat.output)
    #expect(readAll(output.raw) == "hello")
    #expect(try cat.wait() == .exited(0))
    #expect(try cat.wait() == .exited(0))
  }

  @Test("standard error goes to a pipe of its own, or where output goes")
  func errors() throws {
    let script = "echo out; echo err >&2"
    var apart = try RedirectedProcess.start(
      "sh", ["-c", script], input: .null, output: .pipe, error: .to(.pipe))
    let (output, error) = (try taken(&apart.output).release(), try taken(&apart.error).release())
    #expect(readAll(output) == "out\n")
    #expect(readAll(error) == "err\n")
    close(output)
    close(error)
    _ = try apart.wait()
    var joined = try RedirectedProcess.start(
      "sh", ["-c", script], input: .null, output: .pipe, error: .sameAsOutput)
    let both = try taken(&joined.output)
    #expect(readAll(both.raw) == "out\nerr\n")
    _ = try joined.wait()
  }

  @Test("files are read, replaced and appended to")
  func files() throws {
    let directory = try Scratch()
    let (source, target) = (directory.path + "/in", directory.path + "/out")
    try directory.write("first\n", to: "in")
    try directory.write("old contents that are longer\n", to: "out")
    var copy = try RedirectedProcess.start("cat", input: .file(source), output: .file(target))
    #expect(try copy.wait() == .exited(0))
    #expect(directory.contents(of: "out") == "first\n")
    var more = try RedirectedProcess.start(
      "sh", ["-c", "cat; echo problem >&2"], input: .file(source), output: .appending(target),
      error: .sameAsOutput)
    #expect(try more.wait() == .exited(0))
    #expect(directory.contents(of: "out") == "first\nfirst\nproblem\n")
  }

  @Test("null gives end of file at once")
  func null() throws {
    var cat = try RedirectedProcess.start("cat", input: .null, output: .null)
    #expect(try cat.wait() == .exited(0))
  }

  @Test("a program sees three descriptors and no other")
  func descriptors() throws {
    // Inheritable on purpose.
    let leaky = fcntl(2, F_DUPFD, 200)
    defer { close(leaky) }
    var list = try RedirectedProcess.start(
      "sh", ["-c", "ls /proc/$$/fd"], input: .null, output: .pipe, error: .to(.null))
    let output = try taken(&list.output)
    #expect(readAll(output.raw) == "0\n1\n2\n")
    _ = try list.wait()
  }

  @Test("a program has SIGPIPE at its default")
  func sigpipe() throws {
    var yes = try RedirectedProcess.start("yes", input: .null, output: .pipe)
    let output = try taken(&yes.output)
    output.close()
    #expect(try yes.wait() == .signaled(SIGPIPE))
  }

  @Test("an error names the program or the file")
  func errorsName() throws {
    do throws(TransportError) {
      _ = try RedirectedProcess.start("no-such-program-here")
      Issue.record("it started")
    } catch {
      #expect(error.code == .notFound)
      #expect(error.description.contains("no-such-program-here"))
    }
    do throws(TransportError) {
      _ = try RedirectedProcess.start("cat", input: .file("/nonexistent/file"))
      Issue.record("it started")
    } catch {
      #expect(error.code == .notFound)
      #expect(error.description.contains("/nonexistent/file"))
    }
  }

  @Test("a killed program says so, and one that is dropped is gone")
  func kill() throws {
    var sleeper = try RedirectedProcess.start("sleep", ["1000"], input: .null)
    sleeper.kill()
    #expect(try sleeper.wait() == .signaled(SIGKILL))
    let pid: Int32
    do {
      let dropped = try RedirectedProcess.start("sleep", ["1000"], input: .null)
      pid = dropped.process.pid
      _ = consume dropped
    }
    #expect(!exists(pid))
  }
}
