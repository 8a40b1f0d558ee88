internal import CIPCShims

/// Linux namespaces, as far as the probes need them.
public enum Namespaces {
  /// Moves the calling thread, and those it starts later, to an empty network without even a
  /// loopback interface. Wraps `unshare(2)` with `CLONE_NEWNET`.
  ///
  /// What the file system names (FIFOs, socket files, queues) stays within reach; what goes through
  /// the network stack does not. Sockets that are open already keep their network.
  ///
  /// - Throws: `EPERM` without `CAP_SYS_ADMIN`.
  public static func leaveNetwork() throws(SystemError) {
    try checked("unshare(CLONE_NEWNET)") { cipc_unshare_network() }
  }
}
