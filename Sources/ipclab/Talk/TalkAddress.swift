internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import LabReport
internal import Mailslots
internal import NamedPipes
internal import TransportCatalog

/// Where to talk: `TRANSPORT[:NAME]`.
struct TalkAddress: Sendable {
  /// How a transport finds its peers.
  enum Place: Sendable {
    /// A path of the user's own.
    case path(String)
    /// A plain word, which ``ServiceNames`` turns into a path.
    case word
    /// A host and a port.
    case internet(String)
    case pipe(PipeName, NamedPipes.Kind)
    case mailslot(MailslotName)
    /// Descriptors that this process has inherited: one to read and one to write.
    case descriptors(read: Int32, write: Int32)
  }

  /// The name when none is given.
  static let defaultName = "talk"
  /// The port when none is given.
  static let defaultPort = 47684

  let transport: any Transport
  let place: Place
  /// The name as it was given, or the one that stands for it.
  let name: String

  var id: String { transport.mechanism.id }
  /// `TRANSPORT:NAME`.
  var text: String { "\(id):\(name)" }
  /// `TRANSPORT:NAME` as a shell needs it.
  var word: String { ShellWord.quoted(text) }

  /// Understands an argument.
  ///
  /// - Throws: ``UsageError``, with the nearest name for a misspelt transport.
  init(_ text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    transport = try Lookup.transport(String(parts[0]))
    let given = parts.count > 1 && !parts[1].isEmpty ? String(parts[1]) : nil
    switch transport.mechanism.id {
    case "tcp", "udp":
      let address = try Self.internet(given ?? "\(Self.defaultPort)", transport.mechanism.id)
      (place, name) = (.internet(address), address)
    case "named-pipe-message", "named-pipe-byte":
      let word = given ?? Self.defaultName
      let pipe = try Self.checked {
        try PipeName(word.hasPrefix(#"\\"#) ? word : PipeName.prefix + word)
      }
      let kind: NamedPipes.Kind =
        transport.mechanism.id == "named-pipe-byte" ? .byte : .message
      (place, name) = (.pipe(pipe, kind), word)
    case "mailslot":
      let word = given ?? Self.defaultName
      let slot = try Self.checked {
        try MailslotName(word.hasPrefix(#"\\"#) ? word : MailslotName.prefix + word)
      }
      (place, name) = (.mailslot(slot), word)
    case "anonymous-pipe":
      (place, name) = (try Self.descriptors(given), given ?? "")
    default:
      let word = given ?? Self.defaultName
      if word.utf8.contains(0) { throw UsageError("a name holds no NUL") }
      place = word.contains("/") ? try Self.path(word, transport.mechanism) : .word
      name = word
    }
  }

  private static func checked<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as TransportError {
      throw UsageError(error.description)
    }
  }

  /// `HOST:PORT`, `:PORT` or `PORT`; without a host it is this machine.
  private static func internet(_ text: String, _ transport: String) throws -> String {
    let whole =
      text.hasPrefix(":") ? "127.0.0.1" + text : text.contains(":") ? text : "127.0.0.1:" + text
    do {
      return try InternetAddress.parse(whole).description
    } catch {
      if error.code == EADDRNOTAVAIL {
        throw UsageError("no host with an IPv4 address is called “\(whole.prefix { $0 != ":" })”")
      }
      throw UsageError(
        "\(transport) wants a port or HOST:PORT, such as \(transport):9000 or "
          + "\(transport):192.168.1.7:9000, not “\(text)”")
    }
  }

  private static func descriptors(_ text: String?) throws -> Place {
    let numbers = (text ?? "").split(separator: ",").compactMap { Int32($0) }
    guard numbers.count == 2, numbers[0] != numbers[1], numbers.allSatisfy({ $0 > 2 }) else {
      throw UsageError(
        "anonymous pipes have no names: give the descriptors to read and to write that the shell "
          + "opened, such as anonymous-pipe:3,4. To connect programs by pipes see ipclab pipeline")
    }
    for number in numbers where fcntl(number, F_GETFD) == -1 {
      throw UsageError("descriptor \(number) is not open")
    }
    return .descriptors(read: numbers[0], write: numbers[1])
  }

  private static func path(_ word: String, _ mechanism: Mechanism) throws -> Place {
    let path = word.hasPrefix("/") ? word : absolute(word)
    // Everything but a FIFO meets at a socket.
    if mechanism.id != "fifo", path.utf8.count > LocalSocket.longestPath {
      throw UsageError(
        "a socket's path has at most \(LocalSocket.longestPath) bytes, and \(path) has "
          + "\(path.utf8.count): choose a shorter one")
    }
    return .path(path)
  }

  private static func absolute(_ path: String) -> String {
    guard let current = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(current) }
    return unsafe String(cString: current) + "/"
      + (path.hasPrefix("./") ? path.dropFirst(2) : path[...])
  }
}
