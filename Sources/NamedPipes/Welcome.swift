internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// What the server sends to a client that it takes, with the shared memory and one end of the second
/// socket pair; or that it does not take it.
struct Welcome: Equatable {
  static let size = 48
  private static let magic: UInt64 = 0x3265_7069_7062_616c

  /// The pipe's type.
  var kind: NamedPipes.Kind
  /// Quota from server to client, in bytes.
  var outboundQuota: Int
  /// Quota from client to server, in bytes.
  var inboundQuota: Int
  /// The rings in the shared memory.
  var sizes: PipeMemory.Sizes

  init(_ options: NamedPipes.Options) {
    kind = options.kind
    outboundQuota = options.outboundQuota
    inboundQuota = options.inboundQuota
    sizes = PipeMemory.Sizes(
      serverQuota: options.outboundQuota, clientQuota: options.inboundQuota)
  }

  var encoded: [UInt8] {
    [
      Self.magic, UInt64(kind.rawValue), UInt64(outboundQuota), UInt64(inboundQuota),
      UInt64(sizes.byServer), UInt64(sizes.byClient),
    ].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  }

  /// What a server that refuses a client sends.
  static let refusal: [UInt8] = [0]

  /// Understands what came from a server; `nil` for anything that a server does not send.
  init?(decoding bytes: [UInt8]) {
    guard bytes.count == Self.size else { return nil }
    let words = (0..<6).map { index in
      (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[index * 8 + $1]) << ($1 * 8) }
    }
    let quotas = 0...UInt64(NamedPipes.Options.largestQuota)
    guard words[0] == Self.magic, words[1] <= 2,
      let kind = NamedPipes.Kind(rawValue: UInt32(words[1])),
      quotas.contains(words[2]), quotas.contains(words[3]),
      let sizes = PipeMemory.Sizes(byServer: words[4], byClient: words[5])
    else { return nil }
    self.kind = kind
    outboundQuota = Int(words[2])
    inboundQuota = Int(words[3])
    self.sizes = sizes
  }

  /// The server's end of a connection, and what is to be sent to the client.
  struct Greeting: ~Copyable {
    let link: PipeLink
    private let welcome: Welcome
    private let file: OwnedDescriptor
    private let room: OwnedDescriptor

    init(
      _ link: PipeLink, _ welcome: Welcome, _ file: consuming OwnedDescriptor,
      _ room: consuming OwnedDescriptor
    ) {
      self.link = link
      self.welcome = welcome
      self.file = file
      self.room = room
    }

    /// Hands the other half to the client, which goes on from there. A client that is gone already
    /// does not matter: that shows when the server reads.
    consuming func send() {
      link.greet(welcome.encoded, descriptors: [file.raw, room.raw])
    }
  }

  /// Makes the server's end of a connection.
  static func prepare(
    _ socket: consuming OwnedDescriptor, _ options: NamedPipes.Options
  ) throws(SystemError) -> Greeting {
    let welcome = Welcome(options)
    let created = try SharedMapping.create(name: "ipclab-pipe", size: welcome.sizes.total)
    let room = try LocalSocket.pair(.seqpacket)
    let memory = PipeMemory(mapping: created.mapping, sizes: welcome.sizes)
    let link = PipeLink(
      socket: socket, room: room.first, memory: memory, side: .server,
      quota: options.outboundQuota, peerQuota: options.inboundQuota)
    return Greeting(link, welcome, created.file, room.second)
  }

  /// A client's end of a connection, and what the server said.
  struct Received {
    let link: PipeLink
    let welcome: Welcome
  }

  /// Waits for the server's half.
  ///
  /// - Throws: `.accessDenied` when the server refuses this client, `.brokenPipe` when it went away
  ///   instead, `.timedOut`, `.protocolViolation`.
  static func receive(
    _ socket: consuming OwnedDescriptor, _ operation: String, deadline: Deadline
  ) throws(TransportError) -> Received {
    let received = try translating(operation) { () throws(SystemError) in
      try LocalSocket.waitForInput(socket.raw, deadline: deadline)
      return try LocalSocket.receive(limit: size, from: socket.raw)
    }
    if received.bytes.isEmpty { throw TransportError(.brokenPipe, operation) }
    if received.bytes == refusal {
      throw TransportError(
        .accessDenied, operation, remedy: "The server does not admit this user.")
    }
    var packet = received
    guard let welcome = Welcome(decoding: packet.bytes), let file = packet.takeDescriptor(),
      let room = packet.takeDescriptor(),
      let mapping = try? SharedMapping(mappingSealed: file, size: welcome.sizes.total)
    else { throw TransportError(.protocolViolation, operation) }
    let memory = PipeMemory(mapping: mapping, sizes: welcome.sizes)
    let link = PipeLink(
      socket: socket, room: room, memory: memory, side: .client, quota: welcome.inboundQuota,
      peerQuota: welcome.outboundQuota)
    return Received(link: link, welcome: welcome)
  }
}
