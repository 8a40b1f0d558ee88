internal import FileMappings
internal import IPCSystem
internal import SyncObjects

/// The board of lab 11, which a program of the submission has created: the check is one more process
/// that reads and writes.
private struct SharedBoard {
  let context: CheckContext
  let name: String
  let mapping: FileMapping
  let view: MappedView
  let mutex: OwnedMutex
  let room: CountingSemaphore
  let written: Event

  /// - Parameter program: Who has created it, and has not ended.
  init(_ name: String, of program: Program, _ context: CheckContext) throws {
    self.context = context
    self.name = name
    try context.expectEqual(program.line(), "ready", "the first line of \(program.name)")
    func open<T>(_ suffix: String, _ kind: String, _ body: (ObjectName) throws -> T) throws -> T {
      do { return try body(ObjectName("\(name).\(suffix)")) } catch let error as ObjectError {
        throw CheckFailure(
          expected: "after “ready” there is \(kind) called \(name).\(suffix)", seen: "\(error)")
      }
    }
    let runtime = context.runtime
    mapping = try open("memory", "a file mapping of 4096 bytes") {
      try FileMapping.open($0, in: runtime)
    }
    do throws(ObjectError) { view = try mapping.view(length: 4096, .readWrite) } catch {
      throw CheckFailure(
        expected: "\(name).memory has 4096 bytes", seen: "it has \(mapping.size): \(error)")
    }
    mutex = try open("mutex", "a mutex") { try OwnedMutex.open($0, in: runtime) }
    room = try open("room", "a semaphore") { try CountingSemaphore.open($0, in: runtime) }
    written = try open("written", "an event") { try Event.open($0, in: runtime) }
    context.did("opened \(name).memory, .mutex, .room and .written as another process")
  }

