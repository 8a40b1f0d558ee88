internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// The bare connected sockets: stream, seqpacket, TCP.
enum NativeSocket: Sendable {
  case local(LocalSocket.Kind)
  case tcp

  /// Whether messages stay apart.
  var keepsMessages: Bool {
    if case .local(.seqpacket) = self { true } else { false }
  }

  var isLocal: Bool {
    if case .local = self { true } else { false }
  }

  static func open(
    _ kind: NativeSocket, _ role: NativeRole, at endpoint: Endpoint, _ deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    do throws(SystemError) {
      switch role {
      case .reader: return try NativeAcceptor(kind, adopting: try kind.listen(at: endpoint.address))
      case .writer:
        return NativeStream(
          kind, DescriptorIO(adopting: try kind.connect(to: endpoint.address, deadline)))
      }
    } catch { throw addressError(error, "open \(endpoint.address)") }
  }

  private func listen(at address: String) throws(SystemError) -> OwnedDescriptor {
    switch self {
    case .local(let kind):
      let socket = try LocalSocket.make(kind)
      try LocalSocket.claim(
        socket.raw, path: address, backlog: SocketListener.backlog, stale: .refuse)
      return socket
    case .tcp:
      let socket = try InternetSocket.make(.tcp)
      try InternetSocket.bind(socket.raw, .tcp, to: try .parse(address))
      try LocalSocket.listen(socket.raw, backlog: SocketListener.backlog)
      return socket
    }
  }

  private func connect(
    to address: String, _ deadline: Deadline
  ) throws(SystemError) -> OwnedDescriptor {
    switch self {
    case .local(let kind):
      let socket = try LocalSocket.make(kind)
      if keepsMessages { try SocketCalls.passCredentials(socket.raw) }
      try LocalSocket.connect(socket.raw, to: address, deadline: deadline)
      return socket
    case .tcp:
      let socket = try InternetSocket.make(.tcp)
      try InternetSocket.connect(socket.raw, to: try .parse(address), deadline: deadline)
      return socket
    }
  }
}

/// One connected socket with nothing on top.
final class NativeStream: NativeEnd {
  private let kind: NativeSocket
  private let socket: DescriptorIO

  init(_ kind: NativeSocket, _ socket: DescriptorIO) {
    self.kind = kind
    self.socket = socket
  }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    do throws(SystemError) {
      return try socket.perform("send", .write, deadline: deadline) {
        unsafe send($0, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      }
    } catch {
      let limit = try? SocketCalls.sendBuffer(of: socket.descriptor)
      throw transferError(error, "write", limit: limit.map { $0 - 32 })
    }
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    var bytes = [UInt8](repeating: 0, count: limit)
    do throws(SystemError) {
      if kind.keepsMessages {
        var span = bytes.mutableSpan
        let arrival = try unsafe span.withUnsafeMutableBytes { buffer throws(SystemError) in
          try unsafe SocketCalls.receive(into: buffer, from: socket, deadline: deadline)
        }
        if arrival.length == 0 && !arrival.isMessage { throw endOfInput }
        bytes.removeLast(limit - min(limit, arrival.length))
        return NativeRead(bytes: bytes, saidMore: arrival.length > limit)
      }
      let length = try socket.perform("recv", .read, deadline: deadline) {
        unsafe recv($0, &bytes, limit, 0)
      }
      if length == 0 && limit > 0 { throw endOfInput }
      bytes.removeLast(limit - length)
      return NativeRead(bytes: bytes)
    } catch {
      if error.code == endOfInput.code { throw TransportError(.endOfFile, "read") }
      throw transferError(error, "read")
    }
  }

  // Not an error of the system: no call returns this code.
  private var endOfInput: SystemError { SystemError(code: 0, call: "read") }

  var peer: PeerIdentity? {
    kind.isLocal && !socket.isClosed ? try? LocalSocket.peer(of: socket.descriptor) : nil
  }

  var descriptor: Int32 { socket.descriptor }

  func close() { socket.close() }
}

/// A listening socket that reads from whichever client has sent something.
final class NativeAcceptor: NativeEnd {
  private let kind: NativeSocket
  private let listener: DescriptorIO
  private let ready: ReadinessSet
  private let state = Locked(State())

  private struct State {
    var clients: [NativeStream] = []
    // The client that was read from last; what is written goes to it.
    var current: NativeStream?
    var hadClient = false
    var closed = false
  }

  init(_ kind: NativeSocket, adopting socket: consuming OwnedDescriptor) throws(SystemError) {
    self.kind = kind
    listener = DescriptorIO(adopting: socket)
    ready = try ReadinessSet()
    try ready.add(listener.descriptor)
  }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    let client = try translating("write") { () throws(SystemError) in
      while true {
        if let current = state.withLock({ $0.current }) { return current }
        _ = try nextReady(deadline)
      }
    }
    return try client.write(bytes, deadline: deadline)
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    while true {
      // When all clients have left, only one that waits already is better than end of file.
      let left = state.withLock { $0.hadClient && $0.clients.isEmpty }
      let client: NativeStream?
      do throws(SystemError) {
        client = try nextReady(left ? .immediate : deadline)
      } catch {
        if left && error.code == ETIMEDOUT { throw TransportError(.endOfFile, "read") }
        throw TransportError(error, "read")
      }
      guard let client else { continue }
      do {
        let result = try client.read(upTo: limit, deadline: deadline)
        state.withLock { $0.current = client }
        return result
      } catch  where error.code == .endOfFile {
        forget(client)
      } catch {
        if error.code == .brokenPipe { forget(client) }
        throw error
      }
    }
  }

  /// Waits for a client that has something to read. `nil`: a client came.
  private func nextReady(_ deadline: Deadline) throws(SystemError) -> NativeStream? {
    let number = Int32(truncatingIfNeeded: try ready.wait(deadline: deadline))
    if number != listener.descriptor {
      return state.withLock { $0.clients.first { $0.descriptor == number } }
    }
    let socket = try LocalSocket.accept(from: listener, deadline: .immediate)
    if kind.keepsMessages { try SocketCalls.passCredentials(socket.raw) }
    try ready.add(socket.raw)
    let client = NativeStream(kind, DescriptorIO(adopting: socket))
    let closed = state.withLock { state in
      state.clients.append(client)
      state.current = state.current ?? client
      state.hadClient = true
      return state.closed
    }
    if closed {
      client.close()
      throw SystemError(code: EBADF, call: "accept")
    }
    return nil
  }

  private func forget(_ client: NativeStream) {
    state.withLock { state in
      state.clients.removeAll { $0 === client }
      if state.current === client { state.current = state.clients.last }
    }
    ready.remove(client.descriptor)
    client.close()
  }

  var peer: PeerIdentity? {
    if state.withLock({ $0.current == nil }) { _ = try? nextReady(.immediate) }
    return state.withLock { $0.current }?.peer
  }

  func close() {
    let clients = state.withLock { state in
      state.closed = true
      return state.clients
    }
    ready.close()
    listener.close()
    for client in clients { client.close() }
  }
}
