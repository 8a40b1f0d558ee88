internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import Synchronization

/// The bare local datagram sockets. The writer's has a name too, or it could not be answered.
final class NativeDatagram: NativeEnd {
  private let socket: DescriptorIO
  private let ownPath: String?
  private let role: NativeRole
  // The name of whoever sent the last message that was read.
  private let correspondent = Locked<String?>(nil)
  private let sender = Locked<PeerIdentity?>(nil)

  private static let next = Atomic<Int>(0)

  private init(_ role: NativeRole, adopting socket: consuming OwnedDescriptor, ownPath: String?) {
    self.role = role
    self.socket = DescriptorIO(adopting: socket)
    self.ownPath = ownPath
  }

  deinit { close() }

  static func open(
    _ role: NativeRole, at endpoint: Endpoint
  ) throws(TransportError) -> any NativeEnd {
    do throws(SystemError) {
      let socket = try LocalSocket.make(.datagram)
      try SocketCalls.passCredentials(socket.raw)
      switch role {
      case .reader:
        try LocalSocket.claim(
          socket.raw, path: endpoint.address, backlog: nil, stale: .refuse)
        return NativeDatagram(role, adopting: socket, ownPath: nil)
      case .writer:
        let number = next.add(1, ordering: .relaxed).oldValue
        let path =
          endpoint.address + "." + String(getpid(), radix: 36) + "." + String(number, radix: 36)
        try LocalSocket.claim(socket.raw, path: path, backlog: nil, stale: .replace)
        do { try LocalSocket.connect(socket.raw, to: endpoint.address) } catch {
          LocalSocket.removeName(path)
          throw error
        }
        return NativeDatagram(role, adopting: socket, ownPath: path)
      }
    } catch { throw addressError(error, "open \(endpoint.address)") }
  }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    do throws(SystemError) {
      if role == .writer {
        return try socket.perform("send", .write, deadline: deadline) {
          unsafe send($0, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }
      }
      guard let path = correspondent.withLock({ $0 }) else {
        throw SystemError(code: EDESTADDRREQ, call: "sendto")
      }
      return try LocalSocket.send(bytes, over: socket, to: path, deadline: deadline)
    } catch {
      let limit = try? SocketCalls.sendBuffer(of: socket.descriptor)
      throw transferError(error, "write", limit: limit.map { $0 - 32 })
    }
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    do throws(SystemError) {
      let datagram = try LocalSocket.receive(limit: limit, from: socket, deadline: deadline)
      if let path = datagram.source { correspondent.withLock { $0 = path } }
      sender.withLock { $0 = datagram.sender }
      return NativeRead(bytes: datagram.bytes, saidMore: datagram.wasCut)
    } catch { throw transferError(error, "read") }
  }

  /// Known from the first message on.
  var peer: PeerIdentity? { sender.withLock { $0 } }

  func close() {
    if !socket.isClosed, let ownPath { LocalSocket.removeName(ownPath) }
    socket.close()
  }
}

/// The bare UDP sockets.
final class NativeUDP: NativeEnd {
  private let socket: DescriptorIO
  private let role: NativeRole
  // Where the last datagram that was read came from.
  private let correspondent = Locked<InternetAddress?>(nil)

  private init(_ role: NativeRole, adopting socket: consuming OwnedDescriptor) {
    self.role = role
    self.socket = DescriptorIO(adopting: socket)
  }

  static func open(
    _ role: NativeRole, at endpoint: Endpoint
  ) throws(TransportError) -> any NativeEnd {
    do throws(SystemError) {
      let socket = try InternetSocket.make(.udp)
      let address = try InternetAddress.parse(endpoint.address)
      switch role {
      case .reader: try InternetSocket.bind(socket.raw, .udp, to: address)
      case .writer: try InternetSocket.connect(socket.raw, to: address)
      }
      return NativeUDP(role, adopting: socket)
    } catch { throw addressError(error, "open \(endpoint.address)") }
  }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    do throws(SystemError) {
      if role == .writer {
        return try socket.perform("send", .write, deadline: deadline) {
          unsafe send($0, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }
      }
      guard let address = correspondent.withLock({ $0 }) else {
        throw SystemError(code: EDESTADDRREQ, call: "sendto")
      }
      try InternetSocket.send(bytes, over: socket, to: address, deadline: deadline)
      return bytes.count
    } catch { throw transferError(error, "write", limit: UDP.maximumMessage) }
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    do throws(SystemError) {
      let datagram = try InternetSocket.receive(limit: limit, from: socket, deadline: deadline)
      correspondent.withLock { $0 = datagram.source }
      return NativeRead(bytes: datagram.bytes, saidMore: datagram.wasCut)
    } catch { throw transferError(error, "read") }
  }

  var peer: PeerIdentity? { nil }

  func close() { socket.close() }
}