  private func number(at offset: Int) throws -> UInt32 {
    try view.read(at: offset, count: 4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  private func store(_ number: UInt32, at offset: Int) throws {
    try view.write((0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }, at: offset)
  }

  var readers: UInt32 { get throws { try number(at: 0) } }
  var count: UInt32 { get throws { try number(at: 4) } }
  var text: String {
    get throws {
      let length = min(1000, Int(try number(at: 8)))
      return String(decoding: try view.read(at: 12, count: length), as: UTF8.self)
    }
  }

  /// Takes the room, as a writer does.
  func enterAlone() throws {
    try context.expect(
      Waiting.any(of: [room], deadline: context.limit(.seconds(5))) == .taken(0),
      expected: "the semaphore \(name).room can be taken within \(context.patient(.seconds(5)))",
      seen: "its count stays 0",
      cause: "somebody has not given it back, or it was created with the count 0")
  }

  func leaveAlone() throws { try room.release() }

  /// Writes without asking anybody.
  func put(_ text: String, count: UInt32) throws {
    try store(count, at: 4)
    try store(UInt32(text.utf8.count), at: 8)
    try view.write(Array(text.utf8), at: 12)
  }

  /// Writes, as a writer does.
  func write(_ text: String) throws {
    try enterAlone()
    try put(text, count: count + 1)
    try leaveAlone()
    written.set()
    context.did("wrote “\(text)” to the board")
  }

  /// Comes in as a reader does: the first one takes the room.
  func enterAsReader() throws {
    try lock()
    try store(readers + 1, at: 0)
    if try readers == 1 { try enterAlone() }
    try mutex.unlock()
  }

  func leaveAsReader() throws {
    try lock()
    try store(readers - 1, at: 0)
    if try readers == 0 { try leaveAlone() }
    try mutex.unlock()
  }

  func lock() throws {
    if mutex.lock(deadline: context.limit(.seconds(5))) == .timedOut {
      throw CheckFailure(
        .timeout,
        expected: "the mutex \(name).mutex can be taken within \(context.patient(.seconds(5)))",
        seen: "somebody keeps it")
    }
  }

  /// Everything is as it was before the readers came.
  func expectFree() throws {
    try lock()
    let left = try readers
    try mutex.unlock()
    try context.expect(
      left == 0, expected: "no readers inside when all have ended", seen: "\(left)",
      cause: "a reader counts itself in and not out, or counts without the mutex")
    try enterAlone()
    try leaveAlone()
  }
}

extension Program {
  /// Ends by itself, with status 0.
  fileprivate func expectSuccess(_ context: CheckContext) throws {
    let status = try waitForExit()
    try context.expect(
      status == .exited(0), expected: "\(name) ends with status 0", seen: "\(status)")
  }
}

extension BuiltInChecks {
  /// Lab 11: readers together, writers alone.
  static let readersWritersChecks: [Check] = [
    Check("readers-writers.writes") { context in
      let name = context.name("board")
      let writer = try context.start("writer", [name])
      let board = try SharedBoard(name, of: writer, context)
      for index in 1...3 {
        let text = context.text(index)
        try writer.sendLine(text)
        try context.expectEqual(writer.line(), "wrote \(index)", "what the writer prints")
        let count = try board.count
        try context.expect(
          count == UInt32(index), expected: "\(index) at offset 4 of \(name).memory",
          seen: "\(count)")
        try context.expectEqual(board.text, text, "the text in \(name).memory")
      }
      let long = context.bytes(1000).map { 97 + $0 % 26 }
      try writer.send(String(decoding: long, as: UTF8.self) + "\n")
      try context.expectEqual(writer.line(), "wrote 4", "what the writer prints")
      try context.expectEqual(Array(board.text.utf8), long, "the text in \(name).memory")
      try writer.send(String(decoding: long, as: UTF8.self) + "x\n")
      try writer.sendLine("short")
      try context.expectEqual(
        writer.line(), "wrote 5", "what the writer prints after a line of 1001 bytes")
      try context.expectEqual(board.text, "short", "the text in \(name).memory")
      try writer.sendLine("fim")
      try writer.expectSuccess(context)
      try board.enterAlone()
      try board.leaveAlone()
    },

    Check("readers-writers.reads") { context in
      let name = context.name("board")
      let reader = try context.start("reader", [name])
      let board = try SharedBoard(name, of: reader, context)
      let text = context.text(5)
      try board.write(text)
      try context.expectEqual(reader.line(), "1 \(text)", "what the reader prints")
      try reader.expectSuccess(context)
      try board.expectFree()
    },

    Check("readers-writers.event") { context in
      let name = context.name("board")
      let writer = try context.start("writer", [name])
      let board = try SharedBoard(name, of: writer, context)
      let readers = try (0..<3).map { _ in try context.start("reader", [name]) }
      for reader in readers {
        try context.expectEqual(reader.line(), "ready", "the first line of a reader")
      }
      try context.expectSilence(
        of: readers[0], cause: "the reader does not wait for the event before it reads")
      let text = context.text()
      try writer.sendLine(text)
      try context.expectEqual(writer.line(), "wrote 1", "what the writer prints")
      for reader in readers {
        try context.expectEqual(
          reader.line(), "1 \(text)", "what each of the readers prints",
          cause:
            "the writer does not set the event, or it wakes one reader and is reset: it has to "
            + "be a manual-reset event")
        try reader.expectSuccess(context)
      }
      let late = try context.start("reader", [name])
      try context.expectEqual(late.line(), "ready", "the first line of a reader")
      try context.expectEqual(
        late.line(), "1 \(text)", "what a reader prints that comes after the text",
        cause: "an event that resets itself says nothing to those who come later")
      try late.expectSuccess(context)
      try board.expectFree()
    },

    Check("readers-writers.reader-waits") { context in
      let name = context.name("board")
      let reader = try context.start("reader", [name])
      let board = try SharedBoard(name, of: reader, context)
      try board.enterAlone()
      context.did("took the room as a writer and wrote half of a text")
      try board.put("half of a te", count: 1)
      board.written.set()
      try context.expectSilence(of: reader, cause: "the reader reads while a writer is at work")
      let text = context.text()
      try board.put(text, count: 1)
      try board.leaveAlone()
      try context.expectEqual(
        reader.line(), "1 \(text)", "what the reader prints",
        cause: "the reader reads while a writer is at work")
      try reader.expectSuccess(context)
      try board.expectFree()
    },

    Check("readers-writers.writer-waits") { context in
      let name = context.name("board")
      let writer = try context.start("writer", [name])
      let board = try SharedBoard(name, of: writer, context)
      let text = context.text()
      try board.write(text)
      try board.enterAsReader()
      context.did("went in as a reader")
      try writer.sendLine("new text")
      try context.expectSilence(of: writer, cause: "the writer writes while a reader is inside")
      try context.expectEqual(
        board.text, text, "the text while a reader is inside",
        cause: "the writer writes while a reader is inside")
      try board.leaveAsReader()
      try context.expectEqual(writer.line(), "wrote 2", "what the writer prints")
      try context.expectEqual(board.text, "new text", "the text")
    },

    Check("readers-writers.together") { context in
      let name = context.name("board")
      let reader = try context.start("reader", [name])
      let board = try SharedBoard(name, of: reader, context)
      try board.enterAsReader()
      context.did("went in as a reader and stayed there")
      let text = context.text()
      try board.put(text, count: 1)
      board.written.set()
      try context.expectEqual(
        reader.line(), "1 \(text)", "what the reader prints while another reads",
        cause: "the reader wants the room for itself: only the first reader takes it, for all")
      try reader.expectSuccess(context)
      let inside = try board.readers
      try context.expect(
        inside == 1 && board.room.count == 0,
        expected: "one reader inside (the check), and the room taken",
        seen: "\(inside) inside, and the room has the count \(board.room.count)",
        cause: "only the last reader gives the room back")
      try board.leaveAsReader()
      try board.expectFree()
    },

    Check("readers-writers.abandoned") { context in
      let name = context.name("board")
      let reader = try context.start("reader", [name])
      let board = try SharedBoard(name, of: reader, context)
      context.did("took the mutex in a thread that ended without giving it back")
      try context.together(1) { _ in try board.lock() }
      let text = context.text()
      try board.write(text)
      try context.expectEqual(
        reader.line(), "1 \(text)", "what the reader prints",
        cause: "WAIT_ABANDONED is a mutex that was taken, too")
      try reader.expectSuccess(context)
      try board.expectFree()
    },

    Check("readers-writers.crowd") { context in
      let name = context.name("board")
      let first = try context.start("writer", [name])
      let board = try SharedBoard(name, of: first, context)
      let second = try context.start("writer", [name])
      try context.expectEqual(second.line(), "ready", "the first line of the second writer")
      let lines = 300
      context.did("let two writers write \(lines) lines each, while readers read")
      let letters = ["a", "b"].map { String(repeating: $0, count: 800) }
      for (writer, text) in zip([first, second], letters) {
        try writer.send(String(repeating: text + "\n", count: lines))
      }
      for _ in 0..<4 {
        let ended = try context.run("reader", [name])
        let text = ended.text.split(separator: "\n").last?.split(separator: " ").last ?? ""
        try context.expect(
          letters.contains(String(text)), expected: "800 times a, or 800 times b",
          seen: "\(text.count) bytes: \(text.prefix(8))…\(text.suffix(8))",
          cause: "the reader has read half of one text and half of another")
      }
      for writer in [first, second] { try writer.send("fim\n") }
      for writer in [first, second] { try writer.expectSuccess(context) }
      let count = try board.count
      try context.expect(
        count == UInt32(2 * lines), expected: "\(2 * lines) texts were written",
        seen: "\(count) at offset 4",
        cause: "two writers were inside at the same time and took the same number")
      let numbers = (first.output + second.output).split(separator: 10).compactMap {
        let line = String(decoding: $0, as: UTF8.self)
        return line.hasPrefix("wrote ") ? Int(line.dropFirst("wrote ".count)) : nil
      }
      try context.expect(
        numbers.sorted() == Array(1...2 * lines),
        expected: "each number from 1 to \(2 * lines) printed by one of the writers",
        seen: "\(Set(numbers).count) different numbers", cause: "two writers took the same number")
      try board.expectFree()
    },
  ]
}

extension CheckContext {
  /// A program must not print anything for now. (A program that is right cannot fail this, however
  /// slow the machine: only one that is wrong can escape.)
  func expectSilence(of program: Program, cause: String) throws {
    let before = program.output.count
    let end = Deadline.after(.milliseconds(300))
    while !end.hasPassed && program.output.count == before && program.isRunning { pause() }
    try expect(
      program.output.count == before && program.isRunning,
      expected: "\(program.name) waits",
      seen: "it printed “\(Escaped.text(program.output[before...]))”",
      cause: cause)
  }
}
