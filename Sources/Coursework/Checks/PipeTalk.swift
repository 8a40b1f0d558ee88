internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import NamedPipes

/// The reference client's end of a conversation in messages with a server of the submission.
final class PipeTalk: Sendable {
  /// Who it is, in the story.
  let who: String
  private let end: NamedPipeClient
  private let context: CheckContext
  private let server: Program

  /// Opens the pipe, waiting for the server to create it and to have an instance free.
  init(
    _ who: String, to pipe: String, of server: Program, _ context: CheckContext,
    within: Duration = .seconds(5)
  ) throws {
    self.who = who
    self.context = context
    self.server = server
    let name = try PipeName(pipe)
    var end: NamedPipeClient?
    try context.until("\(who) can open \(pipe)", within: within) {
      if !server.isRunning {
        throw CheckFailure(
          expected: "\(server.name) serves \(pipe)", seen: server.ending ?? "it has ended")
      }
      do throws(TransportError) {
        end = try NamedPipeClient(
          name, in: context.runtime, deadline: .after(.milliseconds(100)))
      } catch {
        if [.notFound, .timedOut, .instancesBusy].contains(error.code) { return false }
        throw error
      }
      return true
    }
    self.end = end!
    do throws(TransportError) { try self.end.setMode(read: .message, wait: nil) } catch {
      throw CheckFailure(
        expected: "\(pipe) is a pipe of messages (PIPE_TYPE_MESSAGE)", seen: "a pipe of bytes")
    }
  }

  deinit { end.close() }

  /// Leaves without a word.
  func hangUp() { end.close() }

  /// Sends a message.
  func send(_ text: String, within: Duration = .seconds(5)) throws {
    context.wire(who, sent: text.utf8)
    do throws(TransportError) {
      _ = try end.write(Array(text.utf8).span, deadline: context.limit(within))
    } catch {
      throw CheckFailure(
        error.code == .timedOut ? .timeout : .expectation,
        expected: "the server takes “\(text.prefix(80))” of \(who)", seen: trouble(error))
    }
  }

  /// Receives a message; `nil` when the server has ended the conversation.
  func receiveOrEnd(within: Duration = .seconds(5)) throws -> String? {
    let deadline = context.limit(within)
    var message: [UInt8] = []
    var hasMore = true
    while hasMore {
      let end = end
      let result: Result<([UInt8], Bool), TransportError> = Self.read(end, deadline)
      switch result {
      case .success(let part):
        message += part.0
        hasMore = part.1
      case .failure(let error):
        if [.endOfFile, .disconnected, .brokenPipe].contains(error.code) {
          context.wire("\(who): the server has ended the conversation", received: [])
          return nil
        }
        throw CheckFailure(
          error.code == .timedOut ? .timeout : .expectation,
          expected: "a message to \(who) within \(context.patient(within))", seen: trouble(error))
      }
    }
    context.wire(who, received: message)
    return String(decoding: message, as: UTF8.self)
  }

  private static func read(
    _ end: NamedPipeClient, _ deadline: Deadline
  ) -> Result<([UInt8], Bool), TransportError> {
    var hasMore = false
    do throws(TransportError) {
      let bytes = try [UInt8](capacity: 8192) { (span) throws(TransportError) in
        hasMore = try end.read(into: &span, deadline: deadline)
      }
      return .success((bytes, hasMore))
    } catch { return .failure(error) }
  }

  /// Receives a message.
  func receive(within: Duration = .seconds(5)) throws -> String {
    if let message = try receiveOrEnd(within: within) { return message }
    throw CheckFailure(
      expected: "a message to \(who)",
      seen: server.isRunning
        ? "the server ended the conversation" : server.ending ?? "the server has ended")
  }

  /// Sends a request and receives the answer.
  func ask(_ request: String, within: Duration = .seconds(5)) throws -> String {
    try send(request, within: within)
    return try receive(within: within)
  }

  /// Sends a request to which only one answer is right.
  func ask(_ request: String, expecting answer: String, cause: String? = nil) throws {
    let seen = try ask(request)
    try context.expectEqual(seen, answer, "the answer to “\(request)” of \(who)", cause: cause)
  }

  /// Says `fim` and waits for the answer and the end.
  func end(cause: String? = nil) throws {
    try ask("fim", expecting: "FIM")
    let more = try receiveOrEnd()
    try context.expect(
      more == nil, expected: "the server ends the conversation after FIM",
      seen: "it sent “\(more ?? "")”", cause: cause)
  }

  private func trouble(_ error: TransportError) -> String {
    if !server.isRunning, let ending = server.ending { return ending }
    return error.code == .timedOut ? "none came" : error.description
  }
}

/// The reference server's end of one conversation in messages with a client of the submission.
final class PipeHost: Sendable {
  private let end: NamedPipeInstance
  private let context: CheckContext

  /// Creates the pipe; clients can open it from now on.
  init(_ pipe: String, _ context: CheckContext) throws {
    self.context = context
    end = try NamedPipeInstance(
      PipeName(pipe), in: context.runtime, options: NamedPipes.Options(kind: .message))
    context.did("created \(pipe)")
  }

  deinit { end.close() }

  /// Waits for the client.
  func accept(_ client: Program, within: Duration = .seconds(5)) throws {
    try context.waitForClient(of: end, from: client, within: within)
  }

  /// Receives a request; `nil` when the client has closed its end.
  func receiveOrEnd(within: Duration = .seconds(5)) throws -> String? {
    do throws(TransportError) {
      let end = end
      let deadline = context.limit(within)
      let bytes = try [UInt8](capacity: 65536) { (span) throws(TransportError) in
        _ = try end.read(into: &span, deadline: deadline)
      }
      context.wire("server", received: bytes)
      return String(decoding: bytes, as: UTF8.self)
    } catch {
      if error.code != .timedOut { return nil }
      throw CheckFailure(.timeout, expected: "a request of the client", seen: "none came")
    }
  }

  /// Receives the request that the client has to send.
  func receive(_ expected: String, cause: String? = nil) throws {
    guard let seen = try receiveOrEnd() else {
      throw CheckFailure(
        expected: "the request “\(expected)”", seen: "the client closed the pipe", cause: cause)
    }
    try context.expectEqual(seen, expected, "the client's request", cause: cause)
  }

  /// Sends a message.
  func send(_ text: String) throws {
    context.wire("server", sent: text.utf8)
    do throws(TransportError) {
      _ = try end.write(Array(text.utf8).span, deadline: context.limit(.seconds(5)))
    } catch {
      throw CheckFailure(expected: "the client takes “\(text)”", seen: "\(error)")
    }
  }

  /// Cuts the client off.
  func hangUp() { end.close() }
}

extension CheckContext {
  /// A pipe's full name that has not been used.
  func pipeName(_ stem: String) -> String { #"\\.\pipe\"# + name(stem) }

  /// Text that is not likely to come by chance: random words.
  func text(_ count: Int = 3) -> String { words(count).joined(separator: " ") }

  /// One random word of a length that makes it unlikely to come twice.
  func word() -> String { words(2).joined() }

  /// Lets others run, between two looks at something.
  func pause() { usleep(2000) }
}
