internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

/// Mailslots as a transport.
///
/// A mailslot is one-way, so a conversation has two: the client creates one for the replies and
/// names it in a message to the server's; the server answers there with the name of one for this
/// client. An address is a mailslot name, optionally behind the path of the runtime directory.
public struct MailslotTransport: Transport {
  private let runtime: RuntimeDirectory?

  /// Creates the transport.
  ///
  /// - Parameter runtime: Where names are kept when an address does not say; `nil` takes the user's.
  public init(runtime: RuntimeDirectory? = nil) { self.runtime = runtime }

  /// Id `mailslot`.
  public var mechanism: Mechanism {
    Mechanism(
      id: "mailslot", title: "Mailslot", family: .mailslot,
      summary: "A Win32-style mailslot: one reader with a queue, any number of writers.",
      sources: ["https://learn.microsoft.com/windows/win32/ipc/mailslots", "man 7 unix"])
  }

  /// What mailslots claim.
  public var capabilities: Capabilities {
    Capabilities(
      direction: .oneWay, boundaries: .kept, shortRead: .refused, zeroLength: .delivered,
      largest: .bytes(Mailslots.maximumMessage), full: .blocks, reach: .anyProcess, readers: .one,
      writerDeath: .nothing, readerDeath: .error, nameAfterKill: .usable, identity: .pidAndUser,
      access: .sameUser, maximumMessage: Mailslots.maximumMessage)
  }

  /// One name in the scratch directory for all.
  public func rendezvous(
    clients: Int, scratch: ScratchDirectory
  ) throws(TransportError) -> Rendezvous {
    let endpoint = Endpoint(address: scratch.path + MailslotName.prefix + "lab")
    return Rendezvous(server: endpoint, clients: Array(repeating: endpoint, count: clients))
  }

  /// Creates the mailslot at which clients introduce themselves.
  public func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener {
    let (name, runtime) = try resolve(endpoint)
    return MailslotListener(
      try MailslotServer(name, in: runtime, options: .local), runtime)
  }

  /// Introduces this client to the server and waits for its answer.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    let (name, runtime) = try resolve(endpoint)
    let door = try MailslotWriter(name, in: runtime)
    defer { door.close() }
    let replies = try PrivateMailslot(beside: name, in: runtime)
    do throws(TransportError) {
      try translating("connect to \(name)") { () throws(SystemError) in
        try replies.giveUp(whenHungUp: door.io.descriptor)
      }
      try door.write(Introduction.encode(replies.name).span, deadline: deadline)
      guard
        let answer = try Introduction.read(
          deadline,
          { (buffer) throws(TransportError) in
            try replies.read(into: &buffer, deadline: deadline)
          })
      else { throw TransportError(.protocolViolation, "connect to \(name)") }
      return MailslotConnection(
        incoming: replies, outgoing: try MailslotWriter(answer, in: runtime, stamping: false))
    } catch {
      replies.close()
      // The server went away before it answered.
      throw error.code == .endOfFile || error.code == .brokenPipe
        ? TransportError(.notFound, "connect to \(name)") : error
    }
  }

  /// The reader is the mailslot's server.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    let (name, runtime) = try resolve(endpoint)
    switch role {
    case .reader:
      return ServerEnd(
        try MailslotServer(name, in: runtime, options: .local))
    case .writer: return WriterEnd(try MailslotWriter(name, in: runtime))
    }
  }

  private func resolve(
    _ endpoint: Endpoint
  ) throws(TransportError) -> (MailslotName, RuntimeDirectory) {
    let text = endpoint.address
    let start = text.firstRange(of: #"\\"#)?.lowerBound ?? text.endIndex
    let name = try MailslotName(String(text[start...]))
    do throws(SystemError) {
      if start > text.startIndex {
        return (name, try RuntimeDirectory(verifying: String(text[..<start])))
      }
      if let runtime { return (name, runtime) }
      return (name, try RuntimeDirectory.open())
    } catch { throw TransportError(error, "open the runtime directory of \(text)") }
  }
}

