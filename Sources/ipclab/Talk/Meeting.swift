internal import FIFOs
internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import Mailslots
internal import NamedPipes
internal import Sockets

/// How two sides of a talk get together.
final class Meeting: Sendable {
  let address: TalkAddress
  let isRaw: Bool
  private let runtime: RuntimeDirectory
  private let names: ServiceNames
  private let state = Locked(State())

  private struct State {
    var closers: [@Sendable () -> Void] = []
    var isOver = false
  }

  private static let patience = Duration.seconds(10)

  init(_ address: TalkAddress, isRaw: Bool, _ runtime: RuntimeDirectory) {
    self.address = address
    self.isRaw = isRaw
    self.runtime = runtime
    names = ServiceNames(in: runtime)
  }

  /// Ends everything, so that nothing is left. Safe to call twice, and from another thread.
  func close() {
    let closers = state.withLock { state in
      state.isOver = true
      defer { state.closers = [] }
      return state.closers
    }
    for closer in closers.reversed() { closer() }
  }

  /// Has `close()` run this; runs it now if that has come already.
  private func whenOver(_ closer: @escaping @Sendable () -> Void) {
    let isOver = state.withLock { state in
      if !state.isOver { state.closers.append(closer) }
      return state.isOver
    }
    if isOver { closer() }
  }

  /// Makes something that `close()` ends: it is either not made, or ended. Making it must not wait.
  private func keep<Made: Sendable>(
    closing: @escaping @Sendable (Made) -> Void, _ make: () throws(TransportError) -> Made
  ) throws(TransportError) -> Made {
    try state.withLock { (state) throws(TransportError) in
      if state.isOver { throw TransportError(.closed, "meet at \(address.text)") }
      let made = try make()
      state.closers.append { closing(made) }
      return made
    }
  }

  // MARK: - Listening

  /// Serves the name and waits for one client. `announce` is told when clients can come, and where.
  func accept(_ announce: (String) -> Void) throws(TransportError) -> any Channel {
    let channel = try acceptChannel(announce)
    whenOver { channel.close() }
    return channel
  }

  private func acceptChannel(_ announce: (String) -> Void) throws(TransportError) -> any Channel {
    switch address.place {
    case .pipe(let name, let kind):
      let instance = try keep(closing: { $0.close() }) { () throws(TransportError) in
        try NamedPipeInstance(name, in: runtime, options: .init(kind: kind))
      }
      announce(name.description)
      do throws(TransportError) { try instance.waitForClient(deadline: .never) } catch {
        // It came before, and may have left again: what it wrote is there.
        guard error.code == .alreadyConnected || error.code == .noReader else { throw error }
      }
      if kind == .message { try instance.setMode(read: .message, wait: nil) }
      return PipeChannel(instance, isDelimited: kind == .byte && !isRaw)
    case .mailslot(let name):
      let server = try keep(closing: { $0.close() }) { () throws(TransportError) in
        try MailslotServer(name, in: runtime)
      }
      announce(name.description)
      return MailslotReaderChannel(server)
    case .descriptors: return try overDescriptors()
    case .word, .path, .internet: return try acceptByAddress(announce)
    }
  }

  private func acceptByAddress(
    _ announce: (String) -> Void
  ) throws(TransportError) -> any Channel {
    let own: String? =
      switch address.place {
      case .path(let path): path
      case .internet(let host): host
      default: nil
      }
    let claim = try keep(closing: { $0.release() }) { () throws(TransportError) in
      try names.claim(address.id, own ?? address.name, address: own)
    }
    let tell = { (place: String) in
      claim.announce(place, "listening")
      announce(place)
    }
    let channel = isRaw ? try acceptRaw(claim.address, tell) : try acceptFramed(claim.address, tell)
    claim.announce(claim.address, "connected")
    return channel
  }

  private func acceptFramed(
    _ place: String, _ tell: (String) -> Void
  ) throws(TransportError) -> any Channel {
    let listener = try keep(closing: { $0.close() }) { () throws(TransportError) in
      try address.transport.listen(at: Endpoint(address: place))
    }
    tell((listener as? any AddressedListener)?.endpoint.address ?? place)
    let connection = try listener.accept(deadline: .never)
    // The next one is told that nobody listens.
    listener.close()
    return ConnectionChannel(connection, address.transport.capabilities)
  }

