internal import Glibc
internal import IPCSystem

/// Where a name was found, as its client sees it.
enum PipePlace {
  /// With this user's names: the state and the locks can be used.
  case own(NameDirectory)
  /// With another user's, who may have made up what is there.
  case foreign(ForeignName)

  /// The user who serves here; `nil` for this user.
  var foreignUser: UInt32? {
    switch self {
    case .own: nil
    case .foreign(let name): name.uid
    }
  }

  /// How many instances live.
  var instanceCount: Int {
    switch self {
    case .own(let directory): directory.countLivingOwners()
    case .foreign(let name): name.livingOwners().count
    }
  }

  var directory: NameDirectory? {
    switch self {
    case .own(let directory): directory
    case .foreign(let name): name.directory
    }
  }

  /// File names of the sockets that listen, in the order in which they began to. Those of servers
  /// that were killed may be among them.
  func listening() -> [NameDirectory.Entry] {
    let sockets = (directory?.entries() ?? []).compactMap {
      entry -> (turn: UInt32, entry: NameDirectory.Entry)? in
      guard entry.rest.hasSuffix(NamedPipes.listenerSuffix),
        let turn = UInt32(entry.rest.dropLast(NamedPipes.listenerSuffix.count))
      else { return nil }
      return (turn, entry)
    }
    return sockets.sorted { $0.turn < $1.turn }.map(\.entry)
  }

  /// Whether an instance listens. For a name of this user that is known to have a living server, and
  /// nothing of dead ones.
  func hasListener() -> Bool {
    let listening = listening()
    guard case .foreign(let name) = self, !listening.isEmpty else { return !listening.isEmpty }
    let alive = name.livingOwners()
    return listening.contains { alive.contains($0.owner) }
  }

  /// Connects to the first instance that has room.
  ///
  /// - Throws: `EACCES` when this process may not, or another user than the owner of the name
  ///   answers.
  func connectToFirstFree() throws(SystemError) -> OwnedDescriptor? {
    let listening = listening()
    guard !listening.isEmpty, let directory else { return nil }
    let socket = try LocalSocket.make(.seqpacket)
    for instance in listening {
      do throws(SystemError) { try directory.connect(socket.raw, to: instance.name) } catch {
        // Gone, dead, or claimed by another client: the next one.
        if [ENOENT, ECONNREFUSED, EAGAIN].contains(error.code) { continue }
        throw error
      }
      if let user = foreignUser, try LocalSocket.peer(of: socket.raw).uid != user {
        throw SystemError(code: EACCES, call: "connect")
      }
      return socket
    }
    return nil
  }
}
