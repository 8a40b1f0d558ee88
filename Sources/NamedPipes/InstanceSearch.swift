internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// Finds an instance of a name that a client can have.
///
/// It looks among the names of this user first, then among those that others let it see, in the order
/// of the users' numbers. The first place with a living server that admits this client is the one.
struct InstanceSearch {
  /// A socket connected to an instance.
  struct Claim: ~Copyable {
    let socket: OwnedDescriptor
    let terms: NameState.Terms
    let place: PipePlace
  }

  private let name: PipeName
  private let runtime: RuntimeDirectory
  /// The only user whose server will do; `nil` for any.
  private let serverUser: UInt32?
  /// Other users' servers that have refused this client, and how.
  private var refusals: [UInt32: TransportError] = [:]

  init(_ name: PipeName, _ runtime: RuntimeDirectory, serverUser: UInt32?) {
    self.name = name
    self.runtime = runtime
    self.serverUser = serverUser
  }

  /// Leaves out the server of another user, which has refused this client.
  mutating func avoid(_ user: UInt32, _ refusal: TransportError) { refusals[user] = refusal }

  /// Connects to a free instance; among several, to the one that began to listen first.
  ///
  /// - Parameter mayHave: Throws when this client may not have the pipe as its server made it.
  /// - Throws: `.notFound` at once when no server has the name; `.accessDenied`; `.instancesBusy` when
  ///   all instances are taken and the deadline is ``Deadline/immediate``, `.timedOut` at another
  ///   deadline.
  func claim(
    deadline: Deadline, _ mayHave: (NameState.Terms) throws(TransportError) -> Void
  ) throws(TransportError) -> Claim {
    let operation = "connect to \(name)"
    var found: OwnedDescriptor?
    func attempt(_ place: PipePlace, _ terms: NameState.Terms) throws(TransportError) -> Bool {
      try mayHave(terms)
      do throws(SystemError) { found = try place.connectToFirstFree() } catch {
        throw TransportError(
          error, operation,
          remedy: error.code == EACCES ? "The server does not admit this user." : nil)
      }
      return found != nil
    }
    // Nearly always the name is this user's and an instance listens: that needs no lock.
    if let home = mayUseOwn ? try home(computer(), operation) : nil,
      let names = try? NameState(opening: home),
      try attempt(.own(home), names.terms), let socket = found.take()
    {
      return Claim(socket: socket, terms: names.terms, place: .own(home))
    }
    let (terms, place) = try search(operation, deadline, attempt)
    guard let socket = found.take() else { throw TransportError(.notFound, operation) }
    return Claim(socket: socket, terms: terms, place: place)
  }

  /// Waits until an instance listens.
  func waitForFree(_ deadline: Deadline?) throws(TransportError) {
    var end = deadline
    if end == nil { end = try defaultDeadline() }
    do throws(TransportError) {
      _ = try search("wait for an instance of \(name)", end ?? .immediate) { (place, _) in
        place.hasListener()
      }
    } catch {
      throw error.code == .instancesBusy
        ? TransportError(.timedOut, error.operation, remedy: error.remedy) : error
    }
  }

  /// When who does not say gives up: after the server's default time-out.
  func defaultDeadline() throws(TransportError) -> Deadline {
    let (terms, _) = try search("wait for an instance of \(name)", .immediate) { (_, _) in true }
    return .after(.milliseconds(Int64(terms.defaultTimeout)))
  }

  // MARK: - Inside

  private typealias Attempt = (PipePlace, NameState.Terms) throws(TransportError) -> Bool

  private var mayUseOwn: Bool { serverUser.map { $0 == geteuid() } ?? true }

  /// The computer whose pipe it is, which is known.
  private func computer() throws(TransportError) -> PipeComputer {
    let computer = try PipeComputer(of: name)
    try computer.verify(name, in: runtime)
    return computer
  }

  private func home(
    _ computer: PipeComputer, _ operation: String
  ) throws(TransportError) -> NameDirectory {
    try translating(operation) { () throws(SystemError) in
      try computer.registry(runtime).directory(of: name.base)
    }
  }

  /// What came of looking at a place.
  private enum Look {
    /// The attempt succeeded.
    case success(NameState.Terms)
    /// Something has changed: look at all places again.
    case changed
    /// Nobody serves here.
    case nobody
    /// Somebody does, and this client may not have it.
    case denied(TransportError)
  }