  private func acceptRaw(
    _ place: String, _ tell: (String) -> Void
  ) throws(TransportError) -> any Channel {
    switch address.id {
    case "unix-stream":
      return try acceptStream(tell) { () throws(SystemError) in
        let socket = try LocalSocket.make(.stream)
        try LocalSocket.claim(socket.raw, path: place, backlog: 1, stale: .replace)
        return Door(socket, at: place, file: place)
      }
    case "tcp":
      return try acceptStream(tell) { () throws(SystemError) in
        let socket = try InternetSocket.make(.tcp)
        try InternetSocket.bind(socket.raw, .tcp, to: try .parse(place))
        try LocalSocket.listen(socket.raw, backlog: 1)
        let bound = try InternetSocket.localAddress(of: socket.raw).description
        return Door(socket, at: bound, file: nil)
      }
    case "udp":
      return try openReader(
        place, ChannelTraits(isSpokenTo: true, longestMessage: UDP.maximumMessage), tell)
    case "unix-datagram":
      return try openReader(place, ChannelTraits(isSpokenTo: true), isSocketFile: true, tell)
    case "fifo":
      return try openReader(place, ChannelTraits(sends: false), isFIFO: true, tell)
    default: return try acceptFramed(place, tell)
    }
  }

  /// Opens the reading end of a bare mechanism whose clients are not told apart.
  private func openReader(
    _ place: String, _ traits: ChannelTraits, isSocketFile: Bool = false, isFIFO: Bool = false,
    _ tell: (String) -> Void
  ) throws(TransportError) -> any Channel {
    let channel = try keep(closing: { $0.close() }) { () throws(TransportError) in
      if isSocketFile { try makeRoom(at: place) }
      // A FIFO that was there before stays.
      let isNew = isSocketFile || isFIFO && (try? FIFO.create(at: place)) != nil
      let end = try address.transport.openNative(
        .reader, at: Endpoint(address: place), deadline: .never)
      return NativeChannel(end, traits, removing: isNew ? place : nil)
    }
    tell(place)
    return channel
  }

  /// A listening socket, and its file where it has one.
  private final class Door: Sendable {
    let io: DescriptorIO
    let place: String
    private let file: String?

    init(_ socket: consuming OwnedDescriptor, at place: String, file: String?) {
      io = DescriptorIO(adopting: socket)
      self.place = place
      self.file = file
    }

    var isLocal: Bool { file != nil }

    func close() {
      if !io.isClosed, let file { LocalSocket.removeName(file) }
      io.close()
    }
  }

  private func acceptStream(
    _ tell: (String) -> Void, _ listen: () throws(SystemError) -> Door
  ) throws(TransportError) -> any Channel {
    let operation = "listen at \(address.text)"
    let door = try keep(closing: { $0.close() }) { () throws(TransportError) in
      do throws(SystemError) { return try listen() } catch {
        throw TransportError(error, operation)
      }
    }
    tell(door.place)
    do throws(SystemError) {
      let client = try LocalSocket.accept(from: door.io, deadline: .never)
      // The next one is told that nobody listens.
      door.close()
      let peer = door.isLocal ? (try? LocalSocket.peer(of: client.raw))?.pid : nil
      let socket = DescriptorIO(adopting: client)
      return StreamChannel(
        input: socket, output: socket, isSocket: true, peer: peer.map { "process \($0)" })
    } catch { throw TransportError(error, operation) }
  }

  /// Removes the socket that a dead server has left at a path.
  private func makeRoom(at path: String) throws(TransportError) {
    do throws(SystemError) {
      let probe = try LocalSocket.make(.stream)
      try LocalSocket.claim(probe.raw, path: path, backlog: 1, stale: .replace)
      LocalSocket.removeName(path)
    } catch { throw TransportError(error, "listen at \(address.text)") }
  }

  // MARK: - Connecting

  /// Connects to whoever listens.
  func connect() throws(TransportError) -> any Channel {
    let channel = try connectChannel()
    whenOver { channel.close() }
    return channel
  }

