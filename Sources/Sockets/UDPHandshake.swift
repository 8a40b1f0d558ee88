internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// How a UDP client and its server find a pair of sockets for themselves.
enum UDPHandshake {
  private static let helloMark = Array("ipclab-h".utf8)
  private static let welcomeMark = Array("ipclab-w".utf8)
  private static let nonceSize = 8
  /// Bytes of a hello and of a welcome.
  static let size = helloMark.count + nonceSize
  // The first wait for an answer; each further one is twice as long, up to the second.
  private static let firstWait = 50
  private static let longestWait = 1000

  /// The number in a hello; `nil` when it is none.
  static func nonce(inHello bytes: [UInt8]) -> [UInt8]? {
    bytes.count == size && bytes.starts(with: helloMark) ? Array(bytes.suffix(nonceSize)) : nil
  }

  static func welcome(_ nonce: [UInt8]) -> [UInt8] { welcomeMark + nonce }

  /// A socket that is connected to the server's socket for this client.
  static func greet(
    _ server: InternetAddress, _ deadline: Deadline
  ) throws(SystemError) -> OwnedDescriptor {
    let socket = try InternetSocket.make(.udp)
    try LocalSocket.setBuffers(socket.raw, bytes: UDPConnection.bufferSize)
    // Unconnected, because the answer comes from another port; so ask to hear of a refusal.
    try InternetSocket.reportUnreachable(socket.raw, true)
    let nonce = (0..<nonceSize).map { _ in UInt8.random(in: .min ... .max) }
    // The waits below need a non-blocking descriptor, the conversation a blocking one.
    let io = DescriptorIO(adopting: try socket.duplicate())
    let source = try exchange(helloMark + nonce, welcome(nonce), io, server, deadline)
    io.close()
    try InternetSocket.connect(socket.raw, to: source)
    try InternetSocket.reportUnreachable(socket.raw, false)
    try Descriptors.setNonblocking(socket.raw, false)
    return socket
  }

  private static func exchange(
    _ hello: [UInt8], _ welcome: [UInt8], _ io: DescriptorIO, _ server: InternetAddress,
    _ deadline: Deadline
  ) throws(SystemError) -> InternetAddress {
    var wait = firstWait
    while true {
      try InternetSocket.send(hello, over: io, to: server, deadline: deadline)
      let patience = min(deadline, .after(.milliseconds(wait)))
      do {
        while true {
          let answer = try InternetSocket.receive(limit: size + 1, from: io, deadline: patience)
          // Strangers may send anything here; only the echo of our number is the server.
          if answer.bytes == welcome { return answer.source }
        }
      } catch  where error.code == ETIMEDOUT {
        if deadline.hasPassed { throw error }
      }
      wait = min(2 * wait, longestWait)
    }
  }
}

/// Answers hellos at a UDP port.
final class UDPListener: AddressedListener {
  let endpoint: Endpoint
  private let address: InternetAddress
  private let socket: DescriptorIO
  // Hellos are repeated, so one that was answered may come again.
  private let answered = Locked<[Hello]>([])
  private static let memory = 256

  private struct Hello: Equatable {
    let nonce: [UInt8]
    let source: InternetAddress
  }

  init(adopting socket: consuming OwnedDescriptor, address: InternetAddress) {
    self.socket = DescriptorIO(adopting: socket)
    self.address = address
    endpoint = Endpoint(address: "\(address)")
  }

  func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    do throws(SystemError) {
      while true {
        let datagram = try InternetSocket.receive(
          limit: UDPHandshake.size + 1, from: socket, deadline: deadline)
        guard let nonce = UDPHandshake.nonce(inHello: datagram.bytes),
          isNew(Hello(nonce: nonce, source: datagram.source)),
          let connected = try answer(datagram.source, nonce)
        else { continue }
        return connected
      }
    } catch { throw TransportError(error, "accept at \(endpoint.address)") }
  }

  private func isNew(_ hello: Hello) -> Bool {
    answered.withLock { known in
      if known.contains(hello) { return false }
      if known.count == Self.memory { known.removeFirst() }
      known.append(hello)
      return true
    }
  }

  /// A socket for the client, which has been told of it; `nil` when the client has given up.
  private func answer(
    _ client: InternetAddress, _ nonce: [UInt8]
  ) throws(SystemError) -> UDPConnection? {
    let socket = try InternetSocket.make(.udp)
    try LocalSocket.setBuffers(socket.raw, bytes: UDPConnection.bufferSize)
    try InternetSocket.bindBeside(socket.raw, address)
    let welcome = UDPHandshake.welcome(nonce)
    do {
      try InternetSocket.connect(socket.raw, to: client)
      try LocalSocket.send(welcome, descriptors: [], over: socket.raw)
    } catch { return nil }
    // On this host a refusal is here before `send` returns.
    if try SocketCalls.pendingError(of: socket.raw) != 0 { return nil }
    return try UDPConnection(adopting: socket)
  }

  func close() { socket.close() }
}
