internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// Finds an instance of a name that a client can have.
struct InstanceSearch {
  /// A socket connected to an instance.
  struct Claim: ~Copyable {
    let socket: OwnedDescriptor
    let names: NameState
    let directory: NameDirectory
  }

  private let name: PipeName
  private let runtime: RuntimeDirectory

  init(_ name: PipeName, _ runtime: RuntimeDirectory) {
    self.name = name
    self.runtime = runtime
  }

  private func directory() throws(SystemError) -> NameDirectory {
    try NamedPipes.registry(runtime).directory(of: name.base)
  }

  /// Connects to a free instance; among several, to the one that began to listen first.
  ///
  /// - Parameter mayHave: Throws when this client may not have the pipe as its server made it.
  /// - Throws: `.notFound` at once when no server has the name; `.instancesBusy` when all instances
  ///   are taken and the deadline is ``Deadline/immediate``, `.timedOut` at another deadline.
  func claim(
    deadline: Deadline, _ mayHave: (NameState.Terms) throws(TransportError) -> Void
  ) throws(TransportError) -> Claim {
    let operation = "connect to \(name)"
    var found: OwnedDescriptor?
    let (names, directory) = try search(operation, deadline) {
      (directory, names) throws(TransportError) in
      try mayHave(names.terms)
      do throws(SystemError) { found = try Self.firstFree(in: directory) } catch {
        throw TransportError(error, operation)
      }
      return found != nil
    }
    guard let socket = found.take() else { throw TransportError(.notFound, operation) }
    return Claim(socket: socket, names: names, directory: directory)
  }

  /// Waits until an instance listens.
  func waitForFree(_ deadline: Deadline?) throws(TransportError) {
    var end = deadline
    if end == nil { end = try defaultDeadline() }
    do throws(TransportError) {
      _ = try search("wait for an instance of \(name)", end ?? .immediate) {
        (directory, _) throws(TransportError) in
        !Self.listening(in: directory).isEmpty
      }
    } catch {
      throw error.code == .instancesBusy
        ? TransportError(.timedOut, error.operation, remedy: error.remedy) : error
    }
  }

  /// When who does not say gives up: after the server's default time-out.
  func defaultDeadline() throws(TransportError) -> Deadline {
    let operation = "wait for an instance of \(name)"
    let names = try translating(operation) { () throws(SystemError) in
      try NameState(opening: directory())
    }
    return .after(.milliseconds(Int64(names.terms.defaultTimeout)))
  }

  // MARK: - Inside

  /// Runs `attempt` whenever an instance may have become free, until it succeeds.
  private func search(
    _ operation: String, _ deadline: Deadline,
    _ attempt: (NameDirectory, NameState) throws(TransportError) -> Bool
  ) throws(TransportError) -> (NameState, NameDirectory) {
    let directory: NameDirectory
    do throws(SystemError) { directory = try self.directory() } catch {
      throw TransportError(error, operation)
    }
    if let names = try? NameState(opening: directory), try attempt(directory, names) {
      return (names, directory)
    }
    while true {
      // Nobody listens. Only with the directory locked is it certain whether anybody is alive.
      let found: Living?
      do throws(SystemError) { found = try Self.living(in: directory) } catch {
        throw TransportError(error, operation)
      }
      guard let living = found else {
        throw TransportError(
          .notFound, operation, remedy: "No process has created a pipe of this name.")
      }
      let seen = living.names.generation
      if try attempt(directory, living.names) { return (living.names, directory) }
      if deadline.hasPassed {
        throw TransportError(
          deadline == .immediate ? .instancesBusy : .timedOut, operation,
          remedy: "All instances have clients; the server must create or free one.")
      }
      try translating(operation) { () throws(SystemError) in
        try living.waitForChange(from: seen, deadline)
      }
    }
  }

  private static func living(in directory: NameDirectory) throws(SystemError) -> Living? {
    let found = try directory.withLock(creating: false) {
      (directory) throws(SystemError) -> Living? in
      let owners = directory.livingOwners()
      if !owners.isEmpty {
        return Living(names: try NameState(opening: directory), servers: Set(owners))
      }
      directory.removeDeadOwners()
      directory.removeIfUnowned()
      return nil
    }
    return found ?? nil
  }

  /// File names of the sockets that listen, in the order in which they began to.
  private static func listening(in directory: NameDirectory) -> [String] {
    let sockets = directory.entries().compactMap { entry -> (turn: UInt32, name: String)? in
      guard entry.rest.hasSuffix(NamedPipes.listenerSuffix),
        let turn = UInt32(entry.rest.dropLast(NamedPipes.listenerSuffix.count))
      else { return nil }
      return (turn, entry.name)
    }
    return sockets.sorted { $0.turn < $1.turn }.map(\.name)
  }

  private static func firstFree(in directory: NameDirectory) throws(SystemError) -> OwnedDescriptor?
  {
    let listening = listening(in: directory)
    if listening.isEmpty { return nil }
    let socket = try LocalSocket.make(.seqpacket)
    for instance in listening {
      do {
        try directory.connect(socket.raw, to: instance)
        return socket
      } catch {
        // Gone, dead, or claimed by another client: the next one.
        guard [ENOENT, ECONNREFUSED, EAGAIN].contains(error.code) else { throw error }
      }
    }
    return nil
  }

  /// A name whose servers are alive.
  private struct Living {
    let names: NameState
    let servers: Set<Int32>

    /// Sleeps until an instance listens or goes away, or one of the servers dies.
    func waitForChange(from seen: UInt32, _ deadline: Deadline) throws(SystemError) {
      var watches: [(token: UInt64, descriptor: Int32)] = []
      defer {
        for watch in watches {
          PeerWatcher.shared.stop(watch.token)
          OwnedDescriptor(adopting: watch.descriptor).close()
        }
      }
      for server in servers {
        // One that has died in the meantime: look again.
        guard let process = try? Processes.openPidfd(server) else { return }
        let names = self.names
        let token = try PeerWatcher.shared.watch(process.raw, pidfd: true) {
          names.announceChange()
        }
        watches.append((token, process.release()))
      }
      names.wait(while: seen, deadline: deadline)
    }
  }
}
