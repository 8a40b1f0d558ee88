public import IPCSystem
public import IPCTransport
internal import Synchronization

/// A listener that can say where clients reach it.
///
/// After `listen(at:)` with `127.0.0.1:0` this is how to learn the port:
/// ```swift
/// let listener = try TCP().listen(at: Endpoint(address: "127.0.0.1:0"))
/// let address = (listener as? any AddressedListener)?.endpoint
/// ```
public protocol AddressedListener: Listener {
  /// The endpoint for clients.
  var endpoint: Endpoint { get }
}

/// Accepts clients of a listening stream or seqpacket socket.
public final class SocketListener: AddressedListener {
  /// The endpoint for clients.
  public let endpoint: Endpoint
  private let socket: DescriptorIO
  private let path: String?
  private let nameGone = Atomic<Bool>(false)
  private let serve: @Sendable (consuming OwnedDescriptor) throws(SystemError) -> any Connection

  /// How many clients may wait to be accepted; `net.core.somaxconn` may allow fewer.
  static let backlog: Int32 = 1024

  init(
    adopting socket: consuming OwnedDescriptor, address: String, path: String? = nil,
    serve:
      @escaping @Sendable (consuming OwnedDescriptor) throws(SystemError) -> any Connection
  ) {
    self.socket = DescriptorIO(adopting: socket)
    self.path = path
    endpoint = Endpoint(address: address)
    self.serve = serve
  }

  deinit { close() }

  /// Waits for the next client. See ``Listener/accept(deadline:)``. Here: `accept4(2)`.
  public func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    do {
      return try serve(try LocalSocket.accept(from: socket, deadline: deadline))
    } catch { throw TransportError(error, "accept at \(endpoint.address)") }
  }

  /// Stops to serve and removes the name. See ``Listener/close()``.
  public func close() {
    if let path, !nameGone.exchange(true, ordering: .acquiringAndReleasing) {
      LocalSocket.removeName(path)
    }
    socket.close()
  }
}
