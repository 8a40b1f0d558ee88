internal import IPCSystem

extension PipeTalk {
  /// Sends a request and takes messages until its answer: what came before, which is what the server
  /// had said to this client until then.
  func messages(before request: String) throws -> [String] {
    try send(request)
    var heard: [String] = []
    while true {
      let message = try receive()
      if message == request.uppercased() { return heard }
      heard.append(message)
    }
  }

  /// Ends the conversation with `fim`, whatever it has not heard yet.
  func leave() throws {
    _ = try messages(before: "fim")
    if let more = try receiveOrEnd() {
      throw CheckFailure(
        expected: "the server ends the conversation after FIM", seen: "it sent “\(more)”")
    }
  }
}

/// A server of lab 10 and what is to be heard from it.
private struct Hall {
  let context: CheckContext
  let server: Program
  let pipe: String

  init(_ context: CheckContext) throws {
    self.context = context
    pipe = context.pipeName("hall")
    server = try context.start("server", [pipe])
  }

  /// A conversation that has not logged in.
  func stranger(_ who: String) throws -> PipeTalk {
    try PipeTalk(who, to: pipe, of: server, context)
  }

  /// A conversation of a new user.
  func enter(_ user: String) throws -> PipeTalk {
    let talk = try stranger(user)
    try talk.ask(
      "login \(user) secret", expecting: "registered \(user)",
      cause: "the first thing that a user hears after a login is the answer to it")
    return talk
  }

  /// What a user has heard so far must be this.
  func expect(_ talk: PipeTalk, hears users: [String], cause: String? = nil) throws {
    let heard = try talk.messages(before: context.text())
    try context.expect(
      heard == users.map { "* \($0) entered" },
      expected: "\(talk.who) hears of \(users.isEmpty ? "nobody" : users.joined(separator: ", "))",
      seen: heard.isEmpty ? "nothing" : heard.joined(separator: ", "), cause: cause)
  }
}

