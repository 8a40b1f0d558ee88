internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// What the directory of a name says of one mailslot: the file at which writers connect is called
/// `OWNER.COMPUTER.DOMAIN.MAXIMUM.sock`.
struct MailslotEntry {
  /// The file's name.
  let file: String
  let computer: String
  let domain: String
  /// The longest message in bytes; 0 for any.
  let maximum: Int

  private static let suffix: Substring = "sock"

  init?(_ entry: NameDirectory.Entry) {
    let parts = entry.rest.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[3] == Self.suffix, let maximum = Int(parts[2]), maximum >= 0
    else { return nil }
    file = entry.name
    computer = String(parts[0])
    domain = String(parts[1])
    self.maximum = maximum
  }

  /// The file's name for an owner.
  static func file(_ owner: Int, _ computer: VirtualComputer, maximum: Int) -> String {
    "\(owner).\(computer.name).\(computer.domain).\(maximum).\(suffix)"
  }

  /// The mailslots of one name, on all computers that this machine plays. Some may be dead.
  static func all(in directory: NameDirectory) -> [MailslotEntry] {
    directory.entries().compactMap(MailslotEntry.init)
  }
}

/// A mailslot's name, taken by a new reader, and the socket at which writers arrive.
struct MailslotClaim: ~Copyable {
  let owner: NameOwner
  let listener: DescriptorIO

  /// What is done with the name's directory locked.
  private struct Attempt: ~Copyable {
    let owner: NameOwner
    let failure: SystemError?
  }

  /// - Throws: `EEXIST` when the name has a reader on this computer.
  static func make(
    _ name: MailslotName, in runtime: RuntimeDirectory, as computer: VirtualComputer,
    maximum: Int = 0
  ) throws(SystemError) -> MailslotClaim {
    let registry = try Mailslots.registry(runtime)
    if !registry.directory(of: name.base).exists { registry.sweep() }
    let socket = try LocalSocket.make(.seqpacket)
    let attempt = try registry.withName(name.base, creating: true) {
      (directory) throws(SystemError) in
      directory.removeDeadOwners()
      if MailslotEntry.all(in: directory).contains(where: { $0.computer == computer.name }) {
        throw SystemError(code: EEXIST, call: "flock")
      }
      let owner = try directory.addOwner()
      // An owner must not end in here, where the directory is locked.
      do throws(SystemError) {
        try directory.bind(
          socket.raw, to: MailslotEntry.file(owner.number, computer, maximum: maximum))
        try LocalSocket.listen(socket.raw, backlog: 4096)
        return Attempt(owner: owner, failure: nil)
      } catch { return Attempt(owner: owner, failure: error) }
    }
    guard let attempt else { throw SystemError(code: ENOENT, call: "mkdir") }
    if let failure = attempt.failure { throw failure }
    return MailslotClaim(owner: attempt.owner, listener: DescriptorIO(adopting: socket))
  }

  private init(owner: consuming NameOwner, listener: DescriptorIO) {
    self.owner = owner
    self.listener = listener
  }
}
