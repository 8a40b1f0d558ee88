internal import IPCSystem
internal import IPCTransport
internal import Mailslots

/// A mailslot of the reference.
private struct Slot {
  let server: MailslotServer
  let context: CheckContext

  init(_ name: String, on computer: String? = nil, _ context: CheckContext) throws {
    self.context = context
    var options = MailslotServer.Options()
    options.reception = .off
    if let computer { options.computer = try VirtualComputer(name: computer) }
    server = try MailslotServer(
      MailslotName(MailslotName.prefix + name), in: context.runtime, options: options)
  }

  /// The next message; `nil` when none comes.
  func next(within: Duration = .seconds(5)) throws -> [UInt8]? {
    do throws(TransportError) {
      let server = server
      let deadline = context.limit(within)
      let bytes = try [UInt8](capacity: 1 << 20) { (span) throws(TransportError) in
        try server.read(into: &span, deadline: deadline)
      }
      context.wire("reference board", received: bytes)
      return bytes
    } catch {
      if error.code == .timedOut { return nil }
      throw error
    }
  }

  /// The next messages have to be these, and there are no more.
  func expect(_ notices: [String], cause: String? = nil) throws {
    for notice in notices {
      guard let seen = try next() else {
        try context.fail(
          expected: "the notice “\(notice.prefix(60))”", seen: "none came", cause: cause)
      }
      try context.expectEqual(seen, Array(notice.utf8), "the notice", cause: cause)
    }
    if let more = try next(within: .zero) {
      try context.fail(
        expected: "no more notices", seen: "“\(Escaped.text(more))”", cause: cause)
    }
  }
}

extension CheckContext {
  /// A board of the submission that is ready.
  fileprivate func board(_ name: String, on computer: String? = nil) throws -> Program {
    let board = try start(
      "board", [name], environment: computer.map { ["IPCLAB_COMPUTER": $0] } ?? [:])
    try expectEqual(board.line(), "ready", "the first line of the board")
    return board
  }

  /// Writes a notice as a client of the reference does.
  fileprivate func post(_ notice: String, to slot: String) throws {
    wire("reference client", sent: notice.utf8)
    do throws(TransportError) {
      try MailslotWriter(MailslotName(slot), in: runtime)
        .write(Array(notice.utf8).span, deadline: limit(.seconds(5)))
    } catch { throw CheckFailure(expected: "\(slot) can be written to", seen: "\(error)") }
  }

  /// Runs `post` with lines as its input.
  fileprivate func post(_ lines: [String], with slot: String) throws -> Ended {
    try run("post", [slot], input: Array(lines.map { $0 + "\n" }.joined().utf8))
  }

  /// A computer's name that has not been used.
  fileprivate func computer() -> String { "C" + name("").dropFirst().uppercased() }
}