/// The message in which one side names its private mailslot to the other.
enum Introduction {
  private static let magic = Array("ipclabM1".utf8)
  private static let longest = 2048

  static func encode(_ name: MailslotName) -> [UInt8] { magic + Array(name.description.utf8) }

  /// The name in a message, `nil` when it is not an introduction.
  static func decode(_ bytes: [UInt8]) -> MailslotName? {
    guard bytes.starts(with: magic) else { return nil }
    return try? MailslotName(String(decoding: bytes.dropFirst(magic.count), as: UTF8.self))
  }

  /// Reads a message and decodes it.
  static func read(
    _ deadline: Deadline, _ body: (inout OutputSpan<UInt8>) throws(TransportError) -> Void
  ) throws(TransportError) -> MailslotName? {
    decode(try [UInt8](capacity: longest, initializingWith: body))
  }
}

/// Answers the clients that introduce themselves.
final class MailslotListener: Listener {
  private let door: MailslotServer
  private let runtime: RuntimeDirectory

  init(_ door: MailslotServer, _ runtime: RuntimeDirectory) {
    self.door = door
    self.runtime = runtime
  }

  /// A client that is gone before it is answered, and a message that is no introduction, are passed
  /// over. A client that stalls later stalls its own conversation only.
  func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    while true {
      var introduced: MailslotName?
      do {
        introduced = try Introduction.read(deadline) { (buffer) throws(TransportError) in
          try door.read(into: &buffer, deadline: deadline)
        }
      } catch {
        if error.code != .moreData { throw error }
        door.discardNext()
      }
      guard let introduced else { continue }
      let incoming = try PrivateMailslot(beside: door.name, in: runtime)
      do throws(TransportError) {
        let outgoing = try MailslotWriter(introduced, in: runtime, stamping: false)
        try translating("answer a client of \(door.name)") { () throws(SystemError) in
          try incoming.giveUp(whenHungUp: outgoing.io.descriptor)
        }
        try outgoing.write(Introduction.encode(incoming.name).span, deadline: .immediate)
        return MailslotConnection(incoming: incoming, outgoing: outgoing)
      } catch {
        incoming.close()
        let isGone: [TransportError.Code] = [.notFound, .brokenPipe, .timedOut, .invalidName]
        if !isGone.contains(error.code) { throw error }
      }
    }
  }

  func close() { door.close() }
}

/// Two mailslots, one each way.
final class MailslotConnection: Connection {
  private let incoming: PrivateMailslot
  private let outgoing: MailslotWriter

  init(incoming: PrivateMailslot, outgoing: MailslotWriter) {
    self.incoming = incoming
    self.outgoing = outgoing
  }

  @inline(__always)
  func send(_ message: Span<UInt8>, deadline: Deadline) throws(TransportError) {
    try outgoing.write(message, deadline: deadline)
  }

  @inline(__always)
  func receive(into buffer: inout OutputSpan<UInt8>, deadline: Deadline) throws(TransportError) {
    try incoming.read(into: &buffer, deadline: deadline)
  }

  func close() {
    incoming.close()
    outgoing.close()
  }

  var peer: PeerIdentity? { outgoing.peer }
}

/// A reader as a probe sees it.
private final class ServerEnd: NativeEnd {
  private let server: MailslotServer

  init(_ server: MailslotServer) { self.server = server }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    throw TransportError(.notSupported, "write at the reading end of \(server.name)")
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    NativeRead(
      bytes: try [UInt8](capacity: limit) { (buffer) throws(TransportError) in
        try server.read(into: &buffer, deadline: deadline)
      })
  }

  var peer: PeerIdentity? { server.peer }

  func close() { server.close() }
}

/// A writer as a probe sees it.
private final class WriterEnd: NativeEnd {
  private let writer: MailslotWriter

  init(_ writer: MailslotWriter) { self.writer = writer }

  func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    try writer.write(bytes.span, deadline: deadline)
    return bytes.count
  }

  func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    throw TransportError(.notSupported, "read at the writing end of \(writer.name)")
  }

  var peer: PeerIdentity? { writer.peer }

  func close() { writer.close() }
}
