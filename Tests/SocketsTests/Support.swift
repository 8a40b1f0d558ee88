import Glibc
import IPCSystem
import IPCTransport
import Sockets
import Synchronization
import Testing

/// The transports under test.
enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case unixStream = "unix-stream"
  case unixSeqpacket = "unix-seqpacket"
  case unixDatagram = "unix-datagram"
  case tcp, udp

  var testDescription: String { rawValue }

  var transport: any Transport {
    switch self {
    case .unixStream: UnixStream()
    case .unixSeqpacket: UnixSeqpacket()
    case .unixDatagram: UnixDatagram()
    case .tcp: TCP()
    case .udp: UDP()
    }
  }

  var isLocal: Bool { self != .tcp && self != .udp }
  static let local = allCases.filter(\.isLocal)
  static let reliable = allCases.filter { $0 != .udp }
  static let packets: [Kind] = [.unixSeqpacket, .unixDatagram, .udp]
  static let streams: [Kind] = [.unixStream, .tcp]
}

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

  /// An address nobody uses.
  func address(_ kind: Kind) -> Endpoint {
    Endpoint(
      address: kind.isLocal ? scratch.path + "/t-\(UInt32.random(in: 0 ... .max))" : "127.0.0.1:0")
  }

  /// A listener, and where clients reach it.
  func listen(_ kind: Kind) throws -> (listener: any Listener, endpoint: Endpoint) {
    let listener = try kind.transport.listen(at: address(kind))
    let addressed = listener as! any AddressedListener
    return (listener, addressed.endpoint)
  }

  /// A conversation of a server and a client.
  func meet(_ kind: Kind) throws -> Conversation {
    let (listener, endpoint) = try listen(kind)
    let client = try Background { try kind.transport.connect(to: endpoint, deadline: .patient) }
    let server = try listener.accept(deadline: .patient)
    return Conversation(
      place: self, listener: listener, server: server, client: try client.value())
  }
}

struct Conversation: Sendable {
  let place: Place
  let listener: any Listener
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
