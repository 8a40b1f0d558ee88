internal import Glibc
internal import IPCSystem

/// A client of the reference for lab 14: a connection of bytes with a Unix socket.
private final class SocketTalk: Sendable {
  let who: String
  private let descriptor: OwnedDescriptor
  private let context: CheckContext
  private let server: Program
  private let received = Locked<[UInt8]>([])

  init(_ who: String, to path: String, of server: Program, _ context: CheckContext) throws {
    self.who = who
    self.context = context
    self.server = server
    let descriptor = OwnedDescriptor(
      adopting: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
    let raw = descriptor.raw
    // From the start: where many wait to be accepted, the kernel lets the next wait for ever.
    _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    try context.expect(
      path.utf8.count < 108, expected: "a path of less than 108 bytes", seen: path)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    try context.until("\(who) can connect to \(path)") {
      if !server.isRunning {
        throw CheckFailure(
          expected: "\(server.name) listens at \(path)", seen: server.ending ?? "it has ended")
      }
      return unsafe withUnsafePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe connect(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
        }
      }
    }
    self.descriptor = descriptor
  }

  /// Sends bytes, in pieces as the socket takes them; how many it has taken.
  @discardableResult
  func offer(_ bytes: [UInt8], within: Duration) throws -> Int {
    let end = Deadline.after(within)
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.send(
          descriptor.raw, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN {
        if !wait(for: POLLOUT, end) { break }
      } else if errno != EINTR {
        throw CheckFailure(
          expected: "the server takes the bytes of \(who)",
          seen: server.ending ?? "the connection is broken")
      }
    }
    return sent
  }

  func send(_ text: String) throws {
    context.wire(who, sent: text.utf8)
    let bytes = Array(text.utf8)
    if try offer(bytes, within: context.patient(.seconds(5))) < bytes.count {
      throw CheckFailure(
        .timeout, expected: "the server takes the bytes of \(who)", seen: "it does not")
    }
  }

  /// The next line without its end; `nil` at the end of the stream.
  func lineOrEnd(within: Duration = .seconds(5)) throws -> String? {
    let within = context.patient(within)
    let end = min(context.deadline, .after(within))
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let line = received.withLock { received -> [UInt8]? in
        guard let end = received.firstIndex(of: 10) else { return nil }
        defer { received.removeFirst(end + 1) }
        return Array(received[..<end])
      }
      if let line {
        context.wire(who, received: line.prefix(200) + [10])
        return String(decoding: line, as: UTF8.self)
      }
      let count = unsafe recv(descriptor.raw, &buffer, buffer.count, 0)
      if count > 0 {
        let part = buffer[..<count]
        received.withLock { $0 += part }
      } else if count < 0 && errno == EAGAIN {
        if !wait(for: POLLIN, end) {
          throw CheckFailure(
            .timeout, expected: "a line to \(who) within \(within)",
            seen: server.ending ?? "none came")
        }
      } else if count == 0 || errno != EINTR {
        let rest = received.withLock { $0 }
        if rest.isEmpty { return nil }
        throw CheckFailure(
          expected: "every line has an end", seen: "“\(Escaped.text(rest.prefix(80)))” at the end")
      }
    }
  }

  func expect(_ line: String, within: Duration = .seconds(5), cause: String? = nil) throws {
    guard let seen = try lineOrEnd(within: within) else {
      try context.fail(
        expected: "the line “\(line.prefix(60))” to \(who)",
        seen: server.ending ?? "the server ended the connection", cause: cause)
    }
    try context.expectEqual(seen, line, "the line to \(who)", cause: cause)
  }

  func expectEnd(cause: String? = nil) throws {
    let more = try lineOrEnd()
    try context.expect(
      more == nil, expected: "the server ends the connection", seen: "the line “\(more ?? "")”",
      cause: cause)
  }

  func ask(_ text: String) throws {
    try send(text + "\n")
    try expect(text.uppercased())
  }

  /// How many bytes a socket holds on their way.
  var room: Int {
    var size: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    unsafe getsockopt(descriptor.raw, SOL_SOCKET, SO_SNDBUF, &size, &length)
    return Int(size)
  }

  /// Waits until the server has read all that was sent, if it does.
  func waitUntilTaken(atMost: Duration) {
    let end = Deadline.after(atMost)
    var left: Int32 = 1
    while left > 0 && !end.hasPassed {
      if unsafe ioctl(descriptor.raw, UInt(TIOCOUTQ), &left) != 0 { return }
      context.pause()
    }
  }

  /// Has no more to say, and still listens.
  func endOutput() {
    shutdown(descriptor.raw, Int32(SHUT_WR))
    context.wire("\(who) has no more to say", sent: [])
  }

  /// Whether the socket is ready before the deadline.
  private func wait(for event: Int32, _ deadline: Deadline) -> Bool {
    var entry = pollfd(fd: descriptor.raw, events: Int16(event), revents: 0)
    return unsafe poll(&entry, 1, deadline.pollMilliseconds) > 0 || !deadline.hasPassed
  }
}

