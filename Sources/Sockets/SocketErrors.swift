internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// Translates the error of a transfer on a connected socket.
func transferError(_ error: SystemError, _ operation: String, limit: Int? = nil) -> TransportError {
  switch error.code {
  case EMSGSIZE:
    TransportError(.messageTooLarge, operation, system: error, limit: limit)
  // On a connected datagram socket: the peer's socket is gone.
  case ECONNREFUSED, ENOTCONN:
    TransportError(.brokenPipe, operation, system: error)
  case ENOBUFS:
    TransportError(
      .limitReached, operation, system: error,
      remedy: "The kernel had no memory for a message of this size; send smaller ones.")
  default: TransportError(error, operation)
  }
}

/// Translates the error of an address that cannot be used.
func addressError(_ error: SystemError, _ operation: String) -> TransportError {
  switch error.code {
  case EINVAL:
    TransportError(
      .invalidArgument, operation, system: error, remedy: "Write the address as host:port.")
  case EADDRNOTAVAIL: TransportError(.notFound, operation, system: error)
  case ENAMETOOLONG:
    TransportError(
      .invalidArgument, operation, system: error, limit: LocalSocket.longestPath,
      remedy: "A socket's path has at most \(LocalSocket.longestPath) bytes: choose a shorter one "
        + "(IPCLAB_RUNTIME_DIR, if the name is no path of your own)")
  default: TransportError(error, operation)
  }
}
