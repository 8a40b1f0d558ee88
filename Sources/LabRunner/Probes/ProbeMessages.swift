internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// What the runner asks an agent to do. Times are in milliseconds; `nil` waits for ever.
enum ProbeRequest: Codable {
  /// Opens one end of the bare mechanism.
  case open(NativeRole, milliseconds: Int)
  /// Writes once.
  case write([UInt8], milliseconds: Int?)
  /// Writes these, one after the other.
  case writeEach([[UInt8]], milliseconds: Int)
  /// Writes `count` bytes of the ``Pattern``, again with the rest where a write took only a part.
  case writePattern(count: Int, milliseconds: Int)
  /// Writes chunks until one is not taken within `patience`, an error comes, or `cap` bytes are
  /// written.
  case writeUntilStopped(chunk: Int, cap: Int, patience: Int)
  /// Reads once.
  case read(limit: Int, milliseconds: Int?)
  /// Reads until `count` bytes have come.
  case readTotal(count: Int, limit: Int, milliseconds: Int)
  /// Reads until `count` bytes of the ``Pattern`` have come, or a message of one byte.
  case readPattern(count: Int, limit: Int, milliseconds: Int)
  /// Reads until nothing more comes within `patience`.
  case readUntilSilence(limit: Int, patience: Int)
  /// Asks who the peer is.
  case peer
  /// Closes the end.
  case close
  /// Gives up this user for another one.
  case become(UInt32)
  /// Leaves the network: from now on there is none, not even a loopback.
  case cutNetwork
  /// Tells whether an Internet socket is among the open descriptors.
  case usesInternet
  /// Serves through ``Transport``.
  case listen
  /// Accepts one client.
  case accept(milliseconds: Int)
  /// Connects as a client.
  case connect(milliseconds: Int)
  /// Sends a message over a connection of this agent.
  case send(connection: Int, [UInt8])
  /// Receives a message from a connection of this agent.
  case receive(connection: Int, milliseconds: Int)
}

/// A request, and whether the agent is to say that it begins.
struct ProbeOrder: Codable {
  var request: ProbeRequest
  var announce = false
}

/// What the agent answers.
struct ProbeReply: Codable {
  /// Only says that the request is being begun; the answer is still to come.
  var begins = false
  /// Why the request failed, or what ended it.
  var failure: Failure?
  /// Bytes that were read or written.
  var count = 0
  /// Reads or writes it took.
  var calls = 0
  /// The bytes read, the first ``ProbeReply/longestReturn`` of them.
  var bytes: [UInt8] = []
  /// Whether the mechanism said that the message was longer.
  var saidMore = false
  /// Whether the bytes of a pattern were the right ones.
  var intact = true
  /// Who the peer is.
  var peer: PeerIdentity?
  /// The answer to a question of yes or no.
  var yes = false
  /// Monotonic time before and after.
  var began: UInt64 = 0
  var ended: UInt64 = 0

  /// How many bytes are returned to the runner.
  static let longestReturn = 4096

  /// An error as it crosses the control channel.
  struct Failure: Codable {
    var code: String
    var text: String
    var limit: Int?

    init(_ error: TransportError) {
      code = error.code.rawValue
      text = error.description
      limit = error.limit
    }
    init(_ error: any Error) {
      code = "other"
      text = "\(error)"
    }
  }
}

/// Bytes whose value tells their place: what was lost, doubled or moved is seen.
enum Pattern {
  private static let period = 251

  /// The first `count` bytes.
  static func bytes(_ count: Int) -> [UInt8] {
    var bytes = (0..<min(count, period)).map { UInt8($0) }
    bytes.reserveCapacity(count)
    while bytes.count < count {
      // Whole periods only, until the last step.
      bytes.append(contentsOf: bytes[..<min(bytes.count, count - bytes.count)])
    }
    return bytes
  }

  /// Whether `part` is what stands in `whole` from `offset` on.
  static func agrees(_ part: [UInt8], _ whole: [UInt8], at offset: Int) -> Bool {
    guard part.count <= whole.count - offset else { return false }
    return unsafe part.withUnsafeBytes { part in
      unsafe whole.withUnsafeBytes { whole in
        guard let first = part.baseAddress, let second = whole.baseAddress else { return true }
        return unsafe memcmp(first, second + offset, part.count) == 0
      }
    }
  }
}

extension ProbeRequest {
  /// The request as evidence.
  var words: String {
    switch self {
    case .open(let role, _): "open as \(role.rawValue)"
    case .write(let bytes, _): "write \(bytes.count) bytes"
    case .writeEach(let messages, _): "write \(messages.count) messages"
    case .writePattern(let count, _): "write \(count) bytes"
    case .writeUntilStopped(let chunk, _, _): "write \(chunk) bytes again and again"
    case .read(let limit, _): "read up to \(limit) bytes"
    case .readTotal(let count, _, _): "read until \(count) bytes have come"
    case .readPattern(let count, _, _): "read until \(count) bytes have come"
    case .readUntilSilence: "read until nothing comes"
    case .peer: "ask who the peer is"
    case .close: "close"
    case .become(let user): "become user \(user)"
    case .cutNetwork: "move to an empty network namespace"
    case .usesInternet: "look for Internet sockets among the open descriptors"
    case .listen: "listen"
    case .accept: "accept"
    case .connect: "connect"
    case .send(let connection, let bytes):
      "send “\(String(decoding: bytes, as: UTF8.self))” over connection \(connection)"
    case .receive(let connection, _): "receive from connection \(connection)"
    }
  }

  /// The answer to this request as evidence.
  func words(for reply: ProbeReply) -> String {
    if let failure = reply.failure {
      let done = reply.count > 0 ? "\(reply.count) bytes in \(reply.calls) calls, then " : ""
      return done + "\(failure.code) (\(failure.text))"
    }
    switch self {
    case .write, .writeEach, .writePattern, .writeUntilStopped:
      return "took \(reply.count) bytes in \(reply.calls) calls"
    case .read, .receive:
      let more = reply.saidMore ? ", and says there is more" : ""
      return "\(reply.count) bytes\(quoted(reply.bytes))\(more)"
    case .readTotal, .readPattern, .readUntilSilence:
      return "\(reply.count) bytes in \(reply.calls) reads\(reply.intact ? "" : ", damaged")"
    case .peer:
      return reply.peer.map { "process \($0.pid), user \($0.uid)" } ?? "unknown"
    case .usesInternet:
      return reply.yes ? "yes" : "none"
    default:
      return "done"
    }
  }

  private func quoted(_ bytes: [UInt8]) -> String {
    guard !bytes.isEmpty, bytes.count <= 32, bytes.allSatisfy({ 0x20..<0x7f ~= $0 }) else {
      return ""
    }
    return " “\(String(decoding: bytes, as: UTF8.self))”"
  }
}
