internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// Plays a probe's agent: opens ends of the bare mechanism and does with them what it is told, one
/// request after the other, and tells what came of it.
final class ProbeAgent {
  private let channel: ControlChannel
  private let transport: any Transport
  private let endpoint: Endpoint
  private var end: (any NativeEnd)?
  private var listener: (any Listener)?
  private var connections: [any Connection] = []

  /// How much is written at once to a stream.
  private static let streamChunk = 256 * 1024

  init(channel: ControlChannel, transport: any Transport, endpoint: Endpoint) {
    self.channel = channel
    self.transport = transport
    self.endpoint = endpoint
  }

  /// Serves requests until the runner closes the control channel.
  func run() throws {
    while let order = try channel.receive(ProbeOrder.self, deadline: .never) {
      if order.announce { try channel.send(ProbeReply(begins: true)) }
      var reply = ProbeReply()
      reply.began = MonotonicClock.now()
      do { try perform(order.request, &reply) } catch let error as TransportError {
        reply.failure = .init(error)
      } catch { reply.failure = .init(error) }
      reply.ended = MonotonicClock.now()
      try channel.send(reply)
    }
  }

  private func perform(_ request: ProbeRequest, _ reply: inout ProbeReply) throws {
    switch request {
    case .open(let role, let milliseconds):
      end = try transport.openNative(role, at: endpoint, deadline: deadline(milliseconds))
    case .write(let bytes, let milliseconds):
      reply.count = try opened().write(bytes, deadline: deadline(milliseconds))
      reply.calls = 1
    case .writeEach(let messages, let milliseconds):
      let limit = deadline(milliseconds)
      for message in messages {
        reply.count += try opened().write(message, deadline: limit)
        reply.calls += 1
      }
    case .writePattern(let count, let milliseconds):
      try writePattern(count, deadline(milliseconds), &reply)
    case .writeUntilStopped(let chunk, let cap, let patience):
      try writeUntilStopped(chunk, cap, patience, &reply)
    case .read(let limit, let milliseconds):
      let result = try opened().read(upTo: limit, deadline: deadline(milliseconds))
      reply.count = result.bytes.count
      reply.calls = 1
      reply.saidMore = result.saidMore
      reply.bytes = Array(result.bytes.prefix(ProbeReply.longestReturn))
    case .readTotal(let count, let limit, let milliseconds):
      let time = deadline(milliseconds)
      while reply.count < count { try readMore(limit, time, &reply) }
    case .readPattern(let count, let limit, let milliseconds):
      try readPattern(count, limit, deadline(milliseconds), &reply)
    case .readUntilSilence(let limit, let patience):
      try readUntilSilence(limit, patience, &reply)
    case .peer:
      reply.peer = try opened().peer
    case .close:
      end?.close()
      end = nil
    case .become(let user): try become(user)
    case .cutNetwork: try Namespaces.leaveNetwork()
    case .usesInternet: reply.yes = usesInternet()
    case .listen:
      listener = try transport.listen(at: endpoint)
    case .accept(let milliseconds):
      guard let listener else { throw LabError("the agent does not listen") }
      connections.append(try listener.accept(deadline: deadline(milliseconds)))
    case .connect(let milliseconds):
      connections.append(try transport.connect(to: endpoint, deadline: deadline(milliseconds)))
    case .send(let index, let bytes):
      try connection(index).send(bytes.span, deadline: deadline(5000))
    case .receive(let index, let milliseconds):
      try receive(connection(index), deadline(milliseconds), &reply)
    }
  }

  private func opened() throws(TransportError) -> any NativeEnd {
    guard let end else { throw TransportError(.closed, "use an end that is not open") }
    return end
  }

  private func connection(_ index: Int) throws -> any Connection {
    guard connections.indices.contains(index) else {
      throw LabError("the agent has no connection \(index)")
    }
    return connections[index]
  }

  private func deadline(_ milliseconds: Int?) -> Deadline {
    milliseconds.map { .after(.milliseconds($0)) } ?? .never
  }

  private func writePattern(
    _ count: Int, _ deadline: Deadline, _ reply: inout ProbeReply
  ) throws(TransportError) {
    let end = try opened()
    let bytes = Pattern.bytes(count)
    reply.count = try end.write(bytes, deadline: deadline)
    reply.calls = 1
    while reply.count < count {
      // It takes parts: there is no need to offer all that is left each time.
      let next = min(count, reply.count + Self.streamChunk)
      reply.count += try end.write(Array(bytes[reply.count..<next]), deadline: deadline)
      reply.calls += 1
    }
  }

  private func writeUntilStopped(
    _ chunk: Int, _ cap: Int, _ patience: Int, _ reply: inout ProbeReply
  ) throws(TransportError) {
    let end = try opened()
    let bytes = Pattern.bytes(chunk)
    while reply.count < cap {
      do throws(TransportError) {
        reply.count += try end.write(bytes, deadline: .immediate)
      } catch  where error.code == .timedOut {
        // The mechanism may still be moving bytes to where the reader will find them.
        reply.count += try end.write(bytes, deadline: deadline(patience))
      }
      reply.calls += 1
    }
  }

  private func readMore(
    _ limit: Int, _ deadline: Deadline, _ reply: inout ProbeReply
  ) throws(TransportError) {
    let result = try opened().read(upTo: limit, deadline: deadline)
    reply.count += result.bytes.count
    reply.calls += 1
    let room = ProbeReply.longestReturn - reply.bytes.count
    if room > 0 { reply.bytes.append(contentsOf: result.bytes.prefix(room)) }
  }

  private func readUntilSilence(
    _ limit: Int, _ patience: Int, _ reply: inout ProbeReply
  ) throws(TransportError) {
    while true {
      do throws(TransportError) { try readMore(limit, deadline(patience), &reply) } catch {
        if error.code == .timedOut { return }
        throw error
      }
    }
  }

  private func readPattern(
    _ count: Int, _ limit: Int, _ deadline: Deadline, _ reply: inout ProbeReply
  ) throws(TransportError) {
    let end = try opened()
    let expected = Pattern.bytes(count)
    while reply.count < count {
      let part = try end.read(upTo: limit, deadline: deadline).bytes
      if part.count == 1 && count > 1 && reply.count == 0 { return }
      if !Pattern.agrees(part, expected, at: reply.count) { reply.intact = false }
      reply.count += part.count
      reply.calls += 1
    }
  }

  private func receive(
    _ connection: any Connection, _ deadline: Deadline, _ reply: inout ProbeReply
  ) throws {
    reply.bytes = try [UInt8](capacity: ProbeReply.longestReturn) {
      (buffer) throws(TransportError) in
      try connection.receive(into: &buffer, deadline: deadline)
    }
    reply.count = reply.bytes.count
    reply.calls = 1
  }

  private func become(_ user: UInt32) throws(SystemError) {
    try checked("setgroups") { setgroups(0, nil) }
    try checked("setgid") { setgid(user) }
    try checked("setuid") { setuid(user) }
  }

  private func usesInternet() -> Bool {
    DirectoryListing.names(in: "/proc/self/fd").compactMap { Int32($0) }.contains { descriptor in
      var address = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let result = unsafe withUnsafeMutablePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe getsockname(descriptor, $0, &length)
        }
      }
      return result == 0
        && [sa_family_t(AF_INET), sa_family_t(AF_INET6)].contains(address.ss_family)
    }
  }
}
