internal import IPCSystem
internal import IPCTransport
internal import Synchronization

/// Names for sockets in a scratch directory, which removes them with itself.
enum SocketNames {
  private static let next = Atomic<Int>(0)

  static func path(in scratch: ScratchDirectory) throws(TransportError) -> String {
    let number = next.add(1, ordering: .relaxed).oldValue
    let path = scratch.path + "/s-" + String(number, radix: 36)
    guard path.utf8.count <= LocalSocket.longestPath else {
      throw TransportError(
        .invalidArgument, "name a socket \(path)", limit: LocalSocket.longestPath,
        remedy: "Socket paths end at \(LocalSocket.longestPath) bytes: set IPCLAB_RUNTIME_DIR to "
          + "a shorter path.")
    }
    return path
  }

  static func meeting(clients: Int, at path: String) -> Rendezvous {
    let endpoint = Endpoint(address: path)
    return Rendezvous(
      server: endpoint, clients: Array(repeating: endpoint, count: clients))
  }
}

extension Endpoint {
  /// Closes the descriptors that came with the endpoint, which this process owns.
  func closeDescriptors() {
    for number in descriptors { OwnedDescriptor(adopting: number).close() }
  }
}
