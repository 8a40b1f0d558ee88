internal import IPCSystem
internal import IPCTransport
internal import NamedPipes

extension BuiltInChecks {
  /// Lab 6: a limit that is reached cleanly, and an end in which every thread ends.
  static let gracefulEndChecks: [Check] = [
    Check("graceful-end.serves") { context in
      let limit = context.number(in: 2...5)
      let (writer, pipe) = try context.startWriter(limit)
      let readers = try (1...limit).map { try context.reader($0, of: writer, pipe) }
      for line in context.words(5) {
        try writer.sendLine(line)
        for reader in readers { try reader.expect(line) }
      }
    },
    Check("graceful-end.limit") { context in
      let limit = context.number(in: 2...4)
      let (writer, pipe) = try context.startWriter(limit)
      let readers = try (1...limit).map { try context.reader($0, of: writer, pipe) }
      for line in context.words(3) {
        context.did("tried to connect one reader more than \(limit)")
        let refusal = try context.refusal(pipe)
        try context.expect(
          refusal?.code == .instancesBusy, expected: "ERROR_PIPE_BUSY for reader \(limit + 1)",
          seen: refusal.map { PipePeer.words($0) } ?? "it has connected",
          cause: "There are as many instances as the limit says, all the time.")
        try writer.sendLine(line)
        for reader in readers {
          try reader.expect(line, cause: "That a reader is turned away concerns nobody else.")
        }
      }
    },
    Check("graceful-end.again") { context in
      let limit = 2
      let (writer, pipe) = try context.startWriter(limit)
      let witness = try context.reader(0, of: writer, pipe)
      for number in 1...5 {
        let reader = try context.reader(number, of: writer, pipe)
        let lines = context.words(2)
        try writer.sendLine(lines[0])
        try reader.expect(lines[0])
        reader.close()
        try writer.sendLine(lines[1])
        for line in lines { try witness.expect(line) }
      }
    },
    Check("graceful-end.idle") { context in
      let (writer, pipe) = try context.startWriter(3)
      let reader = try context.reader(1, of: writer, pipe)
      reader.close()
      try writer.sendLine(context.words(1)[0])
      context.did("nobody is connected any more")
      try writer.sendLine("fim")
      try context.expectExit(
        writer, 0,
        cause: "A thread in ConnectNamedPipe waits for a reader that will never come: wake it.")
    },
    Check("graceful-end.partly") { context in
      for isTyped in [true, false] {
        let (writer, pipe) = try context.startWriter(4)
        let readers = try (1...2).map { try context.reader($0, of: writer, pipe) }
        let line = context.words(1)[0]
        try writer.sendLine(line)
        if isTyped { try writer.sendLine("fim") } else { writer.closeInput() }
        for reader in readers {
          try reader.expect(line)
          try reader.expect("fim")
          try reader.expectEnd()
          reader.end.close()
        }
        try context.expectExit(
          writer, 0, cause: "Two of four threads have a reader, two wait for one: all must end.")
      }
    },
    Check("graceful-end.waits") { context in
      let (writer, pipe) = try context.startWriter(2)
      let reader = try context.reader(1, of: writer, pipe)
      let filler = String(repeating: "-", count: 800)
      let lines = context.words(40).map { $0 + filler }
      for line in lines { try writer.send(line + "\n") }
      try writer.send("fim\n")
      context.did("sent 40 long lines and fim; the reader does not read for a moment")
      let cause = "Wait for your threads before main returns: they have lines to deliver still."
      try context.expectPatience(writer, until: "its reader has read everything", cause: cause)
      for line in lines { try reader.expect(line, cause: cause) }
      try reader.expect("fim", cause: cause)
      reader.close()
      try context.expectExit(writer, 0)
    },
    Check("graceful-end.sums") { context in
      let (writer, pipe) = try context.startWriter(4)
      var readers: [PipePeer] = []
      var sum = 0
      for number in 1...4 {
        readers.append(try context.reader(number, of: writer, pipe))
        for line in context.words(context.number(in: 1...4)) {
          try writer.sendLine(line)
          for reader in readers { try reader.expect(line) }
          sum += readers.count
        }
      }
      try writer.sendLine("fim")
      for reader in readers {
        try reader.expect("fim")
        reader.end.close()
      }
      try context.expectExit(writer, 0)
      try context.expectEqual(
        writer.output, Array("readers 4 lines \(sum)\n".utf8), "what writer printed at its end",
        cause: "Print the sums when every thread has ended; fim and pronto are no lines.")
    },
    Check("graceful-end.name") { context in
      let (first, pipe) = try context.startWriter(3)
      let reader = try context.reader(1, of: first, pipe)
      try first.sendLine("fim")
      try reader.expect("fim")
      reader.close()
      try context.expectExit(first, 0)
      let second = try context.start("writer", [pipe, "1"])
      let next = try context.reader(2, of: second, pipe)
      try second.sendLine("fim")
      try next.expect("fim", cause: "The name must be free when the program has ended.")
      next.close()
      try context.expectExit(second, 0)
    },
  ]
}

extension CheckContext {
  /// Tries to connect one more reader: why that fails, or `nil`.
  fileprivate func refusal(_ pipe: String) throws -> TransportError? {
    let name = try PipeName(pipe)
    do throws(TransportError) {
      try NamedPipeClient(name, access: .read, in: runtime, deadline: .immediate).close()
      return nil
    } catch { return error }
  }

  /// Starts the writer on a new pipe.
  fileprivate func startWriter(_ limit: Int) throws -> (Program, String) {
    let pipe = pipe(name("news"))
    return (try start("writer", [pipe, "\(limit)"]), pipe)
  }

  /// Connects a reader of the check and waits until the writer has taken it in.
  fileprivate func reader(_ number: Int, of writer: Program, _ pipe: String) throws -> PipePeer {
    let reader = try connect(pipe, of: writer, as: "reader \(number)")
    try reader.expect("pronto", cause: "The first message to a reader is pronto.")
    return reader
  }
}
