internal import IPCSystem
internal import IPCTransport
internal import NamedPipes

extension BuiltInChecks {
  /// Lab 5: the reader reaches a writer on another computer.
  static let remoteReaderChecks: [Check] = [
    Check("remote-reader.serves") { context in
      let (alpha, base) = (context.name("a"), context.name("lines"))
      let lines = context.words(8)
      let writer = try context.start("writer", [base], environment: ["IPCLAB_COMPUTER": alpha])
      let reader = try context.connect(
        #"\\"# + alpha + #"\pipe\"# + base, of: writer, as: "a reader on another computer")
      for line in lines + ["fim"] { try writer.sendLine(line) }
      for line in lines + ["fim"] { try reader.expect(line) }
      try reader.expectEnd()
      reader.close()
      try context.expectExit(writer, 0)
    },
    Check("remote-reader.local") { context in
      let base = context.name("lines")
      let writer = try context.listen(context.pipe(base), as: "the check's writer")
      try context.reads(".", base, from: writer)
    },
    Check("remote-reader.reaches") { context in
      let (alpha, base) = (context.name("a"), context.name("lines"))
      let writer = try context.listen(
        context.pipe(base), as: "the check's writer", computer: alpha)
      try context.reads(alpha, base, from: writer)
    },
    Check("remote-reader.right-one") { context in
      let base = context.name("lines")
      let names = (0..<3).map { _ in context.name("pc") }
      let writers = try names.map {
        try context.listen(context.pipe(base), as: "the writer on \($0)", computer: $0)
      }
      // The same name here, too.
      let here = try context.listen(context.pipe(base), as: "the writer on this computer")
      for (name, writer) in zip(names, writers).reversed() {
        try context.reads(
          name, base, from: writer,
          cause: "The computer's name stands where the dot stands in a local name.")
      }
      here.close()
    },
    Check("remote-reader.unknown") { context in
      let (nobody, alpha) = (context.name("no"), context.name("a"))
      let base = context.name("lines")
      let here = try context.listen(context.pipe(base), as: "the writer on this computer")
      let reader = try context.start("reader", [nobody, base], input: .null)
      try context.expectExit(
        reader, 3, saying: nobody,
        cause: "CreateFile fails with ERROR_BAD_NETPATH when there is no such computer.")
      context.did("the computer \(alpha) is there, and has another pipe")
      let other = try context.listen(
        context.pipe(base + "-other"), as: "the check's writer", computer: alpha)
      let waiting = try context.start("reader", [alpha, base], input: .null)
      try context.expectPatience(
        waiting, until: "the computer \(alpha) has the pipe \(base)",
        cause: "ERROR_FILE_NOT_FOUND means that the computer is there, and has no such pipe yet.")
      waiting.kill()
      other.close()
      here.close()
    },
    Check("remote-reader.busy") { context in
      let (alpha, base) = (context.name("a"), context.name("lines"))
      let remote = #"\\"# + alpha + #"\pipe\"# + base
      let writer = try context.listen(
        context.pipe(base), as: "the check's writer", maxInstances: 1, computer: alpha)
      let first = try NamedPipeClient(
        try PipeName(remote), access: [.read, .readAttributes], in: context.runtime,
        deadline: .immediate)
      context.did("connected another reader to the only instance of \(remote)")
      let reader = try context.start(
        "reader", [alpha, base], environment: ["IPCLAB_COMPUTER": context.name("b")], input: .null)
      let cause =
        "ERROR_PIPE_BUSY: WaitNamedPipe waits for an instance, by the remote name as well."
      try context.expectPatience(reader, until: "the instance is free", cause: cause)
      first.close()
      guard let instance = writer.end as? NamedPipeInstance else { return }
      try instance.disconnect()
      context.did("let the other reader go")
      try context.serve(writer, reader, cause: cause)
    },
    Check("remote-reader.together") { context in
      let (alpha, beta) = (context.name("a"), context.name("b"))
      let base = context.name("lines")
      let lines = context.words(60).map { $0 + "\n" }.joined()
      let writer = try context.start(
        "writer", [base], environment: ["IPCLAB_COMPUTER": alpha],
        input: .bytes(Array(lines.utf8)))
      try context.persist("writer serves \(base)", writer, .seconds(5)) { () -> Bool? in
        let name = try PipeName(#"\\"# + alpha + #"\pipe\"# + base)
        return
          (try? NamedPipes.waitForInstance(
            of: name, in: context.runtime, deadline: .immediate)) == nil ? nil : true
      }
      let reader = try context.start(
        "reader", [alpha, base], environment: ["IPCLAB_COMPUTER": beta], input: .null)
      try context.expectExit(reader, 0)
      try context.expectExit(writer, 0)
      try context.expectEqual(reader.output, Array(lines.utf8), "what reader printed")
    },
  ]
}

extension CheckContext {
  /// Starts the reader, on a computer of its own unless the writer is here, and lets it read from
  /// this writer.
  fileprivate func reads(
    _ computer: String, _ base: String, from writer: PipePeer, cause: String? = nil
  ) throws {
    let reader = try start(
      "reader", [computer, base],
      environment: computer == "." ? [:] : ["IPCLAB_COMPUTER": name("b")], input: .null)
    try serve(writer, reader, cause: cause)
  }

  /// Sends lines to a reader, as soon as it has connected, and expects that it prints them.
  fileprivate func serve(_ writer: PipePeer, _ reader: Program, cause: String?) throws {
    try waitForClient(writer, from: reader)
    let lines = words(5)
    for line in lines + ["fim"] { try writer.send(line) }
    try expectExit(reader, 0)
    try expectEqual(
      reader.output, Array(lines.map { $0 + "\n" }.joined().utf8), "what reader printed",
      cause: cause)
    writer.end.close()
  }
}
