internal import IPCSystem

extension BuiltInChecks {
  /// Lab 8: who may talk to the server.
  static let loginChecks: [Check] = [
    Check("login.registers") { context in
      let pipe = context.pipeName("login")
      let server = try context.start("server", [pipe])
      let client = try PipeTalk("client", to: pipe, of: server, context)
      let user = context.word()
      try client.ask("login \(user) \(context.word())", expecting: "registered \(user)")
      let text = context.text()
      try client.ask(text, expecting: text.uppercased())
      try client.end()
    },

    Check("login.returns") { context in
      let pipe = context.pipeName("login")
      let server = try context.start("server", [pipe])
      let user = context.word()
      let password = context.word()
      let first = try PipeTalk("first", to: pipe, of: server, context)
      try first.ask("login \(user) \(password)", expecting: "registered \(user)")
      try first.end()
      let gone = try PipeTalk("one who leaves without fim", to: pipe, of: server, context)
      let other = context.word()
      try gone.ask("login \(other) \(password)", expecting: "registered \(other)")
      gone.hangUp()
      let second = try PipeTalk("second", to: pipe, of: server, context)
      try second.ask(
        "login \(user) \(password)", expecting: "welcome \(user)",
        cause: "users are forgotten when a conversation ends")
      let text = context.text()
      try second.ask(text, expecting: text.uppercased())
    },

    Check("login.refuses") { context in
      let pipe = context.pipeName("login")
      let server = try context.start("server", [pipe])
      let user = context.word()
      let password = context.word()
      let first = try PipeTalk("first", to: pipe, of: server, context)
      try first.ask("login \(user) \(password)", expecting: "registered \(user)")
      try first.end()
      let second = try PipeTalk("second", to: pipe, of: server, context)
      let wrong = context.word()
      try second.ask("login \(user) \(wrong)", expecting: "refused")
      try second.ask(
        context.text(), expecting: "login first",
        cause: "a conversation whose login was refused counts as logged in")
      try second.ask(
        "login \(user) \(wrong)", expecting: "refused",
        cause: "a wrong password replaces the right one")
      try second.ask(
        "login \(user) \(password)", expecting: "welcome \(user)",
        cause: "a wrong password replaces the right one, or a second attempt is not read as a login"
      )
    },

    Check("login.exact") { context in
      let pipe = context.pipeName("login")
      let server = try context.start("server", [pipe])
      let user = context.word()
      let password = context.word() + "Q7"
      let first = try PipeTalk("first", to: pipe, of: server, context)
      try first.ask("login \(user) \(password)", expecting: "registered \(user)")
      try first.end()
      let second = try PipeTalk("second", to: pipe, of: server, context)
      let near = [
        String(password.dropLast()), password + "x", String(password.prefix(1)),
        password.lowercased(), String(password.dropFirst()),
      ]
      for wrong in near {
        try second.ask(
          "login \(user) \(wrong)", expecting: "refused",
          cause:
            "“\(wrong)” is not “\(password)”: the whole password has to be the same, byte by byte"
        )
      }
      let other = String(user.dropLast())
      try second.ask(
        "login \(other) \(password)", expecting: "registered \(other)",
        cause: "the name has to be the same as a whole, too")
    },

    Check("login.first") { context in
      let pipe = context.pipeName("login")
      let server = try context.start("server", [pipe])
      let client = try PipeTalk("client", to: pipe, of: server, context)
      try client.ask(
        context.text(), expecting: "login first", cause: "a request is served before the login")
      let user = context.word()
      try client.ask("loginx \(user) x", expecting: "login first")
      for bad in ["login", "login \(user)", "login \(user) a b", "login  \(user)"] {
        try client.ask(bad, expecting: "malformed")
      }
      try client.ask("login \(user) \(context.word())", expecting: "registered \(user)")
      try client.ask(
        "login \(user)", expecting: "LOGIN \(user.uppercased())",
        cause: "after the login everything is text")
      try client.end()
      let early = try PipeTalk("one who only says fim", to: pipe, of: server, context)
      try early.end()
    },

    Check("login.conversations") { context in
      let pipe = context.pipeName("login")
      let server = try context.start("server", [pipe])
      let one = try PipeTalk("one", to: pipe, of: server, context)
      let two = try PipeTalk("two", to: pipe, of: server, context)
      let user = context.word()
      let password = context.word()
      try one.ask("login \(user) \(password)", expecting: "registered \(user)")
      try two.ask(
        context.text(), expecting: "login first",
        cause: "that one conversation is logged in is kept where all conversations see it")
      let text = context.text()
      try one.ask(text, expecting: text.uppercased())
      let other = context.word()
      try two.ask("login \(other) \(context.word())", expecting: "registered \(other)")
      try one.end()
      let more = context.text()
      try two.ask(more, expecting: more.uppercased())
      try context.together(8) { index in
        let client = try PipeTalk("client \(index)", to: pipe, of: server, context)
        let user = context.word() + "\(index)"
        try client.ask("login \(user) \(password)", expecting: "registered \(user)")
        for _ in 0..<20 {
          let text = context.text()
          try client.ask(text, expecting: text.uppercased())
        }
      }
    },

    Check("login.client") { context in
      let pipe = context.pipeName("login")
      let user = context.word()
      let password = context.word()
      let host = try PipeHost(pipe, context)
      let client = try context.start("client", [pipe, user, password])
      try host.accept(client)
      try host.receive("login \(user) \(password)")
      try host.send("welcome \(user)")
      try context.expectEqual(client.line(), "welcome \(user)", "what the client prints")
      for _ in 0..<3 {
        let line = context.text()
        let answer = context.text()
        try client.sendLine(line)
        try host.receive(line)
        try host.send(answer)
        try context.expectEqual(client.line(), answer, "what the client prints")
      }
      try client.sendLine("fim")
      try host.receive("fim")
      try host.send("FIM")
      try context.expectEqual(client.line(), "FIM", "what the client prints")
      let status = try client.waitForExit()
      try context.expect(
        status == .exited(0), expected: "the client ends with status 0", seen: "\(status)")

      let second = context.pipeName("login")
      let unfriendly = try PipeHost(second, context)
      let refused = try context.start("client", [second, user, password])
      try unfriendly.accept(refused)
      try unfriendly.receive("login \(user) \(password)")
      try unfriendly.send("refused")
      try context.expectEqual(refused.line(), "refused", "what the client prints")
      let failed = try refused.waitForExit()
      try context.expect(
        failed == .exited(1), expected: "the client ends with status 1 when it is refused",
        seen: "\(failed)")
    },

    Check("login.together") { context in
      let pipe = context.pipeName("login")
      let server = try context.start("server", [pipe])
      // When this one has been served, the pipe is there for the client of the submission.
      try PipeTalk("scout", to: pipe, of: server, context).end()
      let user = context.word()
      let lines = (0..<5).map { _ in context.text() }
      let input = (lines + ["fim"]).map { $0 + "\n" }.joined()
      let ended = try context.run("client", [pipe, user, "right"], input: Array(input.utf8))
      let expected = (["registered \(user)"] + lines.map { $0.uppercased() } + ["FIM"])
        .map { $0 + "\n" }.joined()
      try context.expectEqual(ended.text, expected, "the client's output")
      let wrong = try context.run("client", [pipe, user, "wrong"], input: Array(input.utf8))
      try context.expectEqual(
        wrong.text, "refused\n", "the output of a client with a wrong password")
      try context.expect(
        wrong.status == .exited(1), expected: "it ends with status 1", seen: "\(wrong.status)")
      // Without fim: the end of the input ends the conversation, too.
      let short = try context.run("client", [pipe, user, "right"], input: Array("abc\n".utf8))
      try context.expectEqual(
        short.text, "welcome \(user)\nABC\nFIM\n", "the output when the input ends without fim")
    },
  ]
}
