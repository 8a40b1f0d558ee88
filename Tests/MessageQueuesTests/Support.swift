import IPCSystem
import IPCTransport
import MessageQueues
import TestSupport

extension Place {
  /// A conversation of a server and a client.
  func meet() throws -> Conversation {
    // As if for many: the bytes that all queues may have must do for all tests that run now.
    let meeting = try MessageQueue().rendezvous(clients: 16, scratch: scratch)
    let listener = try MessageQueue().listen(at: meeting.server)
    let (server, client) = try MessageQueue().meet(listener, at: meeting.clients[0])
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
