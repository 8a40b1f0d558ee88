internal import Glibc
public import IPCSystem
public import IPCTransport

/// Conversations over shared memory between processes that meet at a socket file.
///
/// The client makes the memory, sealed so that nobody can shrink it under the other, and hands it
/// to the server in its first and only message over the socket. The memory has no name and nothing
/// of it is left when both are gone, however they went.
///
/// ```swift
/// let listener = try SharedRing.listen(at: path, policy: .hybrid)     // in the server
/// let server = try listener.accept(deadline: .never)
/// let client = try SharedRing.connect(to: path, policy: .hybrid)      // in a client
/// ```
public enum SharedRing {
  /// The longest message, in bytes (4,128,768). A message lies in one piece in its ring.
  public static var maximumMessage: Int { RingLayout.maximumMessage }

  /// Starts to serve at `path`, which a socket file takes that only this user may open.
  ///
  /// A file that a dead server left there is replaced.
  ///
  /// - Throws: `.nameInUse` while another server lives there.
  public static func listen(
    at path: String, policy: WaitPolicy
  ) throws(TransportError) -> SharedRingListener {
    try translating("listen at \(path)") { () throws(SystemError) in
      try SharedRingListener(path: path, policy: policy)
    }
  }

  /// Connects to the server at `path` and may send at once; the server accepts when it likes.
  ///
  /// Both sides must use the same policy. A server with another one hangs up.
  ///
  /// - Throws: `.notFound` when there is no server, `.timedOut` when its backlog stays full.
  public static func connect(
    to path: String, policy: WaitPolicy, deadline: Deadline = .never
  ) throws(TransportError) -> SharedRingConnection {
    try translating("connect to \(path)") { () throws(SystemError) in
      let socket = try LocalSocket.make(.seqpacket)
      try LocalSocket.connect(socket.raw, to: path, deadline: deadline)
      return try open(over: socket, policy: policy)
    }
  }

  /// Both sides of a conversation, for two threads or to hand one on.
  public static func pair(
    policy: WaitPolicy
  ) throws(TransportError) -> (client: SharedRingConnection, server: SharedRingConnection) {
    try translating("make a pair of rings") { () throws(SystemError) in
      let sockets = try LocalSocket.pair(.seqpacket)
      let client = try open(over: sockets.first, policy: policy)
      let hello = try LocalSocket.receive(
        limit: HandshakeListener.longestHello, from: sockets.second.raw)
      return (client, try admit(sockets.second, hello, policy: policy))
    }
  }

  /// The client's side: makes the memory and hands it over.
  static func open(
    over socket: consuming OwnedDescriptor, policy: WaitPolicy
  ) throws(SystemError) -> SharedRingConnection {
    let created = try SharedMapping.create(name: "ipclab-ring", size: RingLayout.size)
    RingCore.format(created.mapping, policy: policy)
    try LocalSocket.send([UInt8(1)], descriptors: [created.file.raw], over: socket.raw)
    return try SharedRingConnection(
      created.mapping, side: .client, policy: policy, tether: socket)
  }

  /// The server's side: takes the memory that came with the hello, and checks it.
  ///
  /// - Throws: `EPROTO` when what came is not a ring of this layout and policy.
  static func admit(
    _ socket: consuming OwnedDescriptor, _ hello: consuming LocalSocket.Received,
    policy: WaitPolicy
  ) throws(SystemError) -> SharedRingConnection {
    guard let file = hello.takeDescriptor() else {
      throw SystemError(code: EPROTO, call: "recvmsg")
    }
    let mapping = try SharedMapping(mappingSealed: file, size: RingLayout.size)
    guard RingCore.isFormatted(mapping, policy: policy) else {
      throw SystemError(code: EPROTO, call: "recvmsg")
    }
    return try SharedRingConnection(mapping, side: .server, policy: policy, tether: socket)
  }
}
