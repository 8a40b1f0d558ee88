internal import Glibc
internal import IPCSystem
internal import NamedPipes

extension BuiltInChecks {
  /// Lab 4: one writer, many readers.
  static let broadcastChecks: [Check] = [
    Check("broadcast.one") { context in
      let (writer, pipe) = try context.startWriter()
      let reader = try context.reader(1, of: writer, pipe)
      for line in context.words(10) + ["", "two words"] {
        try writer.sendLine(line)
        try reader.expect(line, cause: "One line is one message, without the line break.")
      }
    },
    Check("broadcast.all") { context in
      let (writer, pipe) = try context.startWriter()
      let readers = try (1...5).map { try context.reader($0, of: writer, pipe) }
      for line in context.words(12) {
        try writer.sendLine(line)
        for reader in readers {
          try reader.expect(
            line,
            cause: "Each reader has an instance of its own, and each line goes to all of them.")
        }
      }
    },
    Check("broadcast.late") { context in
      let (writer, pipe) = try context.startWriter()
      var readers: [PipePeer] = []
      for number in 1...4 {
        readers.append(try context.reader(number, of: writer, pipe))
        for line in context.words(3) {
          try writer.sendLine(line)
          for reader in readers {
            try reader.expect(
              line, cause: "While lines are sent, readers must be able to come: two threads.")
          }
        }
      }
    },
    Check("broadcast.leaver") { context in
      let (writer, pipe) = try context.startWriter()
      var readers = try (1...4).map { try context.reader($0, of: writer, pipe) }
      while readers.count > 1 {
        readers.remove(at: context.number(in: 0...readers.count - 1)).close()
        for line in context.words(3) {
          try writer.sendLine(line)
          for reader in readers {
            try reader.expect(
              line, cause: "A write that fails concerns one reader; the others get their line.")
          }
        }
      }
    },
    Check("broadcast.again") { context in
      let (writer, pipe) = try context.startWriter()
      let witness = try context.reader(0, of: writer, pipe)
      // More than there can be at a time, one after the other.
      for number in 1...14 {
        let reader = try context.reader(number, of: writer, pipe)
        reader.close()
        let line = context.words(1)[0]
        try writer.sendLine(line)
        try witness.expect(
          line, cause: "The instance of a reader that has left is closed, else they are used up.")
      }
    },
    Check("broadcast.slow") { context in
      let (writer, pipe) = try context.startWriter()
      let slow = try context.reader(1, of: writer, pipe)
      defer { slow.end.close() }
      let reader = try context.reader(2, of: writer, pipe)
      context.did("reader 1 does not read from now on; sent 300 lines of 1000 characters")
      let filler = String(repeating: ".", count: 990)
      for number in 1...300 {
        try writer.send("\(number) \(filler)\n")
        try reader.expect(
          "\(number) \(filler)",
          cause: "A write to a pipe that is full waits; that must not keep the others waiting.")
      }
    },
    Check("broadcast.end") { context in
      for isTyped in [true, false] {
        let (writer, pipe) = try context.startWriter()
        let readers = try (1...3).map { try context.reader($0, of: writer, pipe) }
        let line = context.words(1)[0]
        try writer.sendLine(line)
        if isTyped { try writer.sendLine("fim") } else { writer.closeInput() }
        // A writer that disconnects its readers has done so by now.
        usleep(150_000)
        for reader in readers {
          try reader.expect(line)
          try reader.expect(
            "fim", cause: "What was sent must be read before the pipe is disconnected.")
          try reader.expectEnd()
          reader.end.close()
        }
        try context.expectExit(writer, 0)
      }
    },
  ]
}

extension CheckContext {
  /// Starts the writer on a new pipe.
  fileprivate func startWriter() throws -> (Program, String) {
    let pipe = pipe(name("news"))
    return (try start("writer", [pipe]), pipe)
  }

  /// Connects a reader of the check and waits until the writer has taken it in.
  fileprivate func reader(_ number: Int, of writer: Program, _ pipe: String) throws -> PipePeer {
    let reader = try connect(pipe, of: writer, as: "reader \(number)")
    try reader.expect("pronto", cause: "The first message to a reader is pronto.")
    return reader
  }
}
