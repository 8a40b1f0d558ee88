package import IPCSystem
package import IPCTransport

extension Deadline {
  /// Ends a test that would hang; no test waits for it to pass.
  package static var patient: Deadline { .after(.seconds(30)) }
}

/// What a message is sent from or received into.
package enum Form: CaseIterable, Sendable {
  /// Memory that knows nothing of mechanisms.
  case span
  /// A `MessageBuffer` of the connection.
  case buffer
  /// A `MessageBuffer` that no connection has made.
  case plainBuffer
}

extension Connection {
  package func send(
    _ bytes: [UInt8], from form: Form = .span, deadline: Deadline = .patient
  ) throws(TransportError) {
    if form == .span { return try send(bytes.span, deadline: deadline) }
    // Larger than the message, as one is that is used for many.
    var message = makeBuffer(bytes.count + 3, form)
    message.resize(to: bytes.count)
    message.withMutableBytes { target in
      for index in bytes.indices { target[index] = bytes[index] }
    }
    try send(&message, deadline: deadline)
  }

  package func receive(
    upTo limit: Int = 1 << 21, into form: Form = .span, deadline: Deadline = .patient
  ) throws(TransportError) -> [UInt8] {
    if form == .span {
      return try [UInt8](capacity: limit) { (buffer) throws(TransportError) in
        try receive(into: &buffer, deadline: deadline)
      }
    }
    var message = makeBuffer(limit, form)
    try receive(into: &message, deadline: deadline)
    return message.withBytes { source in
      [UInt8](capacity: source.count) { for index in source.indices { $0.append(source[index]) } }
    }
  }

  private func makeBuffer(_ capacity: Int, _ form: Form) -> MessageBuffer {
    form == .buffer ? makeBuffer(capacity: capacity) : MessageBuffer(capacity: capacity)
  }

  /// Sends until that fails, and returns how. A process that another test starts at this moment holds
  /// copies of all descriptors until it runs its program, so that the first sends may succeed.
  package func sendUntilFailure() -> TransportError.Code {
    while true {
      do throws(TransportError) { try send([1], deadline: .never) } catch { return error.code }
    }
  }
}

extension Transport {
  /// Connects a client to a server that listens.
  package func meet(
    _ listener: any Listener, at endpoint: Endpoint, deadline: Deadline = .patient
  ) throws -> (server: any Connection, client: any Connection) {
    let client = try Background { try connect(to: endpoint, deadline: deadline) }
    return (try listener.accept(deadline: deadline), try client.value())
  }
}

/// An endpoint as a child process gets it: with descriptors of its own.
package func inherited(_ endpoint: Endpoint) throws -> Endpoint {
  Endpoint(
    address: endpoint.address,
    descriptors: try endpoint.descriptors.map {
      let original = OwnedDescriptor(adopting: $0)
      let copy = try original.duplicate()
      _ = original.release()
      return copy.release()
    })
}

/// The code of the transport error that `body` throws; `nil` when it throws none. Another error has a
/// code that no test expects.
package func code<R: ~Copyable>(_ body: () throws -> R) -> TransportError.Code? {
  do { _ = try body() } catch {
    return (error as? TransportError)?.code ?? TransportError.Code(rawValue: "\(error)")
  }
  return nil
}

/// Bytes that differ along the message and between messages.
package func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
  // Copied piece by piece: fast in a debug build too.
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count)
  var start = seed % patternBytes.count
  while bytes.count < count {
    bytes += patternBytes[start...].prefix(count - bytes.count)
    start = 0
  }
  return bytes
}

/// Repeats after so many bytes only, so that a shift by a page, a header or a pipe shows.
private let patternBytes = (0..<251 * 256).map { UInt8(truncatingIfNeeded: $0 % 251 + $0 / 251) }
