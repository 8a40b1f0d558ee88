import IPCSystem
import IPCTransport
import TestSupport
import Testing
import TransportCatalog

/// A transport as an argument of a parameterised test: shown by its id.
struct Subject: Sendable, CustomTestStringConvertible, CustomTestArgumentEncodable {
  let transport: any Transport
  var testDescription: String { transport.mechanism.id }
  func encodeTestArgument(to encoder: some Encoder) throws {
    try transport.mechanism.id.encode(to: encoder)
  }

  static let all = TransportCatalog.all.map { Subject(transport: $0) }
  static func having(_ condition: (Capabilities) -> Bool) -> [Subject] {
    all.filter { condition($0.transport.capabilities) }
  }
}

/// A server and its clients, connected, in one process.
struct Meeting {
  let server: [any Connection]
  let clients: [any Connection]
  let listener: any Listener
  private let rendezvous: Rendezvous

  init(_ transport: any Transport, clients count: Int = 1, in place: Place) throws {
    let rendezvous = try transport.rendezvous(clients: count, scratch: place.scratch)
    // In one process every user of an endpoint needs descriptors of its own, as a child would get.
    let listener = try transport.listen(at: try inherited(rendezvous.server))
    let endpoints = try rendezvous.clients.map(inherited)
    rendezvous.closeDescriptors()
    let connecting = try Background { () throws -> [any Connection] in
      try endpoints.map { try transport.connect(to: $0, deadline: .after(.seconds(20))) }
    }
    var accepted: [any Connection] = []
    for _ in 0..<count { accepted.append(try listener.accept(deadline: .after(.seconds(20)))) }
    server = accepted
    clients = try connecting.value()
    self.listener = listener
    self.rendezvous = rendezvous
  }

  func close() {
    for connection in server + clients { connection.close() }
    listener.close()
  }
}
