internal import Glibc
internal import IPCSystem

/// The computer and the domain as whose member a process creates and finds mailslots and named pipes.
///
/// Processes of one machine may play several computers of several domains, so that what happens
/// between computers can be tried on one. `IPCLAB_COMPUTER` and `IPCLAB_DOMAIN` say what a process is;
/// without them it is the machine's host name in the domain `WORKGROUP`.
public struct VirtualComputer: Sendable, Hashable {
  /// The computer's name, in capitals.
  public let name: String
  /// The domain's name, in capitals.
  public let domain: String

  /// The longest name of a computer or domain, in characters, as NetBIOS has it.
  public static let longest = 15

  private static let chosen = Locked<VirtualComputer?>(nil)

  /// Checks names. They are not case-sensitive.
  ///
  /// - Parameters:
  ///   - name: The computer; `nil` for what the environment says, else the host name.
  ///   - domain: The domain; `nil` for what the environment says, else `WORKGROUP`.
  /// - Throws: `.invalidArgument` for a name that is not 1 to 15 ASCII letters, digits, `-` and `_`.
  public init(name: String? = nil, domain: String? = nil) throws(TransportError) {
    let name = name ?? Environment["IPCLAB_COMPUTER"] ?? Self.machine
    let domain = domain ?? Environment["IPCLAB_DOMAIN"] ?? "WORKGROUP"
    for text in [name, domain] where !Self.isName(text) {
      throw TransportError(
        .invalidArgument, "use “\(text)” as the name of a computer or domain", limit: Self.longest,
        remedy: "A name is 1 to 15 letters, digits, - and _; see IPCLAB_COMPUTER, IPCLAB_DOMAIN.")
    }
    self.name = name.uppercased()
    self.domain = domain.uppercased()
  }

  /// What this process is from now on, whatever the environment says.
  public static func use(_ computer: VirtualComputer) { chosen.withLock { $0 = computer } }

  /// What this process is.
  ///
  /// - Throws: `.invalidArgument` when the environment gives names that are none.
  public static func ofThisProcess() throws(TransportError) -> VirtualComputer {
    if let computer = chosen.withLock({ $0 }) { return computer }
    return try VirtualComputer()
  }

  /// The name that this process has taken, in capitals; `nil` when it is the machine itself.
  ///
  /// - Throws: As ``ofThisProcess()``.
  package static func nameTaken() throws(TransportError) -> String? {
    if let computer = chosen.withLock({ $0 }) { return computer.name }
    return try Environment["IPCLAB_COMPUTER"].map { (name) throws(TransportError) in
      try VirtualComputer(name: name).name
    }
  }

  /// `computer`, or else what this process is.
  package static func orOfThisProcess(
    _ computer: VirtualComputer?
  ) throws(TransportError) -> VirtualComputer {
    if let computer { return computer }
    return try ofThisProcess()
  }

  /// Whether a text can be the name of a computer or a domain.
  package static func isName(_ text: some StringProtocol) -> Bool {
    (1...longest).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
      }
  }

  /// The machine's name up to the first dot, with `-` for what no name has.
  package static var machine: String {
    var bytes = [CChar](repeating: 0, count: 256)
    guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "LOCALHOST" }
    let text = bytes.prefix { $0 != 0 && $0 != 0x2e }.prefix(longest).map { byte in
      let character = String(UnicodeScalar(UInt8(bitPattern: byte)))
      return isName(character) ? character : "-"
    }
    return text.isEmpty ? "LOCALHOST" : text.joined()
  }
}

/// The process's environment variables.
package enum Environment {
  /// The value of a variable; `nil` when it is missing or empty.
  package static subscript(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }
}
