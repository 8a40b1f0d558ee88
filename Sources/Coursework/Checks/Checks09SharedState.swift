internal import IPCSystem

/// A server of lab 9 with the directory of its accounts.
private struct Bank {
  let context: CheckContext
  let server: Program
  let pipe: String
  let password: String

  init(_ context: CheckContext) throws {
    self.context = context
    pipe = context.pipeName("bank")
    password = context.word()
    server = try context.start("server", [pipe, context.directory])
  }

  /// A conversation that has not logged in.
  func stranger(_ who: String) throws -> PipeTalk {
    try PipeTalk(who, to: pipe, of: server, context)
  }

  /// A conversation of a user, new or known.
  func visit(_ user: String) throws -> PipeTalk {
    let talk = try stranger(user)
    let answer = try talk.ask("login \(user) \(password)")
    try context.expect(
      answer == "registered \(user)" || answer == "welcome \(user)",
      expected: "registered \(user), or welcome \(user)", seen: answer)
    return talk
  }

  /// What the file of an account says.
  func file(_ user: String) throws -> String {
    String(decoding: try context.read(file: "\(user).txt"), as: UTF8.self)
  }

  /// The number behind the word of an answer.
  func number(_ word: String, in answer: String) throws -> Int {
    guard answer.hasPrefix(word + " "), let number = Int(answer.dropFirst(word.count + 1)) else {
      try context.fail(expected: "“\(word)” and a number", seen: "“\(answer)”")
    }
    return number
  }
}