extension BuiltInChecks {
  /// Lab 14: one thread for all.
  static let eventLoopChecks: [Check] = [
    Check("event-loop.answers") { context in
      let server = try context.start("server", ["socket"])
      let path = context.directory + "/socket"
      let client = try SocketTalk("client", to: path, of: server, context)
      for _ in 0..<5 { try client.ask(context.text()) }
      try client.send("\n")
      try client.expect("")
      try client.send("fim\n")
      try client.expect("FIM")
      try client.expectEnd()
      try SocketTalk("the next", to: path, of: server, context).ask(context.text())
    },

    Check("event-loop.pieces") { context in
      let server = try context.start("server", ["socket"])
      let path = context.directory + "/socket"
      let client = try SocketTalk("client", to: path, of: server, context)
      let other = try SocketTalk("other", to: path, of: server, context)
      let words = context.words(6)
      let cause =
        "one read is not one line: bytes are kept for each client until a line is complete"
      try client.send(words[0])
      try other.ask(words[5])
      try client.send(words[1])
      try other.ask(words[4])
      try client.send(words[2] + "\n" + words[3] + "\n" + words[4])
      try client.expect((words[0] + words[1] + words[2]).uppercased(), cause: cause)
      try client.expect(words[3].uppercased(), cause: cause)
      try client.send("\n")
      try client.expect(words[4].uppercased(), cause: cause)
      let long = String(decoding: context.bytes(100_000).map { 97 + $0 % 26 }, as: UTF8.self)
      try client.send(long + "\nfi")
      try client.expect(long.uppercased(), cause: cause)
      try client.send("m\nnot answered\n")
      try client.expect("FIM")
      try client.expectEnd(cause: "what stands behind fim is not answered")
    },

    Check("event-loop.many") { context in
      let server = try context.start("server", ["socket"])
      let path = context.directory + "/socket"
      let count = 150
      let clients = try (0..<count).map {
        try SocketTalk("client \($0)", to: path, of: server, context)
      }
      context.did("connected \(count) clients at once")
      for round in 0..<3 {
        let texts = clients.indices.map { "\(context.text()) \($0) \(round)" }
        for (client, text) in zip(clients, texts) { try client.send(text + "\n") }
        for (client, text) in zip(clients, texts).reversed() {
          try client.expect(
            text.uppercased(),
            cause: "the server serves one client after the other, or mixes them up")
        }
      }
      let threads = ProcessFacts.threadCount(server.pid) ?? 0
      try context.expect(
        threads == 1, expected: "the server has one thread, whatever the number of its clients",
        seen: "\(threads) threads with \(count) clients")
    },

    Check("event-loop.idle") { context in
      let server = try context.start("server", ["socket"])
      let path = context.directory + "/socket"
      let clients = try (0..<20).map {
        try SocketTalk("client \($0)", to: path, of: server, context)
      }
      for client in clients { try client.ask(context.text()) }
      try clients[0].send("half a line")
      clients[1].endOutput()
      try clients[1].expectEnd()
      try clients[2].ask(context.text())
      context.did("did nothing for half a second, with 19 clients connected")
      let before = ProcessFacts.processorTime(server.pid) ?? 0
      let end = Deadline.after(.milliseconds(500))
      while !end.hasPassed { context.pause() }
      let used = (ProcessFacts.processorTime(server.pid) ?? 0) - before
      try context.expect(
        used <= 3, expected: "a server that has nothing to do uses no processor time",
        seen: "\(used * 10) ms of processor time in 500 ms",
        cause:
          "the server asks again and again instead of sleeping in poll or epoll_wait; a common "
          + "reason is to wait for POLLOUT with nothing to send")
    },

    Check("event-loop.slow") { context in
      let server = try context.start("server", ["socket"])
      let path = context.directory + "/socket"
      let slow = try SocketTalk("slow", to: path, of: server, context)
      let quick = try SocketTalk("quick", to: path, of: server, context)
      // More than the sockets hold both ways: the server cannot send all of it for now.
      let lines = ([400_000] + Array(repeating: 9_999, count: 150)).map {
        String(decoding: context.bytes($0).map { 97 + $0 % 26 }, as: UTF8.self)
      }
      let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
      let sent = try slow.offer(bytes, within: .milliseconds(300))
      context.did("sent \(sent) bytes for slow, which reads nothing")
      for _ in 0..<10 { try quick.ask(context.text()) }
      let text = context.text()
      try SocketTalk("newcomer", to: path, of: server, context).ask(text)
      context.did("slow reads what is its own, and sends the rest")
      try context.together(2) { index in
        if index == 0 {
          let rest = Array(bytes[sent...])
          let count = try slow.offer(rest, within: context.patient(.seconds(6)))
          try context.expect(
            count == rest.count, expected: "the server takes the rest from slow when slow reads",
            seen: "\(count) of \(rest.count) bytes")
        } else {
          for line in lines {
            try slow.expect(
              line.uppercased(), within: .seconds(6),
              cause: "send takes fewer bytes than it was given: the rest is to be sent later")
          }
        }
      }
    },

    Check("event-loop.half-close") { context in
      let server = try context.start("server", ["socket"])
      let path = context.directory + "/socket"
      let client = try SocketTalk("client", to: path, of: server, context)
      try client.ask(context.text())
      // A little more than the socket holds: the rest is with the server when it sees the end.
      let long = String(
        decoding: context.bytes(client.room + 32_768).map { 97 + $0 % 26 }, as: UTF8.self)
      try client.send("short\n" + long + "\n")
      try client.send("without end")
      client.endOutput()
      client.waitUntilTaken(atMost: context.patient(.seconds(1)))
      // And sees the end of it, before anybody reads the answer.
      let end = Deadline.after(.milliseconds(200))
      while !end.hasPassed { context.pause() }
      let cause = "the connection is closed at the end of the input, with answers still to be sent"
      try client.expect("SHORT", cause: cause)
      try client.expect(long.uppercased(), cause: cause)
      try client.expectEnd(cause: "a last line without an end is no request")
    },

    Check("event-loop.hang-up") { context in
      let server = try context.start("server", ["socket"])
      let path = context.directory + "/socket"
      let stays = try SocketTalk("one who stays", to: path, of: server, context)
      let line = String(repeating: "x", count: 9_999) + "\n"
      context.did("let 30 clients connect, send and leave, without reading the answers")
      for index in 0..<30 {
        let client = try SocketTalk("client \(index)", to: path, of: server, context)
        try client.offer(
          Array(String(repeating: line, count: index).utf8), within: .milliseconds(20))
        try client.send("half")
      }
      let cause = "to send to a client that has left is SIGPIPE, unless MSG_NOSIGNAL is given"
      try context.expect(
        server.isRunning, expected: "the server goes on", seen: server.ending ?? "", cause: cause)
      for _ in 0..<5 { try stays.ask(context.text()) }
      try context.until("the server closes the connections of those who left") {
        DirectoryListing.names(in: "/proc/\(server.pid)/fd").count < 15
      }
    },

    Check("event-loop.restart") { context in
      let path = context.directory + "/socket"
      let first = try context.start("server", ["socket"])
      try SocketTalk("client", to: path, of: first, context).ask(context.text())
      first.kill()
      let second = try context.start("server", ["socket"])
      try SocketTalk("client", to: path, of: second, context).ask(context.text())
    },
  ]
}
