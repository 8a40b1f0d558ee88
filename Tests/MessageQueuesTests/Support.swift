import Glibc
import IPCSystem
import IPCTransport
import MessageQueues
import Synchronization
import Testing

/// A directory of the test's own, removed with it.
final class Place: Sendable {
  private let path: String
  let scratch: ScratchDirectory

  init() throws {
    var template = Array("/tmp/ipclab-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(code: errno, call: "mkdtemp") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    scratch = try ScratchDirectory(in: try RuntimeDirectory(verifying: path))
  }

  deinit {
    scratch.remove()
    unlink(path + "/run/.lock")
    rmdir(path + "/run")
    rmdir(path)
  }

  /// A conversation of a server and a client.
  func meet() throws -> Conversation {
    // As if for many: the bytes that all queues may have must do for all tests that run now.
    let meeting = try MessageQueue().rendezvous(clients: 16, scratch: scratch)
    let listener = try MessageQueue().listen(at: meeting.server)
    let client = try MessageQueue().connect(to: meeting.clients[0], deadline: .patient)
    let server = try listener.accept(deadline: .patient)
    return Conversation(
      place: self, listener: listener, address: meeting.server, server: server, client: client)
  }
}

struct Conversation: Sendable {
  let place: Place
  let listener: any Listener
  let address: Endpoint
  let server: any Connection
  let client: any Connection
}

extension Deadline {
  /// Ends a test that would hang; no test waits for it to pass.
  static var patient: Deadline { .after(.seconds(30)) }
}

/// Work on a thread of its own, because it blocks. It runs from the start: a test that waits for
/// something in the meantime does not keep it from running.
final class Background<R: Sendable>: Sendable {
  private let outcome = Mutex<Result<R, any Error>?>(nil)
  private let done: DescriptorIO

  init(_ body: @escaping @Sendable () throws -> R) throws {
    let pipe = try Pipes.make(capacity: nil)
    done = DescriptorIO(adopting: pipe.readEnd)
    let signal = pipe.writeEnd.release()
    try SystemThread.start { [self] in
      let result = Result { try body() }
      outcome.withLock { $0 = result }
      OwnedDescriptor(adopting: signal).close()
    }
  }

  /// Waits for the work and gives what it returned.
  func value() throws -> R {
    _ = try done.perform("read", .read, deadline: .patient) {
      var byte: UInt8 = 0
      return read($0, &byte, 1)
    }
    return try #require(outcome.withLock { $0 }).get()
  }
}

extension Connection {
  func send(_ bytes: [UInt8], deadline: Deadline = .patient) throws(TransportError) {
    try send(bytes.span, deadline: deadline)
  }

  func receive(upTo limit: Int = 4096, deadline: Deadline = .patient) throws(TransportError)
    -> [UInt8]
  {
    var failure: TransportError?
    let bytes = [UInt8](capacity: limit) { buffer in
      do throws(TransportError) {
        try receive(into: &buffer, deadline: deadline)
      } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }
}

/// The code of the transport error that `body` throws.
func code(_ body: () throws -> Void) -> TransportError.Code? {
  do { try body() } catch { return (error as? TransportError)?.code }
  return nil
}

/// A message that differs with its length and seed.
func message(_ count: Int, seed: Int = 0) -> [UInt8] {
  // The pattern is slow to make in a debug build, so large messages have one only at their start.
  (0..<min(count, 4096)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed &+ count) }
    + [UInt8](repeating: UInt8(truncatingIfNeeded: seed), count: max(0, count - 4096))
}
