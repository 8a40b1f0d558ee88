internal import Glibc
internal import IPCSystem
internal import NamedPipes

extension BuiltInChecks {
  /// Lab 7: a server that answers with capitals.
  static let uppercaseChecks: [Check] = [
    Check("uppercase.answers") { context in
      let (server, client) = try context.serverAndClient()
      for word in context.words(5) {
        try client.send(word)
        try client.expect(word.uppercased())
      }
      client.close()
      try context.expectRunning(server)
    },
    Check("uppercase.bytes") { context in
      let (_, client) = try context.serverAndClient()
      let requests = [
        Array("ação, straße, 3 < 4 {z}`@[".utf8), Array(0...255), [], context.bytes(300),
      ]
      for request in requests {
        try client.send(request)
        try context.expectEqual(
          client.receive(), context.capitals(request), "the answer",
          cause: "Only the bytes of a to z change. Text functions know other letters, and bytes "
            + "that are no text are lost in them.")
      }
    },
    Check("uppercase.long") { context in
      let (_, client) = try context.serverAndClient()
      for count in [context.number(in: 700...900), context.number(in: 2000...2500), 1] {
        let request = Array(context.words(count).joined(separator: " ").utf8)
        try client.send(request)
        try context.expectEqual(
          client.receive(), context.capitals(request), "the answer to \(request.count) bytes",
          cause: "A request longer than the buffer comes in parts, with ERROR_MORE_DATA; the "
            + "answer to it is one message.")
      }
    },
    Check("uppercase.end") { context in
      let pipe = context.pipe(context.name("upper"))
      let server = try context.start("server", [pipe], input: .null)
      for turn in 1...3 {
        let client = try context.connect(
          pipe, of: server, as: "client \(turn)", access: .all)
        try client.send("fim\(turn)")
        try client.expect("FIM\(turn)", cause: "Only the word fim alone ends the conversation.")
        try client.send("fim")
        // A server that does not wait for its client has disconnected it by now.
        usleep(100_000)
        try client.expect("FIM", cause: "The answer must be read before DisconnectNamedPipe.")
        try client.expectEnd(cause: "After the answer to fim, the server disconnects the client.")
        client.close()
      }
      try context.expectRunning(server)
    },
    Check("uppercase.together") { context in
      let pipe = context.pipe(context.name("upper"))
      let server = try context.start("server", [pipe], input: .null)
      var clients: [PipePeer] = []
      for number in 1...6 {
        clients.append(
          try context.connect(pipe, of: server, as: "client \(number)", access: .all))
      }
      var random = context.random
      for round in 1...3 {
        for client in clients.shuffled(using: &random) {
          let word = context.words(1)[0]
          try client.send(word)
          try client.expect(
            word.uppercased(),
            cause: round == 1
              ? "All clients are connected; none may have to wait until another one leaves." : nil)
        }
      }
    },
    Check("uppercase.crossed") { context in
      let pipe = context.pipe(context.name("upper"))
      let server = try context.start("server", [pipe], input: .null)
      let words = (0..<4).map { _ in context.words(60) }
      try context.together(4) { number in
        let client = try context.connect(
          pipe, of: server, as: "client \(number + 1)", access: .all)
        for word in words[number] {
          try client.send("\(number)-\(word)")
          try client.expect(
            "\(number)-\(word.uppercased())",
            cause: "The answer went to another client: what a thread works with must be its own.")
        }
        client.close()
      }
    },
    Check("uppercase.vanish") { context in
      let (server, witness) = try context.serverAndClient()
      let pipe = witness.end.name.description
      for turn in 1...3 {
        let guest = try context.connect(pipe, of: server, as: "guest \(turn)", access: .all)
        if turn > 1 { try guest.send("word") }
        if turn > 2 { _ = try guest.receive() }
        guest.close()
        let word = context.words(1)[0]
        try witness.send(word)
        try witness.expect(
          word.uppercased(),
          cause: "A client that leaves must not end the server, nor its thread "
            + "any other.")
      }
      try context.expectRunning(server)
    },
    Check("uppercase.client") { context in
      let pipe = context.pipe(context.name("upper"))
      let server = try context.listen(pipe, as: "the check's server", direction: .duplex)
      let requests = context.words(6) + ["two words"]
      let answers = context.words(7)
      let client = try context.start(
        "client", [pipe], input: .bytes(Array(requests.map { $0 + "\n" }.joined().utf8)))
      try context.waitForClient(server, from: client)
      for (request, answer) in zip(requests, answers) {
        try server.expect(request, cause: "One line is one message, without the line break.")
        try server.send(answer)
      }
      try server.expect("fim", cause: "At the end of its input the client says fim.")
      try server.send("FIM")
      try context.expectExit(client, 0)
      try context.expectEqual(
        client.output, Array((answers + ["FIM"]).map { $0 + "\n" }.joined().utf8),
        "what client printed", cause: "The client prints what the server has answered.")
      server.close()
    },
  ]
}

extension CheckContext {
  /// Starts the submission's server and connects one client.
  fileprivate func serverAndClient() throws -> (Program, PipePeer) {
    let pipe = pipe(name("upper"))
    let server = try start("server", [pipe], input: .null)
    return (server, try connect(pipe, of: server, as: "the check's client", access: .all))
  }

  fileprivate func capitals(_ bytes: [UInt8]) -> [UInt8] {
    bytes.map { (97...122).contains($0) ? $0 - 32 : $0 }
  }

  /// Expects that a server is there still.
  fileprivate func expectRunning(_ program: Program) throws {
    try expect(
      program.isRunning, expected: "\(program.name) goes on serving",
      seen: program.ending ?? "it has ended")
  }
}
