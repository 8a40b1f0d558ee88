internal import IPCSystem
public import IPCTransport

/// The network segment that a broadcast reaches besides this machine.
///
/// Nobody proves who he is there: receiving is off until it is asked for.
public struct MailslotNetwork: Sendable, Hashable {
  /// The multicast group and the port, such as `239.255.76.83:47683`.
  public let group: String
  /// The IPv4 address of the interface; at first that of the loopback interface, which reaches nobody
  /// but this machine.
  public let interface: String

  /// The group of whoever does not choose another.
  public static let defaultGroup = "239.255.76.83:47683"

  let groupAddress: InternetAddress
  let interfaceAddress: InternetAddress

  /// Chooses a segment.
  ///
  /// - Parameters:
  ///   - group: The multicast group and the port; `nil` for `$IPCLAB_MAILSLOT_GROUP`, else
  ///     ``defaultGroup``.
  ///   - interface: The IPv4 address of the interface; `nil` for `$IPCLAB_MAILSLOT_INTERFACE`, else
  ///     `127.0.0.1`.
  /// - Throws: `.invalidArgument` for something else.
  public init(group: String? = nil, interface: String? = nil) throws(TransportError) {
    self.group = group ?? Environment["IPCLAB_MAILSLOT_GROUP"] ?? Self.defaultGroup
    self.interface = interface ?? Environment["IPCLAB_MAILSLOT_INTERFACE"] ?? "127.0.0.1"
    do throws(SystemError) {
      groupAddress = try InternetAddress.parse(self.group)
      interfaceAddress = try InternetAddress.parse(self.interface + ":0")
    } catch {
      throw TransportError(
        .invalidArgument, "use the group \(self.group) on the interface \(self.interface)",
        system: error, remedy: "See IPCLAB_MAILSLOT_GROUP and IPCLAB_MAILSLOT_INTERFACE.")
    }
  }

  /// The segment from which the environment wants messages: with `IPCLAB_MAILSLOT_RECEIVE` set to 1;
  /// else `nil`.
  static func receiving() throws(TransportError) -> MailslotNetwork? {
    Environment["IPCLAB_MAILSLOT_RECEIVE"] == "1" ? try MailslotNetwork() : nil
  }
}
