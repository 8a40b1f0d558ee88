internal import Glibc
public import IPCSystem

/// Names that processes of this user give to what they serve by transports whose own names are paths
/// or ports: `unix-stream` and `demo` instead of a path.
///
/// Whatever the transport, the name ends with the process, and another look finds out who serves it.
public struct ServiceNames: Sendable {
  private static let kind = "services"
  private static let addressSuffix = "at"
  /// What the file of a socket or FIFO is called, behind the owner's number.
  private static let fileSuffix = "s"

  private let runtime: RuntimeDirectory

  /// The names in a runtime directory.
  public init(in runtime: RuntimeDirectory) { self.runtime = runtime }

  /// A name that this process serves. It goes when this value goes.
  public final class Claim: Sendable {
    /// Where to serve: the address that was asked for, or a path of the name's own.
    public let address: String
    private let owner: Locked<NameOwner?>
    /// Whether a FIFO was there before: then it is somebody's, and stays.
    private let isOthers: Bool

    fileprivate init(_ address: String, _ owner: consuming NameOwner) {
      self.address = address
      self.owner = Locked(consume owner)
      isOthers = FileIdentity.isFIFO(address)
    }

    /// Says where it is served after all, and how things stand. Call it when the address exists.
    public func announce(_ address: String, _ state: String) {
      owner.withLock { owner in
        guard let directory = owner?.directory, let number = owner?.number else { return }
        let file = "\(number).\(ServiceNames.addressSuffix)"
        let identity = isOthers ? nil : FileIdentity.of(address)
        try? directory.write("\(address)\n\(identity ?? "")", to: file)
        try? owner?.note(state)
      }
    }

    /// Gives the name up. Safe to call twice.
    public func release() { _ = owner.withLock { $0.take() } }
  }

  /// Takes a name.
  ///
  /// - Parameter address: Where it is served; `nil` for a path of its own.
  /// - Throws: `.nameInUse` when a process serves it.
  public func claim(
    _ transport: String, _ name: String, address: String?
  ) throws(TransportError) -> Claim {
    let operation = "serve \(transport):\(name)"
    do throws(SystemError) {
      let registry = try NameRegistry(Self.kind, in: runtime)
      let claim = try registry.withName("\(transport):\(name)", creating: true) {
        (directory) throws(SystemError) -> Claim in
        let living = directory.removeDeadOwners()
        if let pid = living.first {
          throw SystemError(code: EADDRINUSE, call: "process \(pid) serves it")
        }
        let owner = try directory.addOwner()
        let path = directory.path + "/\(owner.number).\(Self.fileSuffix)"
        return Claim(address ?? path, owner)
      }
      guard let claim else { throw SystemError(code: ENOENT, call: "mkdir") }
      return claim
    } catch { throw TransportError(error, operation) }
  }

  /// Where a name is served; `nil` when nobody does.
  public func address(_ transport: String, _ name: String) -> String? {
    guard let registry = NameRegistry(existing: Self.kind, in: runtime) else { return nil }
    let found = try? registry.withName("\(transport):\(name)", creating: false) {
      (directory) throws(SystemError) -> String? in
      directory.removeDeadOwners()
      for entry in directory.entries() where entry.rest == Self.addressSuffix {
        return directory.read(entry.name)?.split(separator: "\n").first.map(String.init)
      }
      return nil
    }
    return found.flatMap { $0 }
  }

  /// A name that a process serves.
  public struct Service: Sendable, Codable {
    /// The transport's id.
    public let transport: String
    /// The name.
    public let name: String
    /// The path, or the address and port.
    public let address: String
    /// `listening` or `connected`.
    public let state: String
    /// The process.
    public let owner: ProcessFacts
  }

  /// The names that are served. Nothing is changed. Also says what is among them that is none.
  public func survey() -> (services: [Service], foreign: [SurveyedPath]) {
    var services: [Service] = []
    let foreign =
      NameRegistry(existing: Self.kind, in: runtime)?.survey { name in
        for owner in name.owners {
          let words = (name.text ?? "?:?").split(separator: ":", maxSplits: 1).map(String.init)
          let at = name.directory.read("\(owner.number).\(Self.addressSuffix)") ?? ""
          services.append(
            Service(
              transport: words[0], name: words.count > 1 ? words[1] : "",
              address: at.split(separator: "\n").first.map(String.init) ?? "",
              state: owner.note.isEmpty ? "starting" : owner.note,
              owner: ProcessFacts(of: owner.pid)))
        }
      } ?? []
    return (services, foreign)
  }

  /// What processes that have ended have left; what ``clean()`` would remove at this moment.
  public func remains() -> [SurveyedPath] {
    var found: [SurveyedPath] = []
    _ = NameRegistry(existing: Self.kind, in: runtime)?.survey { name in
      found += Self.outside(name).map { SurveyedPath(path: $0, what: Self.words(name)) }
      found += name.removals("service")
    }
    return found
  }

  /// Removes what ended processes have left, and says what; never anything alive.
  public func clean() -> [SurveyedPath] {
    guard let registry = NameRegistry(existing: Self.kind, in: runtime) else { return [] }
    var removed: [SurveyedPath] = []
    // Files elsewhere first: once the owner's own are gone, nobody knows of them.
    _ = registry.survey { name in
      for path in Self.outside(name) where unsafe unlink(path) == 0 {
        removed.append(SurveyedPath(path: path, what: Self.words(name)))
      }
    }
    return removed + registry.clean("service")
  }

  private static func words(_ name: SurveyedName) -> String {
    "the address of \(name.text ?? "a service"), whose process has ended"
  }

  /// Sockets and FIFOs outside the directory that owners who have ended have left: those that are
  /// still what they made.
  private static func outside(_ name: SurveyedName) -> [String] {
    name.remains.compactMap { owner in
      let lines = (name.directory.read("\(owner.number).\(addressSuffix)") ?? "")
        .split(separator: "\n").map(String.init)
      guard lines.count == 2, lines[0].hasPrefix("/"),
        !lines[0].hasPrefix(name.directory.path + "/"), FileIdentity.of(lines[0]) == lines[1]
      else { return nil }
      return lines[0]
    }
  }
}
