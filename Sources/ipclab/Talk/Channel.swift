internal import IPCSystem
internal import IPCTransport

/// What a talk goes over: one peer, messages or pieces of a byte stream.
///
/// One thread may send while another receives.
protocol Channel: AnyObject, Sendable {
  /// What it can do.
  var traits: ChannelTraits { get }
  /// Sends one message, or all of a piece of a stream.
  func send(_ bytes: [UInt8]) throws(TransportError)
  /// Receives the next message, or what there is of a stream.
  ///
  /// - Throws: `.endOfFile` when the other side has closed.
  func receive() throws(TransportError) -> [UInt8]
  /// Says that nothing more will be sent. Returns whether that is possible; if not, nothing happened.
  func finishSending() -> Bool
  /// Ends the talk. Threads inside a call leave it with `.closed`.
  func close()
}

/// What a channel can do.
struct ChannelTraits: Sendable {
  /// Whether this side can send.
  var sends = true
  /// Whether this side can receive.
  var receives = true
  /// Whether this side does not know where to send to before it has received something.
  var isSpokenTo = false
  /// The longest message in bytes; `nil` when only memory limits it.
  var longestMessage: Int?
  /// Who is at the other end, in words.
  var peer: String?
}

extension Channel {
  func finishSending() -> Bool { false }
}

/// A conversation of a transport: framed where the mechanism keeps no boundaries.
final class ConnectionChannel: Channel {
  let traits: ChannelTraits
  private let connection: any Connection
  private let capacity: Locked<Int>

  private static let largestRoom = 4 << 20

  init(_ connection: any Connection, _ capabilities: Capabilities) {
    self.connection = connection
    traits = ChannelTraits(
      longestMessage: capabilities.maximumMessage,
      peer: connection.peer.map { "process \($0.pid)" })
    // Some lose what does not fit; those have a maximum that is no trouble to have room for.
    let most = capabilities.maximumMessage ?? .max
    capacity = Locked(most <= Self.largestRoom ? most : RawPiece.size)
  }

  func send(_ bytes: [UInt8]) throws(TransportError) {
    try connection.send(bytes.span, deadline: .never)
  }

  func receive() throws(TransportError) -> [UInt8] {
    while true {
      let room = capacity.withLock { $0 }
      do throws(TransportError) {
        return try [UInt8](capacity: room) { (buffer) throws(TransportError) in
          try connection.receive(into: &buffer, deadline: .never)
        }
      } catch {
        // It was kept.
        guard error.code == .moreData else { throw error }
        capacity.withLock { $0 = max(error.limit ?? 0, 2 * room) }
      }
    }
  }

  func finishSending() -> Bool { (connection as? any HalfClosable)?.finishSending() ?? false }

  func close() { connection.close() }
}

/// Bytes as they are, over one descriptor or two.
final class StreamChannel: Channel {
  let traits: ChannelTraits
  private let input: DescriptorIO?
  private let output: DescriptorIO?
  private let isSocket: Bool

  /// - Parameter isSocket: Whether both are one stream socket.
  init(input: DescriptorIO?, output: DescriptorIO?, isSocket: Bool = false, peer: String? = nil) {
    self.input = input
    self.output = output
    self.isSocket = isSocket
    traits = ChannelTraits(sends: output != nil, receives: input != nil, peer: peer)
  }

  func send(_ bytes: [UInt8]) throws(TransportError) {
    guard let output else { throw TransportError(.notSupported, "send") }
    let failure = unsafe bytes.withUnsafeBytes { source -> SystemError? in
      var sent = 0
      do throws(SystemError) {
        while sent < source.count {
          sent += unsafe try output.write(
            UnsafeRawBufferPointer(rebasing: source[sent...]), deadline: .never)
        }
        return nil
      } catch { return error }
    }
    if let failure { throw TransportError(failure, "send") }
  }

  func receive() throws(TransportError) -> [UInt8] {
    guard let input else { throw TransportError(.notSupported, "receive") }
    var bytes = [UInt8](repeating: 0, count: RawPiece.size)
    let result = unsafe bytes.withUnsafeMutableBytes { target -> Result<Int, SystemError> in
      do throws(SystemError) {
        return .success(unsafe try input.read(into: target, deadline: .never))
      } catch { return .failure(error) }
    }
    let count: Int
    do throws(SystemError) { count = try result.get() } catch {
      throw TransportError(error, "receive")
    }
    if count == 0 { throw TransportError(.endOfFile, "receive") }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  func finishSending() -> Bool {
    if isSocket, let output {
      SocketCalls.shutdownOutput(output.descriptor)
    } else {
      output?.close()
    }
    return true
  }

  func close() {
    output?.close()
    input?.close()
  }
}

/// How much is read at once where nothing says where a message ends.
enum RawPiece {
  static let size = 1 << 16
}

/// A bare end of a mechanism: messages as they are, no framing and no handshake.
final class NativeChannel: Channel {
  let traits: ChannelTraits
  private let end: any NativeEnd
  private let name: String?

  /// - Parameter name: A socket's path, which goes with the channel.
  init(_ end: any NativeEnd, _ traits: ChannelTraits, removing name: String? = nil) {
    self.end = end
    self.traits = traits
    self.name = name
  }

  func send(_ bytes: [UInt8]) throws(TransportError) {
    _ = try end.write(bytes, deadline: .never)
  }

  func receive() throws(TransportError) -> [UInt8] {
    try end.read(upTo: RawPiece.size, deadline: .never).bytes
  }

  func close() {
    end.close()
    if let name { LocalSocket.removeName(name) }
  }
}
