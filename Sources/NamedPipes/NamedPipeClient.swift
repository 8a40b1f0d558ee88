internal import Glibc
public import IPCSystem
public import IPCTransport

/// A client's end of a named pipe.
///
/// It reads bytes at first, also on a pipe of messages: ``NamedPipeEnd/setMode(read:wait:)`` changes
/// that.
public final class NamedPipeClient: NamedPipeEnd {
  /// The name.
  public let name: PipeName
  /// What the server laid down.
  public let info: NamedPipeInfo
  /// What this end was opened for.
  public let access: PipeAccess
  /// The connection with the server's instance.
  public let connection: NamedPipeConnection
  /// The server's process and user, as the kernel recorded them when the instance began to listen.
  /// Known before anything is written to it, so that a stranger's server is recognised.
  public let peer: PeerIdentity?

  private let place: PipePlace

  /// How long a server that is alive may take to answer a client that has connected. It does so at
  /// once unless it is stopped, in a debugger for example.
  private static let patience = Duration.seconds(10)

  /// Connects to a free instance of the name; among several, to the one that began to listen first.
  ///
  /// When all are taken, it sleeps until one listens. The server need not wait for a client at this
  /// moment: what is written to the pipe is there when it does.
  ///
  /// - Parameters:
  ///   - access: What this end is for. Data goes only the ways that the pipe has.
  ///   - serverUser: The only user whose server will do, by number; `nil` takes any. Other users who
  ///     serve the same name are then passed over: nothing is sent to them.
  /// - Throws: `.notFound` at once when no server has the name; `.accessDenied` when the pipe does
  ///   not go the way that `access` asks for, is not for this user, or is not the server's that is
  ///   asked for. When all instances are taken:
  ///   `.instancesBusy` with ``Deadline/immediate``, `.timedOut` at another deadline. `.cancelled`
  ///   when the call is (``CancellableCalls``).
  /// - Note: Win32 `CreateFile`, and with a deadline also `WaitNamedPipe`.
  public convenience init(
    _ name: PipeName, access: PipeAccess = .all, in runtime: RuntimeDirectory, deadline: Deadline,
    serverUser: UInt32? = nil
  ) throws(TransportError) {
    try self.init(
      name, access, runtime, deadline, answer: .after(Self.patience), serverUser: serverUser)
  }

  /// - Parameter answer: When to give up waiting for the server to take this client.
  init(
    _ name: PipeName, _ access: PipeAccess, _ runtime: RuntimeDirectory, _ deadline: Deadline,
    answer: Deadline, serverUser: UInt32? = nil
  ) throws(TransportError) {
    let operation = "connect to \(name)"
    var search = InstanceSearch(name, runtime, serverUser: serverUser)
    while true {
      let claim = try search.claim(deadline: deadline) {
        (terms) throws(TransportError) in
        let ways: PipeAccess =
          switch terms.direction {
          case .inbound: .write
          case .outbound: .read
          case .duplex: [.read, .write]
          }
        guard access.intersection([.read, .write]).isSubset(of: ways) else {
          throw TransportError(
            .accessDenied, operation, remedy: "The pipe is \(terms.direction) for its server.")
        }
      }
      let (terms, place) = (claim.terms, claim.place)
      do throws(TransportError) {
        let received = try Welcome.receive(claim.socket, operation, deadline: answer)
        self.name = name
        self.access = access
        self.place = place
        info = NamedPipeInfo(
          side: .client, kind: received.welcome.kind,
          outboundQuota: received.welcome.outboundQuota,
          inboundQuota: received.welcome.inboundQuota, maxInstances: terms.maxInstances)
        connection = NamedPipeConnection(
          name, .link(received.link), .init(read: .byte, wait: .wait))
        peer = received.link.peer
        return
      } catch {
        if error.code == .brokenPipe {
          // The instance was closed before it took us: there may be another. Only a server of this
          // user is trusted not to do so for ever.
          if place.foreignUser == nil || !deadline.hasPassed { continue }
          throw TransportError(
            deadline == .immediate ? .instancesBusy : .timedOut, operation,
            remedy: "The server closed the connection.")
        }
        guard error.code == .accessDenied, let user = place.foreignUser else { throw error }
        search.avoid(user, error)
      }
    }
  }

  deinit { close() }

  /// How many instances the name has now, in all processes.
  public var instanceCount: Int { place.instanceCount }

  /// Closes this end. Threads inside a call leave it with `.closed`. Safe to call twice.
  public func close() { connection.change(.none(.closed))?.end(.closed) }
}