  private func connectChannel() throws(TransportError) -> any Channel {
    let deadline = Deadline.after(Self.patience)
    switch address.place {
    case .pipe(let name, let kind):
      let client = try openPipe(name, deadline)
      if client.info.kind != kind && !isRaw {
        let other = kind == .byte ? "named-pipe-message" : "named-pipe-byte"
        client.close()
        throw TransportError(
          .invalidArgument, "connect to \(address.text)",
          remedy: "Its server made it a pipe of the other kind: use \(other):\(address.name)")
      }
      if client.info.kind == .message { try? client.setMode(read: .message, wait: nil) }
      return PipeChannel(client, isDelimited: client.info.kind == .byte && !isRaw)
    case .mailslot(let name):
      return MailslotWriterChannel(try Mailslots.open(name, in: runtime))
    case .descriptors: return try overDescriptors()
    case .internet(let host): return try connect(at: host, deadline)
    case .path(let path): return try connect(at: path, deadline)
    case .word:
      guard let place = names.address(address.id, address.name) else {
        throw TransportError(.notFound, "connect to \(address.text)")
      }
      return try connect(at: place, deadline)
    }
  }

  /// Opens a pipe for both ways, or for the one that its server allows.
  private func openPipe(
    _ name: PipeName, _ deadline: Deadline
  ) throws(TransportError) -> NamedPipeClient {
    let attributes: PipeAccess = [.readAttributes, .writeAttributes]
    var refusal: TransportError?
    for access in [.all, attributes.union(.write), attributes.union(.read)] as [PipeAccess] {
      do throws(TransportError) {
        return try NamedPipeClient(name, access: access, in: runtime, deadline: deadline)
      } catch {
        guard error.code == .accessDenied else { throw error }
        refusal = refusal ?? error
      }
    }
    throw refusal ?? TransportError(.accessDenied, "connect to \(name)")
  }

  private func connect(
    at place: String, _ deadline: Deadline
  ) throws(TransportError) -> any Channel {
    let endpoint = Endpoint(address: place)
    guard isRaw else {
      return ConnectionChannel(
        try address.transport.connect(to: endpoint, deadline: deadline),
        address.transport.capabilities)
    }
    switch address.id {
    case "unix-stream":
      return try connectStream { () throws(SystemError) in
        let socket = try LocalSocket.make(.stream)
        try LocalSocket.connect(socket.raw, to: place, deadline: deadline)
        return socket
      }
    case "tcp":
      return try connectStream { () throws(SystemError) in
        let socket = try InternetSocket.make(.tcp)
        try InternetSocket.connect(socket.raw, to: try .parse(place), deadline: deadline)
        return socket
      }
    case "udp", "unix-datagram", "fifo":
      var traits = ChannelTraits()
      if address.id == "udp" { traits.longestMessage = UDP.maximumMessage }
      if address.id == "fifo" { traits.receives = false }
      let end = try address.transport.openNative(.writer, at: endpoint, deadline: deadline)
      return NativeChannel(end, traits)
    default:
      return ConnectionChannel(
        try address.transport.connect(to: endpoint, deadline: deadline),
        address.transport.capabilities)
    }
  }

  private func connectStream(
    _ open: () throws(SystemError) -> OwnedDescriptor
  ) throws(TransportError) -> any Channel {
    do throws(SystemError) {
      let socket = DescriptorIO(adopting: try open())
      return StreamChannel(input: socket, output: socket, isSocket: true)
    } catch { throw TransportError(error, "connect to \(address.text)") }
  }

  private func overDescriptors() throws(TransportError) -> any Channel {
    guard case .descriptors(let read, let write) = address.place else {
      throw TransportError(.invalidArgument, "use \(address.text)")
    }
    if isRaw {
      return StreamChannel(
        input: DescriptorIO(adopting: OwnedDescriptor(adopting: read)),
        output: DescriptorIO(adopting: OwnedDescriptor(adopting: write)))
    }
    return ConnectionChannel(
      try address.transport.connect(
        to: Endpoint(descriptors: [read, write]), deadline: .immediate),
      address.transport.capabilities)
  }

  // MARK: - Names

  /// Names that somebody serves by this transport, as they are written in an argument.
  func servedNames() -> [String] {
    switch address.place {
    case .pipe:
      NamedPipes.survey(runtime).pipes.compactMap {
        $0.name.map { String($0.dropFirst(PipeName.prefix.count)) }
      }
    case .mailslot:
      Mailslots.survey(runtime).mailslots.compactMap {
        $0.name.map { String($0.dropFirst(MailslotName.prefix.count)) }
      }
    default: names.survey().services.filter { $0.transport == address.id }.map(\.name)
    }
  }
}
