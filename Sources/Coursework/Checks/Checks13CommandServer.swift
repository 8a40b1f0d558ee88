internal import Glibc
internal import IPCSystem

/// What came of a command.
private struct Reply {
  var lines: [String] = []
  var last = ""
}

extension PipeTalk {
  /// Runs a command and takes all that comes until its end.
  fileprivate func command(_ line: String, within: Duration = .seconds(5)) throws -> Reply {
    try send(line)
    var reply = Reply()
    while true {
      let message = try receive(within: within)
      guard message.hasPrefix("|") else {
        reply.last = message
        return reply
      }
      reply.lines.append(String(message.dropFirst()))
    }
  }
}

extension CheckContext {
  /// A shell script of this check.
  fileprivate func script(_ lines: String...) throws -> String {
    try write(
      file: name("script") + ".sh", Array(lines.map { $0 + "\n" }.joined().utf8))
  }

  fileprivate func expect(
    _ reply: Reply, lines: [String], last: String, of command: String, cause: String? = nil
  ) throws {
    if let difference = zip(reply.lines, lines).enumerated().first(where: { $1.0 != $1.1 }) {
      try expectEqual(
        difference.element.0, difference.element.1,
        "line \(difference.offset + 1) of the output of \(command)", cause: cause)
    }
    try expect(
      reply.lines.count == lines.count, expected: "\(lines.count) lines of output of \(command)",
      seen: "\(reply.lines.count) lines", cause: cause)
    try expectEqual(reply.last, last, "the message after the output of \(command)", cause: cause)
  }
}

