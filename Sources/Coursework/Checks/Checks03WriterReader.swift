internal import Glibc
internal import IPCSystem

extension BuiltInChecks {
  /// Lab 3: a writer serves lines over a named pipe, a reader prints them.
  static let writerReaderChecks: [Check] = [
    Check("writer-reader.connects") { context in
      let pipe = context.pipe(context.name("lines"))
      let writer = try context.start("writer", [pipe])
      let reader = try context.connect(pipe, of: writer, as: "the check's reader")
      try writer.sendLine("fim")
      try reader.expect("fim", cause: "Also the line fim is sent, so that the reader knows.")
      try reader.expectEnd()
      reader.close()
      try context.expectExit(writer, 0)
    },
    Check("writer-reader.order") { context in
      let lines = context.words(30) + [""] + ["two words", "fim da linha", " fim"]
      let pipe = context.pipe(context.name("lines"))
      let text = (lines + ["fim", "after the end"]).map { $0 + "\n" }.joined()
      let writer = try context.start("writer", [pipe], input: .bytes(Array(text.utf8)))
      let reader = try context.connect(pipe, of: writer, as: "the check's reader")
      // A writer that does not wait for its reader has disconnected by now.
      usleep(200_000)
      let early =
        "DisconnectNamedPipe discards what is unread: FlushFileBuffers waits for the reader."
      for line in lines {
        guard let message = try reader.next() else {
          try context.fail(
            expected: "the message “\(line)”", seen: "the pipe was closed", cause: early)
        }
        try context.expectEqual(
          message, Array(line.utf8), "the message to \(reader.who)",
          cause: "One line is one message, without the line break.")
      }
      try reader.expect("fim")
      try reader.expectEnd(cause: "After fim nothing more is sent.")
      reader.close()
      try context.expectExit(writer, 0)
    },
    Check("writer-reader.prints") { context in
      let pipe = context.pipe(context.name("lines"))
      let lines = context.words(12) + ["two words", "", "fim da linha"]
      let writer = try context.listen(pipe, as: "the check's writer")
      let reader = try context.start("reader", [pipe], input: .null)
      try context.waitForClient(writer, from: reader)
      for line in lines { try writer.send(line) }
      try writer.send("fim")
      try context.expectExit(reader, 0)
      try context.expectEqual(
        reader.output, Array(lines.map { $0 + "\n" }.joined().utf8), "what reader printed",
        cause: "Each message is a line; fim itself is not printed.")
      writer.close()
    },
    Check("writer-reader.boundaries") { context in
      let pipe = context.pipe(context.name("lines"))
      let lines = context.words(50)
      let writer = try context.listen(pipe, as: "the check's writer")
      let reader = try context.start("reader", [pipe], input: .null)
      try context.waitForClient(writer, from: reader)
      // All messages are there before the reader reads the second one.
      try writer.send(lines[0])
      try context.stop(reader)
      for line in lines.dropFirst() + ["fim"] { try writer.send(line) }
      reader.signal(SIGCONT)
      try context.expectExit(
        reader, 0,
        cause: "A client reads bytes at first: SetNamedPipeHandleState makes it read messages.")
      try context.expectEqual(
        reader.output, Array(lines.map { $0 + "\n" }.joined().utf8), "what reader printed",
        cause: "A client reads bytes at first: SetNamedPipeHandleState makes it read messages.")
      writer.close()
    },
    Check("writer-reader.long") { context in
      let pipe = context.pipe(context.name("lines"))
      let long = context.words(4000).joined(separator: " ")
      let writer = try context.listen(pipe, as: "the check's writer")
      let reader = try context.start("reader", [pipe], input: .null)
      try context.waitForClient(writer, from: reader)
      for message in ["short", long, "short again", "fim"] { try writer.send(message) }
      let cause =
        "ReadFile fails with ERROR_MORE_DATA when a message is longer than the buffer, "
        + "which it has filled: read on for the rest of the same line."
      try context.expectExit(reader, 0, cause: cause)
      try context.expectEqual(
        reader.output, Array("short\n\(long)\nshort again\n".utf8), "what reader printed",
        cause: cause)
      writer.close()
    },
    Check("writer-reader.start-order") { context in
      let pipe = context.pipe(context.name("lines"))
      let lines = context.words(3)
      let reader = try context.start("reader", [pipe], input: .null)
      try context.expectPatience(
        reader, until: "there is a pipe \(pipe)",
        cause: "CreateFile fails with ERROR_FILE_NOT_FOUND while there is no such pipe: try again.")
      let writer = try context.listen(pipe, as: "the check's writer")
      try context.waitForClient(writer, from: reader)
      for line in lines + ["fim"] { try writer.send(line) }
      try context.expectExit(reader, 0)
      try context.expectEqual(
        reader.output, Array(lines.map { $0 + "\n" }.joined().utf8), "what reader printed")
      writer.close()
    },
    Check("writer-reader.together") { context in
      let pipe = context.pipe(context.name("lines"))
      let lines = context.words(200)
      let text = lines.map { $0 + "\n" }.joined()
      let reader = try context.start("reader", [pipe], input: .null)
      // The end of the input ends the conversation as the word does.
      let writer = try context.start("writer", [pipe], input: .bytes(Array(text.utf8)))
      try context.expectExit(writer, 0)
      try context.expectExit(reader, 0)
      try context.expectEqual(reader.output, Array(text.utf8), "what reader printed")
    },
    Check("writer-reader.gone") { context in
      let first = context.pipe(context.name("lines"))
      let writer = try context.start("writer", [first])
      let peer = try context.connect(first, of: writer, as: "the check's reader")
      try writer.sendLine("one")
      try peer.expect("one")
      peer.close()
      try writer.sendLine("two")
      try context.expectExit(
        writer, 1, cause: "WriteFile fails when the reader is gone: look at what it returns.")

      let second = context.pipe(context.name("lines"))
      let server = try context.listen(second, as: "the check's writer")
      let reader = try context.start("reader", [second], input: .null)
      try context.waitForClient(server, from: reader)
      try server.send("one")
      try server.flush()
      server.close()
      try context.expectExit(
        reader, 1,
        cause: "ReadFile fails with ERROR_BROKEN_PIPE when the writer is gone, and fim never came.")
      try context.expectEqual(reader.output, Array("one\n".utf8), "what reader printed")
    },
  ]
}

extension CheckContext {
  /// Stops a program and waits until it stands.
  fileprivate func stop(_ program: Program) throws {
    program.signal(SIGSTOP)
    try until("\(program.name) is stopped") {
      let stat = try Files.read("/proc/\(program.pid)/stat")
      let afterName = stat.lastIndex(of: UInt8(ascii: ")")).map { stat[$0...] } ?? []
      return afterName.dropFirst(2).first == UInt8(ascii: "T")
    }
  }
}
