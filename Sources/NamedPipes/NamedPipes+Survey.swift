internal import Glibc
public import IPCSystem

/// What an instance says of itself to whoever surveys the names.
enum PipeNote: Equatable {
  /// It has a client: the client's process, where the kernel told.
  case connected(Int32?)
  /// It has none and does not listen.
  case disconnected

  var text: String {
    switch self {
    case .connected(let pid): pid.map { "connected \($0)" } ?? "connected"
    case .disconnected: "disconnected"
    }
  }

  init?(_ text: String) {
    let words = text.split(separator: " ")
    switch words.first {
    case "connected": self = .connected(words.count > 1 ? Int32(words[1]) : nil)
    case "disconnected": self = .disconnected
    default: return nil
    }
  }
}

/// A named pipe with its instances, as it is found from outside.
public struct SurveyedPipe: Sendable, Codable {
  /// An instance.
  public struct Instance: Sendable, Codable {
    /// Where an instance stands.
    public enum State: String, Sendable, Codable {
      /// It waits for a client.
      case listening
      /// It has one.
      case connected
      /// Its client's process has ended, and it has not been disconnected.
      case clientEnded = "client ended"
      /// It has none and does not listen.
      case disconnected
      /// That another user's instance does not listen is all that can be seen.
      case taken
    }

    /// Where it stands.
    public let state: State
    /// The server's process.
    public let owner: ProcessFacts
    /// The client's process, of a connected instance.
    public let client: ProcessFacts?
  }

  /// The whole name; `nil` when it cannot be told.
  public let name: String?
  /// `message` or `byte`; `nil` when it cannot be told.
  public let type: String?
  /// `inbound`, `outbound` or `duplex`, as the server sees it.
  public let direction: String?
  /// How many instances the name can have; `nil` for any number.
  public let maxInstances: Int?
  /// Who may connect: `same user`, `group N`, `users N, N`, `everyone`; for another user's pipe `other user`.
  public let access: String
  /// The user it belongs to.
  public let user: String
  /// The instances that are alive.
  public let instances: [Instance]
  /// Where the name is kept.
  public let place: String
}

extension NamedPipes {
  private static let known: Set<String> = [NameState.fileName]
  fileprivate static var ownUser: UInt32 { geteuid() }

  /// The pipes of this user, and those of others that they let this user see.
  ///
  /// Nothing is changed. Also says what is among them that is none.
  public static func survey(
    _ runtime: RuntimeDirectory
  ) -> (pipes: [SurveyedPipe], foreign: [SurveyedPath]) {
    var pipes: [SurveyedPipe] = []
    var foreign: [SurveyedPath] = []
    for computer in PipeComputer.all(in: runtime) {
      let look = { (name: SurveyedName) in
        if !name.owners.isEmpty { pipes.append(SurveyedPipe(name, of: computer)) }
      }
      foreign += computer.existingRegistry(runtime)?.survey(knowing: known, look) ?? []
      foreign += computer.sharedNames(runtime).survey(knowing: known, look)
    }
    return (pipes, foreign)
  }

  /// Whether something of this name in the runtime directory is where a computer's pipes are kept.
  public static func isPlace(_ name: String) -> Bool { PipeComputer.isPlace(name) }

  /// Removes what this user's ended servers have left, and says what; never anything alive.
  public static func clean(_ runtime: RuntimeDirectory) -> [SurveyedPath] {
    PipeComputer.all(in: runtime).flatMap { computer in
      (computer.existingRegistry(runtime)?.clean("pipe", knowing: known) ?? [])
        + computer.sharedNames(runtime).clean("pipe", knowing: known)
    }
  }

  /// What servers that have ended have left; what ``clean(_:)`` would remove at this moment.
  public static func remains(_ runtime: RuntimeDirectory) -> [SurveyedPath] {
    var found: [SurveyedPath] = []
    let look = { (name: SurveyedName) in found += name.removals("pipe") }
    for computer in PipeComputer.all(in: runtime) {
      _ = computer.existingRegistry(runtime)?.survey(knowing: known, look)
      _ = computer.sharedNames(runtime).survey(knowing: known) { if $0.uid == ownUser { look($0) } }
    }
    return found
  }
}

extension SurveyedPipe {
  fileprivate init(_ name: SurveyedName, of computer: PipeComputer) {
    let isForeign = name.uid != NamedPipes.ownUser
    let terms: NameState.Terms?
    if isForeign {
      let bytes = try? name.directory.read(NameState.fileName, upTo: NameState.headSize)
      terms = bytes.flatMap { NameState.Terms(foreign: $0) }
    } else {
      terms = (try? NameState(opening: name.directory))?.terms
    }
    self.name = name.text.map { computer.prefix + $0 }
    type = terms.map { "\($0.kind)" }
    direction = terms.map { "\($0.direction)" }
    maxInstances = terms?.maxInstances
    access = isForeign ? "other user" : terms?.access.words ?? "same user"
    user = ProcessFacts.user(name.uid)
    place = name.place
    instances = name.owners.map { owner in
      let isListening = name.files(of: owner.number).contains {
        $0.hasSuffix(NamedPipes.listenerSuffix)
      }
      let facts = ProcessFacts(of: owner.pid)
      if isListening { return Instance(state: .listening, owner: facts, client: nil) }
      switch PipeNote(owner.note) {
      case .connected(let pid):
        let client = pid.map { ProcessFacts(of: $0) }
        let hasEnded = client?.user.isEmpty ?? false
        return Instance(state: hasEnded ? .clientEnded : .connected, owner: facts, client: client)
      case .disconnected: return Instance(state: .disconnected, owner: facts, client: nil)
      case nil:
        return Instance(state: isForeign ? .taken : .disconnected, owner: facts, client: nil)
      }
    }
  }
}

extension NamedPipes.AccessControl {
  fileprivate var words: String {
    switch self {
    case .sameUser: "same user"
    case .group(let number): "group \(number)"
    case .users(let numbers): "users " + numbers.map(String.init).joined(separator: ", ")
    case .everyone: "everyone"
    }
  }
}