extension BuiltInChecks {
  /// Lab 12: mailslots.
  static let noticeboardChecks: [Check] = [
    Check("noticeboard.shows") { context in
      let name = context.name("notices")
      let board = try context.board(name)
      for _ in 0..<5 {
        let notice = context.text()
        try context.post(notice, to: MailslotName.prefix + name)
        try context.expectEqual(board.line(), notice, "what the board shows")
      }
      let notices = (0..<50).map { "\($0) \(context.text())" }
      for notice in notices { try context.post(notice, to: MailslotName.prefix + name) }
      for notice in notices {
        try context.expectEqual(board.line(), notice, "what the board shows")
      }
    },

    Check("noticeboard.whole") { context in
      let name = context.name("notices")
      let board = try context.board(name)
      for length in [0, 1, 424, 425, 5000, 100_000, 3] {
        let notice = String(
          decoding: context.bytes(length).map { 97 + $0 % 26 }, as: UTF8.self)
        try context.post(notice, to: MailslotName.prefix + name)
        try context.expectEqual(
          board.line(), notice, "a notice of \(length) bytes",
          cause: "the board reads into a buffer that is too small: ReadFile fails with "
            + "ERROR_INSUFFICIENT_BUFFER and leaves the notice where it is")
      }
    },

    Check("noticeboard.end") { context in
      let name = context.name("notices")
      let board = try context.board(name)
      let near = ["fim.", "the fim", "FIM", "fimfim", " fim"]
      for notice in near {
        try context.post(notice, to: MailslotName.prefix + name)
        try context.expectEqual(
          board.line(), notice, "what the board shows", cause: "only the notice “fim” is the end")
      }
      let second = try context.run("board", [name])
      try context.expect(
        second.status == .exited(1) && !second.errorOutput.isEmpty,
        expected: "a second board of the same name says why it cannot be, and ends with status 1",
        seen: "\(second.status), standard error: “\(Escaped.text(second.errorOutput))”")
      try context.post("fim", to: MailslotName.prefix + name)
      let status = try board.waitForExit()
      try context.expect(
        status == .exited(0), expected: "the board ends with status 0", seen: "\(status)")
      try context.expectEqual(
        String(decoding: board.output, as: UTF8.self),
        (["ready"] + near).map { $0 + "\n" }.joined(), "all that the board has shown")
      _ = try context.board(name)
    },

    Check("noticeboard.posts") { context in
      let name = context.name("notices")
      let slot = try Slot(name, context)
      let lines = ["", context.text(), context.text(200), "fim"]
      let ended = try context.post(lines, with: MailslotName.prefix + name)
      try context.expect(
        ended.status == .exited(0), expected: "post ends with status 0", seen: "\(ended.status)")
      try slot.expect(
        lines, cause: "each line is one message, without its end, and fim is one, too")
      // What stands behind fim is not posted; without fim, the end of the input is the end.
      _ = try context.post(["a", "fim", "b"], with: MailslotName.prefix + name)
      try slot.expect(["a", "fim"], cause: "post goes on after fim")
      _ = try context.post(["a", "b"], with: MailslotName.prefix + name)
      try slot.expect(["a", "b"])
    },

    Check("noticeboard.nobody") { context in
      let name = context.name("nobody")
      let slot = MailslotName.prefix + name
      let ended = try context.post([context.text()], with: slot)
      try context.expect(
        ended.status == .exited(1) && !ended.errorOutput.isEmpty,
        expected: "post says that there is no \(slot), and ends with status 1",
        seen: "\(ended.status), standard error: “\(Escaped.text(ended.errorOutput))”",
        cause: "the result of CreateFile is not compared with INVALID_HANDLE_VALUE")
      let board = try Slot(name, context)
      context.did("created \(slot)")
      let text = context.text()
      _ = try context.post([text], with: slot)
      try board.expect([text])
    },

    Check("noticeboard.broadcast") { context in
      let name = context.name("notices")
      let computers = (0..<3).map { _ in context.computer() }
      let slots = try computers.map { try Slot(name, on: $0, context) }
      let other = try Slot(name + "-other", on: computers[0], context)
      let lines = [context.text(), context.text()]
      let ended = try context.post(lines, with: #"\\*\mailslot\"# + name)
      try context.expect(
        ended.status == .exited(0), expected: "post ends with status 0", seen: "\(ended.status)")
      for slot in slots {
        try slot.expect(lines, cause: "every board of the name gets every notice")
      }
      try other.expect([])
      let one = context.text()
      _ = try context.post([one], with: #"\\"# + computers[1] + #"\mailslot\"# + name)
      try slots[1].expect([one])
      try slots[0].expect([])
      try slots[2].expect([])
    },

    Check("noticeboard.limit") { context in
      let name = context.name("notices")
      let slot = try Slot(name, on: context.computer(), context)
      let fits = String(repeating: "x", count: 424)
      let lines = ["before", fits, fits + "y", "after"]
      let ended = try context.post(lines, with: #"\\*\mailslot\"# + name)
      try slot.expect(
        ["before", fits, "after"],
        cause: "a broadcast has at most 424 bytes: what is longer is refused, never cut, and the "
          + "notices behind it are posted")
      try context.expect(
        ended.status == .exited(1) && !ended.errorOutput.isEmpty,
        expected: "post says that a notice was not posted, and ends with status 1 at the end",
        seen: "\(ended.status), standard error: “\(Escaped.text(ended.errorOutput))”",
        cause: "the result of WriteFile is not looked at")
    },

    Check("noticeboard.together") { context in
      let name = context.name("notices")
      let computers = (0..<3).map { _ in context.computer() }
      let boards = try computers.map { try context.board(name, on: $0) }
      let lines = (0..<10).map { "\($0) \(context.text())" }
      _ = try context.post(lines, with: #"\\*\mailslot\"# + name)
      for board in boards {
        for line in lines { try context.expectEqual(board.line(), line, "what each board shows") }
      }
      _ = try context.post(["fim"], with: #"\\*\mailslot\"# + name)
      for board in boards {
        let status = try board.waitForExit()
        try context.expect(
          status == .exited(0), expected: "every board ends with status 0", seen: "\(status)")
      }
    },
  ]
}