extension BuiltInChecks {
  /// Lab 9: many conversations, one state.
  static let sharedStateChecks: [Check] = [
    Check("shared-state.alone") { context in
      let bank = try Bank(context)
      let stranger = try bank.stranger("stranger")
      try stranger.ask("balance", expecting: "login first")
      try stranger.ask(
        "login ../evil secret", expecting: "malformed",
        cause: "the name is used as part of a path without being looked at")
      let (ana, rui) = (context.word(), context.word())
      let one = try bank.visit(ana)
      let first = context.number(in: 100...900)
      try one.ask("balance", expecting: "balance 0")
      try one.ask("add \(first)", expecting: "balance \(first)")
      let two = try bank.visit(rui)
      try two.ask("add 7", expecting: "balance 7")
      try one.ask("give \(rui) 30", expecting: "balance \(first - 30)")
      try two.ask("balance", expecting: "balance 37")
      try two.ask("total", expecting: "total \(first + 7)")
      try two.ask("give \(ana) 38", expecting: "poor")
      try two.ask("give nobody 1", expecting: "unknown nobody")
      for bad in ["add", "add 0", "add -5", "add x", "give \(ana)", "give \(ana) -1", "hello"] {
        try two.ask(bad, expecting: "malformed")
      }
      try two.ask("balance", expecting: "balance 37")
      try context.expectEqual(bank.file(ana), "\(first - 30)\n", "\(ana).txt")
      try context.expectEqual(bank.file(rui), "37\n", "\(rui).txt")
      try one.end()
      let again = try bank.stranger("ana once more")
      try again.ask("login \(ana) wrong", expecting: "refused")
      try again.ask("login \(ana) \(bank.password)", expecting: "welcome \(ana)")
      try again.ask("balance", expecting: "balance \(first - 30)")
    },

    Check("shared-state.add") { context in
      let bank = try Bank(context)
      let user = context.word()
      _ = try bank.visit(user)
      let (visitors, rounds) = (8, 100)
      context.did(
        "let \(visitors) conversations of \(user) add 1 at the same time, each \(rounds) times")
      try context.together(visitors) { _ in
        let talk = try bank.visit(user)
        for _ in 0..<rounds {
          _ = try bank.number("balance", in: talk.ask("add 1"))
        }
      }
      try bank.visit(user).ask(
        "balance", expecting: "balance \(visitors * rounds)",
        cause: "two conversations read the same balance, and both write it plus 1: a lost update")
      try context.expectEqual(bank.file(user), "\(visitors * rounds)\n", "\(user).txt")
    },

    Check("shared-state.deadlock") { context in
      let bank = try Bank(context)
      let (ana, rui) = (context.word(), context.word())
      let one = try bank.visit(ana)
      let two = try bank.visit(rui)
      try one.ask("add 1000", expecting: "balance 1000")
      try two.ask("add 1000", expecting: "balance 1000")
      context.did("let 6 conversations give at the same time, half of them the other way round")
      do {
        try context.together(6) { index in
          let (from, to) = index % 2 == 0 ? (ana, rui) : (rui, ana)
          let talk = try bank.visit(from)
          for _ in 0..<100 { _ = try talk.ask("give \(to) 1", within: .seconds(4)) }
        }
      } catch let failure as CheckFailure where failure.kind == .timeout {
        throw CheckFailure(
          failure.kind, expected: failure.expected, seen: failure.seen,
          cause: "one conversation holds the first account and waits for the second, another the "
            + "other way round: locks are to be taken in the same order everywhere")
      }
      try one.ask("balance", expecting: "balance 1000")
      try two.ask("balance", expecting: "balance 1000")
    },

    Check("shared-state.self") { context in
      let bank = try Bank(context)
      let user = context.word()
      let talk = try bank.visit(user)
      try talk.ask("add 50", expecting: "balance 50")
      try talk.ask(
        "give \(user) 20", expecting: "balance 50",
        cause: "giving to oneself changes nothing, and must not wait for one's own lock")
      try talk.ask("give \(user) 51", expecting: "poor")
      try talk.ask("total", expecting: "total 50")
    },

    Check("shared-state.total") { context in
      let bank = try Bank(context)
      let users = (0..<12).map { context.word() + "\($0)" }
      for user in users { try bank.visit(user).ask("add 500", expecting: "balance 500") }
      let sum = users.count * 500
      context.did("asked for the total while 3 conversations give")
      let isOver = Locked(false)
      try context.together(5) { index in
        if index < 3 {
          let talk = try bank.visit(users[index])
          var next = index
          while !isOver.withLock({ $0 }) {
            next += 1
            let answer = try talk.ask("give \(users[next % users.count]) 1")
            if answer == "poor" { break }
            _ = try bank.number("balance", in: answer)
          }
        } else {
          defer { isOver.withLock { $0 = true } }
          let talk = try bank.visit(users[0])
          for _ in 0..<150 {
            let total = try bank.number("total", in: talk.ask("total"))
            try context.expect(
              total == sum, expected: "total \(sum), whenever one asks", seen: "total \(total)",
              cause: "what is on its way from one account to another is counted twice or not at all"
            )
          }
        }
      }
    },

    Check("shared-state.poor") { context in
      let bank = try Bank(context)
      let (giver, taker) = (context.word(), context.word())
      _ = try bank.visit(taker)
      let owner = try bank.visit(giver)
      let rounds = 60
      context.did(
        "added 30 to \(giver) \(rounds) times, while 6 conversations give 3 as long as they can")
      let isOver = Locked(false)
      try context.together(7) { index in
        if index == 0 {
          defer { isOver.withLock { $0 = true } }
          for _ in 0..<rounds {
            var left = try bank.number("balance", in: owner.ask("add 30"))
            // Those who give come to the end of it together.
            while left >= 3 { left = try bank.number("balance", in: owner.ask("balance")) }
          }
          return
        }
        let talk = try bank.visit(giver)
        while !isOver.withLock({ $0 }) {
          let answer = try talk.ask("give \(taker) 3")
          if answer == "poor" { continue }
          let left = try bank.number("balance", in: answer)
          try context.expect(
            left >= 0, expected: "poor, or a balance of at least 0", seen: answer,
            cause: "whether there is enough is asked before the account is locked")
        }
      }
      let left = try bank.number("balance", in: owner.ask("balance"))
      let given = try bank.number("balance", in: bank.visit(taker).ask("balance"))
      try context.expect(
        left >= 0 && left + given == rounds * 30,
        expected: "together \(rounds * 30), and nobody below 0",
        seen: "\(giver) has \(left), \(taker) has \(given)")
    },

    Check("shared-state.register") { context in
      let bank = try Bank(context)
      context.did("let 6 strangers log in with the same new name and passwords of their own")
      for round in 0..<12 {
        let user = context.word() + "\(round)"
        let answers = Locked<[String]>([])
        let doors = try (0..<6).map { try bank.stranger("stranger \($0)") }
        try context.together(6) { index in
          let answer = try doors[index].ask("login \(user) password\(index)")
          answers.withLock { $0.append(answer) }
        }
        let seen = answers.withLock { $0.sorted() }
        try context.expect(
          seen == Array(repeating: "refused", count: 5) + ["registered \(user)"],
          expected: "one is registered, five are refused", seen: seen.joined(separator: ", "),
          cause: "between looking for the name and entering it, another conversation has entered it"
        )
      }
    },

    Check("shared-state.leaves") { context in
      let bank = try Bank(context)
      let (ana, rui) = (context.word(), context.word())
      let one = try bank.visit(ana)
      try one.ask("add 5", expecting: "balance 5")
      context.did("let conversations send requests and leave without waiting for the answer")
      for _ in 0..<20 {
        let talk = try bank.visit(ana)
        try talk.send("add 1")
        try talk.send("give \(rui) 1")
        talk.hangUp()
      }
      try bank.visit(rui).ask("add 2", startingWith: "balance")
      let total = try bank.number("total", in: one.ask("total"))
      try context.expect(
        (7...27).contains(total), expected: "a total from 7 to 27", seen: "\(total)",
        cause: "a lock is kept when a client has left")
    },
  ]
}

extension PipeTalk {
  /// Sends a request whose answer has to begin with something.
  func ask(_ request: String, startingWith start: String) throws {
    let seen = try ask(request)
    if !seen.hasPrefix(start) {
      throw CheckFailure(
        expected: "an answer to “\(request)” that begins with “\(start)”", seen: "“\(seen)”")
    }
  }
}
