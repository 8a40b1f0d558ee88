public import IPCSystem
internal import Synchronization

/// A mechanism of inter-process communication that moves discrete messages between one server
/// process and its client processes.
///
/// A transport is a stateless description plus three verbs. The lab's runner calls ``rendezvous(clients:)``
/// in its own process and hands each endpoint to the process that is to use it; the server calls
/// ``listen(at:)`` and accepts one ``Connection`` per client; each client calls
/// ``connect(to:deadline:)``.
///
/// To add a mechanism, conform to this protocol in a module of its own and add it to
/// `TransportCatalog`. The conformance suite and all scenarios and probes then apply to it.
public protocol Transport: Sendable {
  /// Id, title and where the mechanism is documented.
  var mechanism: Mechanism { get }
  /// What the mechanism claims to do. Every claim is checked by a probe.
  var capabilities: Capabilities { get }

  /// Prepares a meeting of one server and `clients` clients: a name for mechanisms with names, the
  /// ends themselves for those without.
  ///
  /// - Parameters:
  ///   - clients: How many client processes there will be, at least 1.
  ///   - scratch: Where names may be put that must not outlive the run.
  func rendezvous(clients: Int, scratch: ScratchDirectory) throws(TransportError) -> Rendezvous

  /// Starts to serve at an endpoint. When it returns, clients can connect.
  func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener

  /// Connects to a server that listens.
  ///
  /// - Throws: `.notFound` at once when there is no server, `.timedOut` when it did not admit this
  ///   client before the deadline.
  func connect(to endpoint: Endpoint, deadline: Deadline) throws(TransportError) -> any Connection

  /// Prepares a meeting at the bare mechanism, for probes: `server` is the endpoint of readers,
  /// each of `clients` (there is one) that of writers. Several processes may use the same endpoint.
  func nativeRendezvous(scratch: ScratchDirectory) throws(TransportError) -> Rendezvous

  /// Opens one end of the bare mechanism: no framing, no second channel for replies.
  ///
  /// The reader is opened first and makes the name where there is one. It returns without waiting
  /// for a writer; the first ``NativeEnd/read(upTo:deadline:)`` waits.
  func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd
}

extension Transport {
  /// The meeting of the transport, where the bare mechanism meets in the same way.
  public func nativeRendezvous(scratch: ScratchDirectory) throws(TransportError) -> Rendezvous {
    try rendezvous(clients: 1, scratch: scratch)
  }
}

/// The server's side of a meeting.
public protocol Listener: AnyObject, Sendable {
  /// Waits for the next client. One thread at a time.
  func accept(deadline: Deadline) throws(TransportError) -> any Connection
  /// Stops to serve and removes the name. A thread inside ``accept(deadline:)`` leaves it with
  /// `.closed`. Connections that were accepted go on. Safe to call twice.
  func close()
}

/// A conversation between a server and one client, in messages.
///
/// One thread may send while another receives; two senders at once, or two receivers, are not
/// allowed.
public protocol Connection: AnyObject, Sendable {
  /// Sends one message; returns when the mechanism has taken it.
  ///
  /// - Throws: `.messageTooLarge` with the limit, `.brokenPipe` when the other end is gone,
  ///   `.timedOut` when there was no room before the deadline, `.closed`.
  func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError)

  /// Receives the next message and appends it to `buffer`.
  ///
  /// - Throws: `.endOfFile` when the other end has closed and all was read, `.moreData` when the
  ///   message does not fit (it is kept where the mechanism can keep it), `.timedOut`, `.closed`.
  func receive(into buffer: inout OutputSpan<UInt8>, deadline: Deadline) throws(TransportError)

  /// Makes a buffer from which messages are sent, and into which they are received, without a copy
  /// that the mechanism does not make itself.
  ///
  /// - Parameter capacity: Longest message, in bytes.
  func makeBuffer(capacity: Int) -> MessageBuffer

  /// Sends the message in a buffer, as ``send(_:deadline:)`` of its bytes does. They do not change.
  func send(_ message: inout MessageBuffer, deadline: Deadline) throws(TransportError)

  /// Receives the next message into a buffer, in place of the one it holds, with the errors of
  /// ``receive(into:deadline:)``. After an error the buffer holds no message of use.
  func receive(into message: inout MessageBuffer, deadline: Deadline) throws(TransportError)

  /// Ends the conversation. A thread inside a call leaves it with `.closed`. Safe to call twice.
  func close()

  /// Who is at the other end, as the kernel says; `nil` when the mechanism cannot tell.
  var peer: PeerIdentity? { get }
}

/// A connection whose sending direction can end by itself, where the mechanism allows.
public protocol HalfClosable: Connection {
  /// Says that nothing more will be sent: the other end reads what was sent and then `.endOfFile`,
  /// and can go on sending. Not while another thread sends.
  ///
  /// - Returns: Whether the mechanism can do that. If not, nothing has happened.
  func finishSending() -> Bool
}

