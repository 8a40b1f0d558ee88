public import IPCSystem
public import IPCTransport

/// Named pipes as a transport, in message or byte mode.
///
/// An address is a pipe name, optionally behind the path of the runtime directory that holds it.
public struct NamedPipeTransport: Transport {
  private let kind: NamedPipes.Kind
  private let runtime: RuntimeDirectory?

  /// Creates the transport.
  ///
  /// - Parameters:
  ///   - kind: Bytes or messages.
  ///   - runtime: Where names are kept when an address does not say; `nil` takes the user's.
  public init(kind: NamedPipes.Kind, runtime: RuntimeDirectory? = nil) {
    self.kind = kind
    self.runtime = runtime
  }

  /// Ids `named-pipe-message` and `named-pipe-byte`.
  public var mechanism: Mechanism {
    Mechanism(
      id: kind == .message ? "named-pipe-message" : "named-pipe-byte",
      title: kind == .message ? "Named pipe, message mode" : "Named pipe, byte mode",
      family: .namedPipe,
      summary: """
        A Win32-style named pipe, one instance per client, over shared memory and sockets. \
        Between two processors it spins for a moment before it sleeps.
        """,
      sources: [
        "https://learn.microsoft.com/windows/win32/ipc/named-pipes", "man 7 unix",
      ])
  }

  /// What the pipes claim.
  public var capabilities: Capabilities {
    Capabilities(
      direction: .bothWays,
      boundaries: kind == .message ? .kept : .notKept,
      shortRead: kind == .message ? .restStaysAndSaysSo : .restStays,
      zeroLength: kind == .message ? .delivered : .noEffect,
      largest: .unlimited, full: .blocks, reach: .anyProcess, readers: .compete,
      writerDeath: .endOfFile, readerDeath: .error, nameAfterKill: .usable,
      identity: .pidAndUser, access: .sameUser, waiting: .hybrid)
  }

  /// One name in the scratch directory for all.
  public func rendezvous(
    clients: Int, scratch: ScratchDirectory
  ) throws(TransportError) -> Rendezvous {
    let endpoint = Endpoint(address: scratch.path + PipeName.prefix + "lab")
    return Rendezvous(
      server: endpoint, clients: Array(repeating: endpoint, count: clients))
  }

  /// Creates the first instance of the name.
  public func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener {
    let address = try PipeAddress(endpoint, runtime: runtime)
    return try NamedPipeListener(address, NamedPipes.Options(kind: kind))
  }

  /// Connects, and waits until the server has taken the client.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    let address = try PipeAddress(endpoint, runtime: runtime)
    let client = try openClient(address, deadline)
    return kind.conversation(try client.connection.link(), keeping: client)
  }

  private func openClient(
    _ address: PipeAddress, _ deadline: Deadline
  ) throws(TransportError) -> NamedPipeClient {
    let client = try NamedPipeClient(
      address.name, .all, address.runtime, deadline, answer: deadline)
    if client.info.kind != kind {
      throw TransportError(
        .invalidArgument, "connect to \(address.name)",
        remedy: "The server made it a pipe of the other kind.")
    }
    try client.setMode(read: kind, wait: nil)
    return client
  }

  /// The reader is an instance, which takes its client when it first reads or writes; the writer is
  /// a client.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    let address = try PipeAddress(endpoint, runtime: runtime)
    switch role {
    case .reader:
      return InstanceEnd(
        try NamedPipeInstance(address.name, in: address.runtime, options: .init(kind: kind)))
    case .writer:
      return ClientEnd(try openClient(address, deadline))
    }
  }
}

/// Accepts clients, with one instance listening all the time.
final class NamedPipeListener: Listener {
  private let address: PipeAddress
  private let options: NamedPipes.Options
  private let listening: Locked<NamedPipeInstance?>

  init(_ address: PipeAddress, _ options: NamedPipes.Options) throws(TransportError) {
    self.address = address
    self.options = options
    let first = try NamedPipeInstance(address.name, address.runtime, options, attended: false)
    if first.info.kind != options.kind {
      first.close()
      throw TransportError(
        .accessDenied, "listen at \(address.name)",
        remedy: "Another server made it a pipe of the other kind.")
    }
    listening = Locked(first)
  }

  /// The next instance begins to listen before this one takes its client, so that a client never
  /// finds none.
  func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    while true {
      guard let current = listening.withLock({ $0 }) else { throw closedError }
      try current.waitForArrival(deadline: deadline)
      let next = try NamedPipeInstance(
        address.name, address.runtime, options, attended: false)
      let replaced = listening.withLock { listening in
        if listening == nil { return false }
        listening = next
        return true
      }
      if !replaced {
        next.close()
        throw closedError
      }
      if try current.takeClient() {
        return options.kind.conversation(try current.connection.link(), keeping: current)
      }
      current.close()
    }
  }

  func close() {
    let last = listening.withLock { listening in
      defer { listening = nil }
      return listening
    }
    last?.close()
  }

  private var closedError: TransportError {
    TransportError(.closed, "accept a client of \(address.name)")
  }
}

/// A server instance as a probe sees it.
private final class InstanceEnd: NativeEnd {
  private let instance: NamedPipeInstance

  init(_ instance: NamedPipeInstance) { self.instance = instance }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    try takeClient(deadline)
    return try instance.write(bytes.span, deadline: deadline)
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    try takeClient(deadline)
    return try NativeRead(limit) { (buffer) throws(TransportError) in
      try instance.read(into: &buffer, deadline: deadline)
    }
  }

  private func takeClient(_ deadline: Deadline) throws(TransportError) {
    if instance.state != .listening { return }
    do { try instance.waitForClient(deadline: deadline) } catch
      where error.code == .alreadyConnected || error.code == .noReader
    {}
  }

  var peer: PeerIdentity? { instance.peer }

  func close() { instance.close() }
}

/// A client as a probe sees it.
private final class ClientEnd: NativeEnd {
  private let client: NamedPipeClient

  init(_ client: NamedPipeClient) { self.client = client }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    try client.write(bytes.span, deadline: deadline)
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    try NativeRead(limit) { (buffer) throws(TransportError) in
      try client.read(into: &buffer, deadline: deadline)
    }
  }

  var peer: PeerIdentity? { client.peer }

  func close() { client.close() }
}

extension NativeRead {
  /// Reads into a new array; `body` says whether there is more.
  fileprivate init(
    _ limit: Int, _ body: (inout OutputSpan<UInt8>) throws(TransportError) -> Bool
  ) throws(TransportError) {
    var saidMore = false
    let bytes = try [UInt8](capacity: limit) { (buffer) throws(TransportError) in
      saidMore = try body(&buffer)
    }
    self.init(bytes: bytes, saidMore: saidMore)
  }
}