  /// Runs `attempt` whenever an instance may have become free, until it succeeds.
  private func search(
    _ operation: String, _ deadline: Deadline, _ attempt: Attempt
  ) throws(TransportError) -> (NameState.Terms, PipePlace) {
    while true {
      var denial: TransportError?
      var hasChanged = false
      for place in try places(operation) {
        switch try look(at: place, operation, deadline, attempt) {
        case .success(let terms): return (terms, place)
        case .changed: hasChanged = true
        case .nobody: break
        case .denied(let error): denial = denial ?? error
        }
        if hasChanged { break }
      }
      if hasChanged { continue }
      throw denial
        ?? TransportError(
          .notFound, operation, remedy: "No process has created a pipe of this name.")
    }
  }

  /// Where the name may be, in the order of preference.
  private func places(_ operation: String) throws(TransportError) -> [PipePlace] {
    let computer = try computer()
    let shared = computer.sharedNames(runtime)
    var places = [PipePlace.own(try home(computer, operation))]
    do throws(SystemError) {
      if let directory = try shared.directory(of: name.base) { places.append(.own(directory)) }
    } catch { throw TransportError(error, operation) }
    return places + shared.foreign(name.base).map { .foreign($0) }
  }

  private func look(
    at place: PipePlace, _ operation: String, _ deadline: Deadline, _ attempt: Attempt
  ) throws(TransportError) -> Look {
    switch place {
    case .own(let directory):
      return try look(at: directory, operation, deadline) { (terms) throws(TransportError) in
        try attempt(place, terms)
      }
    case .foreign(let other):
      do throws(TransportError) {
        return try look(at: other, operation, deadline) { (terms) throws(TransportError) in
          try attempt(place, terms)
        }
      } catch {
        // It must not keep this client from another user's server.
        if error.code == .accessDenied { return .denied(error) }
        throw error
      }
    }
  }

  private func look(
    at directory: NameDirectory, _ operation: String, _ deadline: Deadline,
    _ attempt: (NameState.Terms) throws(TransportError) -> Bool
  ) throws(TransportError) -> Look {
    // Only with the directory locked is it certain whether anybody is alive.
    let found: Living?
    do throws(SystemError) { found = try Self.living(in: directory) } catch {
      throw TransportError(error, operation)
    }
    guard let living = found else { return .nobody }
    if !mayUseOwn { return .denied(anotherUser(operation)) }
    let (seen, terms) = (living.names.generation, living.names.terms)
    if try attempt(terms) { return .success(terms) }
    try checkTime(operation, deadline)
    try translating(operation) { () throws(SystemError) in
      try living.waitForChange(from: seen, deadline)
    }
    return .changed
  }

  private func look(
    at other: ForeignName, _ operation: String, _ deadline: Deadline,
    _ attempt: (NameState.Terms) throws(TransportError) -> Bool
  ) throws(TransportError) -> Look {
    guard let directory = other.directory else {
      return .denied(
        TransportError(.accessDenied, operation, remedy: "The server does not admit this user."))
    }
    func terms() -> NameState.Terms? {
      let bytes = try? directory.read(NameState.fileName, upTo: NameState.headSize)
      return bytes.flatMap { NameState.Terms(foreign: $0) }
    }
    guard let first = terms(), other.isServed else { return .nobody }
    if let serverUser, serverUser != other.uid { return .denied(anotherUser(operation)) }
    if let refusal = refusals[other.uid] { return .denied(refusal) }
    if try attempt(first) { return .success(first) }
    try checkTime(operation, deadline)
    let watch: ForeignName.Watch
    do throws(SystemError) { watch = try other.watch() } catch {
      throw TransportError(error, operation)
    }
    while true {
      // Also the first time: what happened before the watch began does not end the wait.
      guard let now = terms() else { return .nobody }
      if try attempt(now) { return .success(now) }
      try checkTime(operation, deadline)
      do throws(SystemError) {
        if try !watch.wait(deadline: deadline) { return .nobody }
      } catch { throw TransportError(error, operation) }
    }
  }

  private func checkTime(_ operation: String, _ deadline: Deadline) throws(TransportError) {
    if CancellableCalls.isCancelled { throw TransportError(.cancelled, operation) }
    if deadline.hasPassed {
      throw TransportError(
        deadline == .immediate ? .instancesBusy : .timedOut, operation,
        remedy: "All instances have clients; the server must create or free one.")
    }
  }

  private func anotherUser(_ operation: String) -> TransportError {
    TransportError(.accessDenied, operation, remedy: "The server runs as another user.")
  }

  private static func living(in directory: NameDirectory) throws(SystemError) -> Living? {
    let found = try directory.withLock(creating: false) {
      (directory) throws(SystemError) -> Living? in
      let owners = directory.removeDeadOwners()
      if !owners.isEmpty {
        return Living(names: try NameState(opening: directory), servers: Set(owners))
      }
      directory.removeIfUnowned()
      return nil
    }
    return found ?? nil
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