/// A connection that lets sender and receiver work in the mechanism's own memory.
///
/// For large messages this saves the copy on either side.
public protocol LoanConnection: Connection {
  /// Lends `count` bytes of the mechanism's memory to `fill` and sends them when it returns.
  ///
  /// The memory holds what was there before: write all of it.
  ///
  /// - Throws: As ``Connection/send(_:deadline:)``.
  func send(
    count: Int, deadline: Deadline, fill: (inout MutableSpan<UInt8>) -> Void
  ) throws(TransportError)

  /// Lends the next message to `body` and releases it when that returns.
  ///
  /// The sender could still write to that memory if it broke the protocol: check what you read.
  ///
  /// - Throws: As ``Connection/receive(into:deadline:)``.
  func receive<R>(deadline: Deadline, _ body: (Span<UInt8>) -> R) throws(TransportError) -> R
}

/// The side of the bare mechanism a probe opens.
public enum NativeRole: String, Sendable, Codable {
  /// Reads, and makes the name.
  case reader
  /// Writes.
  case writer
}

/// One end of the bare mechanism, for probes. One thread at a time.
public protocol NativeEnd: AnyObject, Sendable {
  /// One write as the mechanism knows it. Returns how many bytes it took.
  ///
  /// - Throws: `.notSupported` on an end that cannot write, `.timedOut` when it would have blocked.
  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int

  /// One read as the mechanism knows it, with a buffer of `limit` bytes.
  ///
  /// - Throws: `.endOfFile`, `.moreData` when the mechanism refuses and keeps a longer message,
  ///   `.notSupported` on an end that cannot read, `.timedOut`.
  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead

  /// Who is at the other end, as the kernel says; `nil` when the mechanism cannot tell.
  var peer: PeerIdentity? { get }

  /// Closes this end.
  func close()
}

/// What a native read gave.
public struct NativeRead: Sendable, Codable, Equatable {
  /// The bytes.
  public var bytes: [UInt8]
  /// Whether the mechanism said that the message is longer than the buffer.
  public var saidMore: Bool

  /// Creates a result.
  public init(bytes: [UInt8], saidMore: Bool = false) {
    self.bytes = bytes
    self.saidMore = saidMore
  }
}

/// Identity of a mechanism.
public struct Mechanism: Sendable, Hashable {
  /// Mechanisms that share an implementation idea, and a colour in reports.
  public enum Family: String, Sendable, CaseIterable {
    /// Anonymous pipes and FIFOs.
    case pipe
    /// Win32-style named pipes.
    case namedPipe = "named-pipe"
    /// Win32-style mailslots.
    case mailslot
    /// Rings in a shared mapping.
    case sharedMemory = "shared-memory"
    /// Sockets.
    case socket
    /// POSIX message queues.
    case queue
  }

  /// Stable id, such as `named-pipe-message`.
  public let id: String
  /// Title for people.
  public let title: String
  /// The family it belongs to.
  public let family: Family
  /// One line on what it is.
  public let summary: String
  /// Manual pages and documents that describe it.
  public let sources: [String]

  /// Creates an identity.
  public init(id: String, title: String, family: Family, summary: String, sources: [String]) {
    self.id = id
    self.title = title
    self.family = family
    self.summary = summary
    self.sources = sources
  }
}

/// Where one process meets its peers: an address, or descriptors that it inherits, or both.
///
/// A small value that is handed to the process on its control channel.
public struct Endpoint: Sendable, Codable, Hashable {
  /// A name, a path or an address, in the mechanism's own form; empty when it needs none.
  public var address: String
  /// Descriptor numbers in the process that uses the endpoint, which owns them.
  public var descriptors: [Int32]

  /// Creates an endpoint.
  public init(address: String = "", descriptors: [Int32] = []) {
    self.address = address
    self.descriptors = descriptors
  }
}

/// A prepared meeting: the server's endpoint and one per client.
///
/// Descriptors in these endpoints belong to the rendezvous and are numbered as in the process that
/// made it. Handing them to a child renumbers them. Call ``closeDescriptors()`` when all processes
/// are started, or end of file will never be seen; keep the rendezvous itself until the meeting is
/// over, because the name goes with it.
public final class Rendezvous: Sendable {
  /// The server's endpoint.
  public let server: Endpoint
  /// One endpoint per client.
  public let clients: [Endpoint]
  private let cleanUp: (@Sendable () -> Void)?
  private let isClosed = Atomic(false)

  /// Takes over the descriptors in the endpoints.
  ///
  /// - Parameter cleanUp: Runs when the rendezvous goes away, to remove a name.
  public init(
    server: Endpoint, clients: [Endpoint], cleanUp: (@Sendable () -> Void)? = nil
  ) {
    self.server = server
    self.clients = clients
    self.cleanUp = cleanUp
  }

  /// Closes the descriptors in the endpoints: every process has its own by now. Safe to call twice.
  public func closeDescriptors() {
    guard !isClosed.exchange(true, ordering: .relaxed) else { return }
    for number in Set((clients + [server]).flatMap(\.descriptors)) {
      OwnedDescriptor(adopting: number).close()
    }
  }

  deinit {
    closeDescriptors()
    cleanUp?()
  }
}
