internal import IPCSystem
internal import IPCTransport

/// The computer that a pipe's name means, and where the names of its pipes are kept.
///
/// The machine itself and every name that processes have taken (``VirtualComputer``) have a place each:
/// the same pipe name means another pipe on each of them.
struct PipeComputer: Sendable {
  /// What the names of the machine's own pipes are filed under.
  private static let machine = "pipes"

  /// What the names of its pipes are filed under.
  private let kind: String
  /// Whether the pipe's name names the computer.
  private let isNamed: Bool

  /// The computer of a pipe's name.
  ///
  /// - Parameter own: What `.` is; `nil` for what this process is.
  /// - Throws: `.computerNotFound` for a text that is no computer's name; `.invalidArgument` when the
  ///   environment gives this process a name that is none.
  init(of name: PipeName, own: VirtualComputer? = nil) throws(TransportError) {
    let taken: String?
    switch name.host {
    case .here:
      taken = if let own { own.name } else { try VirtualComputer.nameTaken() }
      isNamed = false
    case .named(let computer):
      guard VirtualComputer.isName(computer) else { throw Self.unknown(name) }
      taken = computer
      isNamed = true
    }
    if let taken, taken != VirtualComputer.machine.uppercased() {
      kind = Self.machine + "@" + taken
    } else {
      kind = Self.machine
    }
  }

  private init(kind: String) {
    self.kind = kind
    isNamed = false
  }

  /// The machine, and the computers whose pipes have left something in the directory.
  static func all(in runtime: RuntimeDirectory) -> [PipeComputer] {
    let others = DirectoryListing.names(in: runtime.path).filter { $0 != machine && isPlace($0) }
    return ([machine] + others.sorted()).map { PipeComputer(kind: $0) }
  }

  /// Whether the pipes of a computer are kept under this name.
  static func isPlace(_ name: String) -> Bool {
    name == machine || name.hasPrefix(machine + "@")
  }

  /// What the names of its pipes begin with.
  var prefix: String {
    guard let mark = kind.firstIndex(of: "@") else { return PipeName.prefix }
    return #"\\\#(kind[kind.index(after: mark)...])\pipe\"#
  }

  /// The names that this user's processes find.
  func registry(_ runtime: RuntimeDirectory) throws(SystemError) -> NameRegistry {
    try NameRegistry(kind, in: runtime)
  }

  /// The names that this user's processes find, if there is a place for them. Nothing is made.
  func existingRegistry(_ runtime: RuntimeDirectory) -> NameRegistry? {
    NameRegistry(existing: kind, in: runtime)
  }

  /// Names that other users may open.
  func sharedNames(_ runtime: RuntimeDirectory) -> SharedNames { SharedNames(kind, in: runtime) }

  /// Expects that somebody is this computer, before a pipe of it is looked for or when it was not
  /// found. The machine is always there; another computer is when it has a pipe.
  ///
  /// - Throws: `.computerNotFound`.
  func verify(_ name: PipeName, in runtime: RuntimeDirectory) throws(TransportError) {
    if !isNamed || kind == Self.machine { return }
    // To look must not make the place of a computer that is none.
    if DirectoryListing.names(in: runtime.path).contains(kind),
      let registry = try? registry(runtime),
      registry.isInUse
    {
      return
    }
    if sharedNames(runtime).isInUse { return }
    throw Self.unknown(name)
  }

  /// Removes what this user's killed servers have left.
  func sweep(_ runtime: RuntimeDirectory) {
    (try? registry(runtime))?.sweep()
    sharedNames(runtime).sweep()
  }

  private static func unknown(_ name: PipeName) -> TransportError {
    TransportError(
      .computerNotFound, "find the computer of \(name)",
      remedy: "No process that is that computer serves a pipe.")
  }
}
