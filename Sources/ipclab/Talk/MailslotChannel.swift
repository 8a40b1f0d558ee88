internal import IPCSystem
internal import IPCTransport
internal import Mailslots

/// The reader of a mailslot.
final class MailslotReaderChannel: Channel {
  let traits = ChannelTraits(sends: false)
  private let server: MailslotServer
  private let capacity = Locked(1 << 16)

  init(_ server: MailslotServer) { self.server = server }

  func send(_ bytes: [UInt8]) throws(TransportError) {
    throw TransportError(.notSupported, "send to writers of \(server.name)")
  }

  func receive() throws(TransportError) -> [UInt8] {
    while true {
      let room = capacity.withLock { $0 }
      do throws(TransportError) {
        return try [UInt8](capacity: room) { (buffer) throws(TransportError) in
          try server.read(into: &buffer, deadline: .never)
        }
      } catch {
        guard error.code == .moreData, let limit = error.limit else { throw error }
        capacity.withLock { $0 = limit }
      }
    }
  }

  func close() { server.close() }
}

/// A writer of one mailslot, or of all with a name.
final class MailslotWriterChannel: Channel {
  let traits: ChannelTraits
  private let target: Mailslots.Target

  init(_ target: Mailslots.Target) {
    self.target = target
    let longest =
      switch target {
      case .one(let writer): writer.maximumMessage
      case .many: MailslotBroadcaster.maximumMessage
      }
    traits = ChannelTraits(receives: false, longestMessage: longest)
  }

  func send(_ bytes: [UInt8]) throws(TransportError) {
    switch target {
    case .one(let writer): try writer.write(bytes.span, deadline: .never)
    case .many(let broadcaster):
      let delivery = try broadcaster.write(bytes)
      if let refusal = delivery.refusals.first { throw refusal }
      if let failure = delivery.networkFailure { throw failure }
    }
  }

  func receive() throws(TransportError) -> [UInt8] {
    throw TransportError(.notSupported, "receive from a mailslot's reader")
  }

  func close() {
    switch target {
    case .one(let writer): writer.close()
    case .many(let broadcaster): broadcaster.close()
    }
  }
}