extension BuiltInChecks {
  /// Lab 10: everybody hears who logs in.
  static let notifyChecks: [Check] = [
    Check("notify.hears") { context in
      let hall = try Hall(context)
      let names = (0..<3).map { "\(context.word())\($0)" }
      let first = try hall.enter(names[0])
      let second = try hall.enter(names[1])
      try hall.expect(
        first, hears: [names[1]],
        cause: "the others are told before the login is answered, and once")
      let third = try hall.enter(names[2])
      try hall.expect(first, hears: [names[2]])
      try hall.expect(second, hears: [names[2]])
      let text = context.text()
      try third.ask(text, expecting: text.uppercased())
      try third.leave()
      try second.ask("abc", expecting: "ABC")
    },

    Check("notify.once") { context in
      let hall = try Hall(context)
      let first = try hall.enter("first")
      var names: [String] = []
      for index in 0..<5 {
        let name = "\(context.word())\(index)"
        _ = try hall.enter(name)
        names.append(name)
      }
      try hall.expect(first, hears: names, cause: "somebody is told twice, or not at all")
      // Anything sent late would come now.
      try hall.expect(first, hears: [], cause: "somebody is told twice")
    },

    Check("notify.self") { context in
      let hall = try Hall(context)
      let user = context.word()
      let talk = try hall.enter(user)
      try hall.expect(talk, hears: [], cause: "who logs in is told of itself")
      let other = try hall.enter(user + "x")
      try hall.expect(other, hears: [], cause: "who logs in is told of itself, or of who was there")
      try hall.expect(talk, hears: [user + "x"])
    },

    Check("notify.late") { context in
      let hall = try Hall(context)
      let names = (0..<4).map { "\(context.word())\($0)" }
      let first = try hall.enter(names[0])
      let second = try hall.enter(names[1])
      try first.leave()
      // Comes back, with another conversation, as a known user.
      let back = try hall.stranger(names[0])
      try back.ask("login \(names[0]) secret", expecting: "welcome \(names[0])")
      try hall.expect(second, hears: [names[0]], cause: "a known user's login is not told")
      try hall.expect(back, hears: [], cause: "a late comer is told of those who came before")
      let third = try hall.enter(names[2])
      try hall.expect(
        back, hears: [names[2]], cause: "who has come later, or has come back, is not told any more"
      )
      try hall.expect(second, hears: [names[2]])
      _ = try hall.enter(names[3])
      for talk in [back, second, third] { try hall.expect(talk, hears: [names[3]]) }
    },

    Check("notify.stranger") { context in
      let hall = try Hall(context)
      let names = (0..<2).map { "\(context.word())\($0)" }
      let stranger = try hall.stranger("one who has not logged in")
      try stranger.ask("hello", expecting: "login first")
      let first = try hall.enter(names[0])
      let refused = try hall.stranger("one who is refused")
      try refused.ask("login \(names[0]) wrong", expecting: "refused")
      try refused.ask("login", expecting: "malformed")
      try hall.expect(first, hears: [], cause: "a login that was refused is told to others")
      _ = try hall.enter(names[1])
      try hall.expect(first, hears: [names[1]])
      try stranger.ask(
        "hello", expecting: "login first", cause: "somebody who has not logged in is told")
      try refused.ask("hello", expecting: "login first")
    },

    Check("notify.left") { context in
      let hall = try Hall(context)
      let names = (0..<8).map { "\(context.word())\($0)" }
      let first = try hall.enter(names[0])
      let ends = try hall.enter(names[1])
      let vanishes = try hall.enter(names[2])
      let last = try hall.enter(names[3])
      try ends.leave()
      vanishes.hangUp()
      for name in names[4...] { _ = try hall.enter(name).hangUp() }
      try hall.expect(
        first, hears: Array(names[1...]), cause: "somebody who has left keeps others from hearing")
      try hall.expect(last, hears: Array(names[4...]))
    },

    Check("notify.crowd") { context in
      let hall = try Hall(context)
      let names = (0..<10).map { "\(context.word())\($0)" }
      let doors = try names.map { try hall.stranger($0) }
      context.did("let \(names.count) users log in at the same time")
      try context.together(names.count) { index in
        try doors[index].ask("login \(names[index]) secret", startingWith: "registered")
      }
      // Of each two, one was there first and has heard of the other.
      var heard: [String: [String]] = [:]
      for (name, door) in zip(names, doors) {
        heard[name] = try door.messages(before: context.text())
      }
      for (index, one) in names.enumerated() {
        for other in names[..<index] {
          let ways =
            heard[one, default: []].filter { $0 == "* \(other) entered" }.count
            + heard[other, default: []].filter { $0 == "* \(one) entered" }.count
          try context.expect(
            ways == 1, expected: "of \(one) and \(other), exactly one hears of the other, once",
            seen: "\(ways) messages",
            cause:
              "looking for the others and becoming one of them are two steps, and another login "
              + "comes between")
        }
      }
    },

    Check("notify.sleeper") { context in
      let hall = try Hall(context)
      let sleeper = try hall.enter("sleeper")
      let awake = try hall.enter("awake")
      context.did("logged in 100 users with long names while sleeper reads nothing")
      let length = 900
      var names: [String] = []
      for index in 0..<100 {
        let name = String(repeating: "n", count: length) + "\(index)"
        let talk = try hall.stranger("user \(index)")
        let answer = try talk.ask("login \(name) secret")
        try context.expect(
          answer == "registered \(name)", expected: "an answer to each login",
          seen: "“\(answer.prefix(40))”")
        names.append(name)
        talk.hangUp()
      }
      let heard = try awake.messages(before: "abc")
      try context.expect(
        heard == names.map { "* \($0) entered" }, expected: "awake hears of all 100",
        seen: "\(heard.count) messages",
        cause: "a client that reads nothing holds up the server, which waits in WriteFile for it")
      try sleeper.send("fim")
    },

    Check("notify.client") { context in
      let pipe = context.pipeName("hall")
      let host = try PipeHost(pipe, context)
      let user = context.word()
      let client = try context.start("client", [pipe, user, "secret"])
      try host.accept(client)
      try host.receive("login \(user) secret")
      try host.send("welcome \(user)")
      try context.expectEqual(client.line(), "welcome \(user)", "what the client prints")
      for _ in 0..<3 {
        let news = "* \(context.word()) entered"
        try host.send(news)
        try context.expectEqual(
          client.line(), news, "what the client prints while nobody types",
          cause: "the client waits for a line of its input before it looks at the pipe")
      }
      // Now it waits for the pipe again, and the keyboard must not have to wait behind that.
      try context.expectSilence(of: client, cause: "it prints what nobody has sent")
      let line = context.text()
      try client.sendLine(line)
      try host.receive(
        line,
        cause: "the client waits for a message before it looks at its input, or writes on a "
          + "handle on which another thread waits in ReadFile")
      let news = "* \(context.word()) entered"
      try host.send(news)
      try host.send(line.uppercased())
      try context.expectEqual(client.line(), news, "what the client prints")
      try context.expectEqual(client.line(), line.uppercased(), "what the client prints")
      try client.sendLine("fim")
      try host.receive("fim")
      try host.send("FIM")
      try context.expectEqual(client.line(), "FIM", "what the client prints")
      host.hangUp()
      let status = try client.waitForExit()
      try context.expect(
        status == .exited(0), expected: "the client ends with status 0", seen: "\(status)")
    },
  ]
}
