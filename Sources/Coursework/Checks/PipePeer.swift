internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import NamedPipes

/// An end of a named pipe in the hands of a check: the reference that a submission's program talks
/// with. No call waits for ever, and all that goes over is noted for the report.
struct PipePeer: Sendable {
  let end: any NamedPipeEnd
  /// Who it plays, such as “the check's reader”.
  let who: String
  let context: CheckContext

  /// Sends one message.
  ///
  /// - Throws: ``CheckFailure`` when the program does not take it.
  func send(_ bytes: [UInt8], within: Duration = .seconds(5)) throws {
    context.wire(who, sent: bytes)
    do throws(TransportError) {
      _ = try end.write(bytes.span, deadline: context.limit(within))
    } catch {
      throw CheckFailure(
        error.code == .timedOut ? .timeout : .expectation,
        expected: "\(who) can send \(Escaped.text(bytes, limit: 40))", seen: Self.words(error))
    }
  }

  /// Sends a text as one message.
  func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Receives one whole message; `nil` when the other end has closed or cut this one off.
  ///
  /// - Throws: ``CheckFailure`` when none comes in time.
  func next(within: Duration = .seconds(5)) throws -> [UInt8]? {
    let within = context.patient(within)
    let deadline = min(context.deadline, .after(within))
    var message: [UInt8] = []
    while true {
      var hasMore = false
      do throws(TransportError) {
        message += try [UInt8](capacity: 1 << 16) {
          (buffer: inout OutputSpan<UInt8>) throws(TransportError) in
          hasMore = try end.read(into: &buffer, deadline: deadline)
        }
      } catch {
        switch error.code {
        case .endOfFile, .disconnected, .brokenPipe: return nil
        case .timedOut:
          throw CheckFailure(
            .timeout, expected: "a message to \(who) within \(within)", seen: "none came")
        default: throw CheckFailure(expected: "a message to \(who)", seen: Self.words(error))
        }
      }
      if hasMore { continue }
      context.wire(who, received: message)
      return message
    }
  }

  /// Receives one message that must come.
  func receive(within: Duration = .seconds(5)) throws -> [UInt8] {
    if let message = try next(within: within) { return message }
    throw CheckFailure(expected: "a message to \(who)", seen: "the pipe was closed")
  }

  /// Receives one message that must be this text.
  func expect(_ text: String, cause: String? = nil) throws {
    try context.expectEqual(try receive(), Array(text.utf8), "the message to \(who)", cause: cause)
  }

  /// Waits for the other end to close.
  func expectEnd(cause: String? = nil) throws {
    if let message = try next() {
      try context.fail(
        expected: "the end of the conversation with \(who)",
        seen: "the message \(Escaped.text(message))", cause: cause)
    }
  }

  /// Waits until the program has read everything, or closes its end.
  func flush(within: Duration = .seconds(5)) throws {
    do throws(TransportError) {
      try end.flush(deadline: context.limit(within))
    } catch  where error.code == .brokenPipe {
      // The program has closed its end: what comes of that is for the next step to see.
    } catch {
      throw CheckFailure(
        error.code == .timedOut ? .timeout : .expectation,
        expected: "what \(who) has sent is read", seen: Self.words(error))
    }
  }

  /// Closes this end.
  func close() {
    context.did("closed \(who)")
    end.close()
  }

  static func words(_ error: TransportError) -> String {
    ([error.code.rawValue] + (error.remedy.map { [$0] } ?? [])).joined(separator: ": ")
  }
}

extension CheckContext {
  /// The whole name of a local pipe.
  func pipe(_ base: String) -> String { PipeName.prefix + base }

  /// Connects to the pipe that a program serves, as soon as it does.
  ///
  /// - Parameters:
  ///   - name: The pipe's whole name.
  ///   - program: Who serves it.
  ///   - who: Whom this end plays.
  ///   - access: What it is opened for.
  /// - Throws: ``CheckFailure`` when the program has no instance for it in time or ends before.
  func connect(
    _ name: String, of program: Program, as who: String,
    access: PipeAccess = [.read, .readAttributes, .writeAttributes],
    within: Duration = .seconds(5)
  ) throws -> PipePeer {
    let pipe = try PipeName(name)
    let client = try persist("\(program.name) serves the pipe \(name)", program, within) {
      () -> NamedPipeClient? in
      do throws(TransportError) {
        return try NamedPipeClient(pipe, access: access, in: runtime, deadline: .immediate)
      } catch {
        switch error.code {
        case .notFound, .computerNotFound, .instancesBusy, .disconnected, .endOfFile, .brokenPipe:
          return nil
        default:
          throw CheckFailure(
            expected: "\(who) can open the pipe \(name)", seen: PipePeer.words(error))
        }
      }
    }
    did("connected \(who) to \(name)")
    do throws(TransportError) { try client.setMode(read: .message, wait: nil) } catch {
      throw CheckFailure(
        expected: "\(name) is a pipe of messages", seen: PipePeer.words(error),
        cause: "CreateNamedPipe was told PIPE_TYPE_BYTE, which is what 0 means.")
    }
    return PipePeer(end: client, who: who, context: self)
  }

