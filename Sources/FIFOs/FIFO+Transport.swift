internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

/// FIFOs as a transport: one well-known FIFO for the server, and a pair of its own per client.
///
/// A FIFO goes one way and mixes what several clients write, so a client brings a pair, announces it
/// on the server's FIFO and talks over the pair. Both names vanish as soon as both sides have them
/// open.
public struct FIFOTransport: Transport {
  /// Creates the transport. It has no state.
  public init() {}

  /// What it is.
  public let mechanism = Mechanism(
    id: "fifo", title: "FIFO", family: .pipe,
    summary:
      "Byte stream with a name in the file system, one way; a client brings a pair of its own",
    sources: ["fifo(7)", "mkfifo(3)", "pipe(7)"])

  /// What it claims to do.
  public let capabilities = Capabilities(
    direction: .oneWay, boundaries: .notKept, shortRead: .restStays, zeroLength: .noEffect,
    largest: .unlimited, full: .blocks, reach: .anyProcess, readers: .compete,
    writerDeath: .endOfFile, readerDeath: .error, nameAfterKill: .usable, identity: .none,
    access: .sameUser, maximumMessage: FramedStream.maximumMessage)

  /// Chooses a name in the scratch directory.
  public func rendezvous(
    clients: Int, scratch: ScratchDirectory
  ) throws(TransportError) -> Rendezvous {
    guard clients > 0 else { throw TransportError(.invalidArgument, "meet \(clients) clients") }
    let name = Self.freshName(in: scratch)
    return Rendezvous(
      server: Endpoint(address: name),
      clients: Array(repeating: Endpoint(address: name), count: clients)
    ) { unsafe _ = unlink(name) }
  }

  /// Creates the well-known FIFO, or takes over the one that a dead server left.
  ///
  /// - Throws: `.nameInUse` when a server is alive there or the path is something else.
  public func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener {
    try FIFOListener(path: endpoint.address)
  }

  /// Announces a pair of FIFOs to the server and waits until it has opened them.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    try FIFOHandshake.connect(to: endpoint.address, deadline: deadline)
  }

  /// Chooses a name in the scratch directory.
  public func nativeRendezvous(scratch: ScratchDirectory) throws(TransportError) -> Rendezvous {
    let name = Self.freshName(in: scratch)
    return Rendezvous(
      server: Endpoint(address: name), clients: [Endpoint(address: name)]
    ) { unsafe _ = unlink(name) }
  }

  /// Opens one end; the reader creates the name when it is not there.
  ///
  /// - Throws: `.notFound` for a writer that comes before any reader.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    switch role {
    case .reader:
      do throws(TransportError) { try FIFO.create(at: endpoint.address) } catch {
        if error.code != .nameInUse { throw error }
      }
      return FIFOReadEnd(
        DescriptorIO(adopting: try FIFO.openForReading(endpoint.address)))
    case .writer:
      return StreamEnd(
        DescriptorIO(adopting: try FIFO.openForWriting(endpoint.address)), .writing)
    }
  }

  private static func freshName(in scratch: ScratchDirectory) -> String {
    scratch.path + "/fifo-" + String(UInt64.random(in: 0 ... .max), radix: 36)
  }
}

/// The end for reading, whose first read waits for a writer.
final class FIFOReadEnd: NativeEnd {
  private let io: DescriptorIO
  private let end: StreamEnd
  private let writerCame = Atomic<Bool>(false)

  init(_ io: DescriptorIO) {
    self.io = io
    end = StreamEnd(io, .reading)
  }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    try end.write(bytes, deadline: deadline)
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    if !writerCame.load(ordering: .relaxed) {
      try FIFO.waitForWriter(io, deadline: deadline)
      writerCame.store(true, ordering: .relaxed)
    }
    return try end.read(upTo: limit, deadline: deadline)
  }

  var peer: PeerIdentity? { nil }

  func close() { end.close() }
}
