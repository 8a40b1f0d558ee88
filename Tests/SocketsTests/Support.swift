import IPCSystem
import IPCTransport
import Sockets
import TestSupport
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

extension Place {
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
    let (server, client) = try kind.transport.meet(listener, at: endpoint)
    return Conversation(place: self, listener: listener, server: server, client: client)
  }
}

struct Conversation: Sendable {
  let place: Place
  let listener: any Listener
  let server: any Connection
  let client: any Connection
}