  /// Creates an instance of a pipe, for a program to connect to.
  ///
  /// - Parameter computer: The name of the computer that has it; `nil` for the machine itself.
  func listen(
    _ name: String, as who: String, direction: NamedPipes.Direction = .outbound,
    quota: Int = 1 << 20, maxInstances: Int? = nil, computer: String? = nil
  ) throws -> PipePeer {
    var options = NamedPipes.Options(kind: .message, quota: quota)
    options.direction = direction
    options.maxInstances = maxInstances
    options.computer = try computer.map { try VirtualComputer(name: $0) }
    let instance = try NamedPipeInstance(try PipeName(name), in: runtime, options: options)
    did("made the pipe \(name)" + (computer.map { " on the computer \($0)" } ?? ""))
    return PipePeer(end: instance, who: who, context: self)
  }

  /// Waits until a program has connected to an instance of ``listen(_:as:direction:quota:maxInstances:)``.
  func waitForClient(
    _ peer: PipePeer, from program: Program, within: Duration = .seconds(5)
  ) throws {
    guard let instance = peer.end as? NamedPipeInstance else { return }
    try waitForClient(of: instance, from: program, within: within)
    did("\(program.name) connected to \(instance.name)")
  }

  /// Waits until a program has connected to an instance.
  func waitForClient(
    of instance: NamedPipeInstance, from program: Program, within: Duration
  ) throws {
    try persist("\(program.name) opens the pipe \(instance.name)", program, within) { () -> Bool? in
      do throws(TransportError) {
        try instance.waitForClient(deadline: .after(.milliseconds(20)))
        return true
      } catch {
        switch error.code {
        case .alreadyConnected: return true
        case .timedOut: return nil
        default:
          throw CheckFailure(
            expected: "\(program.name) stays connected to \(instance.name)",
            seen: PipePeer.words(error))
        }
      }
    }
  }

  /// Repeats an attempt until it gives something. A program that has ended will not let it happen any
  /// more.
  @discardableResult
  func persist<R>(
    _ what: String, _ program: Program, _ within: Duration, _ attempt: () throws -> R?
  ) throws -> R {
    var result: R?
    try until(what, within: within) {
      let hasEnded = !program.isRunning
      result = try attempt()
      if result == nil && hasEnded {
        throw CheckFailure(expected: what, seen: program.ending ?? "\(program.name) has ended")
      }
      return result != nil
    }
    guard let result else { throw CheckFailure(.grader, expected: what, seen: "nothing") }
    return result
  }

  /// Expects that a program returns this exit status.
  ///
  /// - Parameter saying: Something that its standard error must contain.
  func expectExit(
    _ program: Program, _ code: Int32, saying: String? = nil, within: Duration = .seconds(5),
    cause: String? = nil
  ) throws {
    let status = try program.waitForExit(within: within)
    let ended = Ended(
      status: status, output: program.output, errorOutput: program.errorOutput)
    try expectExit(ended, of: program.name, code, saying: saying, cause: cause)
  }

  /// Expects that a program has returned this exit status.
  func expectExit(
    _ ended: Ended, of name: String, _ code: Int32, saying: String? = nil, cause: String? = nil
  ) throws {
    let said = Escaped.plain(ended.errorOutput.suffix(300))
    try expect(
      ended.status == .exited(code), expected: "\(name) ends with exit status \(code)",
      seen: "\(name) ended: \(ended.status)" + (said.isEmpty ? "" : ", having said: \(said)"),
      cause: cause)
    guard let saying else { return }
    try expect(
      String(decoding: ended.errorOutput, as: UTF8.self).lowercased()
        .contains(saying.lowercased()),
      expected: "a message on standard error that names \(saying)",
      seen: said.isEmpty ? "no message" : said, cause: cause)
  }

  /// Whether a program goes on running for a moment: long enough for one that gives up at once.
  func expectPatience(_ program: Program, until what: String, cause: String) throws {
    let end = Deadline.after(.milliseconds(400))
    while !end.hasPassed {
      if !program.isRunning {
        try fail(
          expected: "\(program.name) waits until \(what)",
          seen: program.ending ?? "\(program.name) has ended", cause: cause)
      }
      usleep(5000)
    }
  }
}