extension BuiltInChecks {
  /// Lab 13: commands for others.
  static let commandServerChecks: [Check] = [
    Check("command-server.lines") { context in
      let pipe = context.pipeName("commands")
      let server = try context.start("server", [pipe])
      let client = try PipeTalk("client", to: pipe, of: server, context)
      let words = context.words(3)
      let echo = "echo " + words.joined(separator: " ")
      try context.expect(
        client.command(echo), lines: [words.joined(separator: " ")], last: "exit 0", of: echo,
        cause:
          "as long as the server keeps its own copy of the end for writing open, the output has "
          + "no end")
      let lines = (0..<200).map { "\($0)  \(context.text())" } + ["", "last"]
      let file = try context.write(file: "text", Array(lines.map { $0 + "\n" }.joined().utf8))
      for _ in 0..<2 {
        try context.expect(
          client.command("cat \(file)"), lines: lines, last: "exit 0", of: "cat \(file)")
      }
      try client.end()
    },

    Check("command-server.streams") { context in
      let pipe = context.pipeName("commands")
      let server = try context.start("server", [pipe])
      let client = try PipeTalk("client", to: pipe, of: server, context)
      let words = context.words(2)
      let go = context.directory + "/go"
      let script = try context.script(
        "echo \(words[0])", "while [ ! -e \(go) ]; do sleep 0.01; done", "echo \(words[1])")
      try client.ask(
        "sh \(script)", expecting: "|\(words[0])",
        cause: "the output is collected first and sent when the command has ended")
      _ = try context.write(file: "go", [])
      context.did("let the command go on")
      try context.expectEqual(client.receive(), "|\(words[1])", "the second line")
      try context.expectEqual(client.receive(), "exit 0", "the message after the output")
    },

    Check("command-server.status") { context in
      let pipe = context.pipeName("commands")
      let server = try context.start("server", [pipe])
      let client = try PipeTalk("client", to: pipe, of: server, context)
      let word = context.word()
      let code = context.number(in: 2...90)
      let script = try context.script("echo \(word)", "echo wrong >&2", "exit \(code)")
      try context.expect(
        client.command("sh \(script)"), lines: [word, "wrong"], last: "exit \(code)",
        of: "a script that writes to both outputs and ends with \(code)",
        cause: "standard error goes the same way as standard output")
      try context.expect(
        client.command("\(context.word())-is-no-program a b"), lines: [], last: "error",
        of: "a program that does not exist")
      try context.expect(
        client.command("true"), lines: [], last: "exit 0", of: "true",
        cause: "after an error the conversation goes on")
    },

    Check("command-server.pieces") { context in
      let pipe = context.pipeName("commands")
      let server = try context.start("server", [pipe])
      let client = try PipeTalk("client", to: pipe, of: server, context)
      let long = String(decoding: context.bytes(30_000).map { 97 + $0 % 26 }, as: UTF8.self)
      let file = try context.write(file: "long", Array("short\n\(long)\nend".utf8))
      try context.expect(
        client.command("cat \(file)"), lines: ["short", long, "end"], last: "exit 0",
        of: "cat of a long line, and of a last line without an end",
        cause: "one read of the pipe is not one line")
      let words = context.words(2)
      let script = try context.script(
        "printf \(words[0])", "sleep 0.05", "printf '\(words[1])\\nx'")
      try context.expect(
        client.command("sh \(script)"), lines: [words.joined(), "x"], last: "exit 0",
        of: "a script that writes a line in two pieces",
        cause: "one read of the pipe is not one line")
    },

    Check("command-server.many") { context in
      let pipe = context.pipeName("commands")
      let server = try context.start("server", [pipe])
      let slow = try PipeTalk("slow", to: pipe, of: server, context)
      let go = context.directory + "/go"
      let script = try context.script("while [ ! -e \(go) ]; do sleep 0.05; done", "echo done")
      try slow.send("sh \(script)")
      let quick = try PipeTalk("quick", to: pipe, of: server, context)
      let word = context.word()
      try context.expect(
        quick.command("echo \(word)"), lines: [word], last: "exit 0", of: "echo",
        cause: "the server waits for the command of one client before it serves the next")
      context.did("started more slow commands, and quick ones at the same time")
      let more = Locked<[PipeTalk]>([])
      try context.together(5) { index in
        if index < 2 {
          for round in 0..<4 {
            let talk = try PipeTalk("slow \(index) \(round)", to: pipe, of: server, context)
            try talk.send("sh \(script)")
            more.withLock { $0.append(talk) }
          }
          return
        }
        let talk = try PipeTalk("quick \(index)", to: pipe, of: server, context)
        for round in 0..<10 {
          let word = context.word() + "-\(index)-\(round)"
          do {
            try context.expect(
              talk.command("echo \(word)"), lines: [word], last: "exit 0", of: "echo \(word)")
          } catch let failure as CheckFailure where failure.kind == .timeout {
            throw CheckFailure(
              failure.kind, expected: failure.expected, seen: failure.seen,
              cause: "a slow command has inherited the end of a quick one's pipe, since both were "
                + "started at the same moment: let only one thread at a time have inheritable handles"
            )
          }
        }
      }
      _ = try context.write(file: "go", [])
      context.did("let the slow commands go on")
      for talk in [slow] + more.withLock({ $0 }) {
        try context.expectEqual(talk.receive(), "|done", "the output of a slow command")
        try context.expectEqual(talk.receive(), "exit 0", "the message after the output")
      }
    },

    Check("command-server.input") { context in
      let pipe = context.pipeName("commands")
      let server = try context.start("server", [pipe])
      let client = try PipeTalk("client", to: pipe, of: server, context)
      try context.expect(
        client.command("cat"), lines: [], last: "exit 0", of: "cat, which reads its standard input",
        cause:
          "the command has the server's own standard input; nobody will ever type anything there")
    },

    Check("command-server.vanishes") { context in
      let pipe = context.pipeName("commands")
      let server = try context.start("server", [pipe])
      let client = try PipeTalk("one who vanishes", to: pipe, of: server, context)
      let script = try context.script("echo $$", "exec yes")
      try client.send("sh \(script)")
      let first = try client.receive()
      guard let pid = Int32(first.dropFirst()) else {
        try context.fail(expected: "the line that the script prints", seen: "“\(first)”")
      }
      for _ in 0..<20 {
        try context.expectEqual(client.receive(), "|y", "a line of the output of yes")
      }
      client.hangUp()
      context.did("the client left in the middle of an endless output")
      try context.until("the command ends after its client has left") { !ProcessFacts.isAlive(pid) }
      let next = try PipeTalk("the next", to: pipe, of: server, context)
      let word = context.word()
      try context.expect(
        next.command("echo \(word)"), lines: [word], last: "exit 0", of: "echo",
        cause: "the server ends when it writes to a client that has left")
    },
  ]
}

/// What the kernel says of processes.
enum ProcessFacts {
  /// Whether it runs; one that has ended and has not been waited for does not.
  static func isAlive(_ pid: Int32) -> Bool {
    guard let fields = fields(pid) else { return false }
    return fields[0] != "Z" && fields[0] != "X"
  }

  /// The processor time it has used, in clock ticks.
  static func processorTime(_ pid: Int32) -> Int? {
    guard let fields = fields(pid), fields.count > 12 else { return nil }
    return (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)
  }

  /// How many threads it has.
  static func threadCount(_ pid: Int32) -> Int? {
    guard let fields = fields(pid), fields.count > 17 else { return nil }
    return Int(fields[17])
  }

  /// What stands in `/proc/PID/stat` behind the name, beginning with the state.
  private static func fields(_ pid: Int32) -> [Substring]? {
    guard let bytes = try? Files.read("/proc/\(pid)/stat") else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.isEmpty ? nil : fields
  }
}
