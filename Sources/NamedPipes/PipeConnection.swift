internal import IPCSystem
internal import IPCTransport

/// A conversation over a pipe in message mode: a message is a message.
final class MessagePipeConnection: Connection {
  private let channel: PipeChannel
  private let keeper: any PipeKeeper

  init(_ channel: PipeChannel, keeping keeper: any PipeKeeper) {
    self.channel = channel
    self.keeper = keeper
  }

  func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    let failure = unsafe message.withUnsafeBytes { bytes -> TransportError? in
      do throws(TransportError) {
        try unsafe channel.write(bytes, deadline: deadline)
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
  }

  func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    unsafe try channel.append(to: &buffer) { (target) throws(TransportError) in
      try unsafe channel.readMessage(into: target, whole: true, deadline: deadline).count
    }
  }

  func close() { keeper.close() }

  var peer: PeerIdentity? { channel.peer }
}

/// A conversation over a pipe in byte mode: each message goes with its length ahead of it, since the
/// pipe does not keep boundaries.
final class BytePipeConnection: Connection {
  private let channel: PipeChannel
  private let keeper: any PipeKeeper

  init(_ channel: PipeChannel, keeping keeper: any PipeKeeper) {
    self.channel = channel
    self.keeper = keeper
  }

  /// A deadline that passes in the middle of a message closes the connection: the bytes that were
  /// written cannot be taken back, and the rest of a stream makes no sense after half a message.
  func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    guard message.count <= PacketFrame.maximumMessage else {
      throw TransportError(
        .messageTooLarge, "send \(message.count) bytes", limit: PacketFrame.maximumMessage)
    }
    let before = channel.queuedBytes
    let failure = unsafe message.withUnsafeBytes { bytes -> TransportError? in
      do throws(TransportError) {
        try unsafe channel.write(bytes, prefixed: true, deadline: deadline)
        return nil
      } catch { return error }
    }
    if let failure {
      if channel.queuedBytes != before { close() }
      throw failure
    }
  }

  func receive(
    into buffer: inout OutputSpan<UInt8>, deadline: Deadline
  ) throws(TransportError) {
    unsafe try channel.append(to: &buffer) { (target) throws(TransportError) in
      try unsafe channel.readPrefixed(into: target, deadline: deadline)
    }
  }

  func close() { keeper.close() }

  var peer: PeerIdentity? { channel.peer }
}

/// What a conversation keeps alive, and closes with itself.
protocol PipeKeeper: AnyObject, Sendable {
  func close()
}

extension NamedPipeInstance: PipeKeeper {}
extension NamedPipeClient: PipeKeeper {}

extension NamedPipes.Kind {
  /// The conversation for this kind of pipe.
  func connection(_ channel: PipeChannel, keeping keeper: any PipeKeeper) -> any Connection {
    switch self {
    case .byte: BytePipeConnection(channel, keeping: keeper)
    case .message: MessagePipeConnection(channel, keeping: keeper)
    }
  }
}
