internal import Glibc
public import IPCSystem
public import IPCTransport

/// A server of shared-memory conversations at a socket file.
public final class SharedRingListener: Listener {
  private let path: String
  private let policy: WaitPolicy
  private let door: HandshakeListener

  init(path: String, policy: WaitPolicy) throws(SystemError) {
    self.path = path
    self.policy = policy
    door = try HandshakeListener(path: path)
  }

  /// Waits for the next client. See ``Listener/accept(deadline:)``.
  ///
  /// A client that is not one, or that has another policy, is hung up on and does not count.
  public func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    try acceptRing(deadline: deadline)
  }

  /// As ``accept(deadline:)``, with the mechanism's own type.
  public func acceptRing(deadline: Deadline) throws(TransportError) -> SharedRingConnection {
    while true {
      do throws(SystemError) {
        let client = try door.accept(deadline: deadline)
        do throws(SystemError) {
          return try SharedRing.admit(client.tether, client.hello, policy: policy)
        } catch {
          // The client's fault, unless this process is short of something.
          if [EMFILE, ENFILE, ENOMEM, EAGAIN].contains(error.code) { throw error }
        }
      } catch { throw TransportError(error, "accept at \(path)") }
    }
  }

  /// Stops to serve and removes the socket file. See ``Listener/close()``.
  public func close() { door.close() }
}
