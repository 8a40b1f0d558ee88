internal import IPCTransport

/// A broadcast message as it is on the network.
///
/// Four bytes `ipcM`, the version 1, the length of the domain (one byte), of the name and of the
/// message (two bytes each, little-endian), the message's id (16 bytes), where it comes from (8
/// bytes); then the domain in capitals, the name in small letters, and the message.
struct BroadcastDatagram: Equatable {
  /// Tells it from every other message.
  var id: UInt128
  /// Tells the sender's machine and runtime directory from others: there it was delivered already.
  var origin: UInt64
  var domain: String
  var name: String
  var message: [UInt8]

  private static let magic = Array("ipcM".utf8)
  private static let version: UInt8 = 1
  private static let headSize = 34
  private static let longestName = 1024

  /// The size of the longest.
  static let longest =
    headSize + VirtualComputer.longest + longestName + MailslotBroadcaster.maximumMessage

  init(id: UInt128, origin: UInt64, domain: String, name: String, message: [UInt8]) {
    self.id = id
    self.origin = origin
    self.domain = domain.uppercased()
    self.name = name.lowercased()
    self.message = message
  }

  /// Reads a datagram; `nil` when it is anything but a whole, correct one.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= Self.headSize, bytes.starts(with: Self.magic), bytes[4] == Self.version
    else { return nil }
    let domainLength = Int(bytes[5])
    let nameLength = Int(Self.number(bytes[6..<8], UInt16.self))
    let messageLength = Int(Self.number(bytes[8..<10], UInt16.self))
    guard messageLength <= MailslotBroadcaster.maximumMessage,
      (1...Self.longestName).contains(nameLength),
      bytes.count == Self.headSize + domainLength + nameLength + messageLength
    else { return nil }
    id = Self.number(bytes[10..<26], UInt128.self)
    origin = Self.number(bytes[26..<34], UInt64.self)
    let nameStart = Self.headSize + domainLength
    guard
      let domain = String(validating: bytes[Self.headSize..<nameStart], as: UTF8.self),
      VirtualComputer.isName(domain),
      let name = String(validating: bytes[nameStart..<nameStart + nameLength], as: UTF8.self)
    else { return nil }
    self.domain = domain
    self.name = name
    message = Array(bytes[(nameStart + nameLength)...])
  }

  /// The bytes to send.
  var encoded: [UInt8] {
    let (domain, name) = (Array(domain.utf8), Array(name.utf8))
    var bytes = Self.magic + [Self.version, UInt8(truncatingIfNeeded: domain.count)]
    Self.append(UInt16(truncatingIfNeeded: name.count), to: &bytes)
    Self.append(UInt16(truncatingIfNeeded: message.count), to: &bytes)
    Self.append(id, to: &bytes)
    Self.append(origin, to: &bytes)
    return bytes + domain + name + message
  }

  private static func append<N: FixedWidthInteger>(_ number: N, to bytes: inout [UInt8]) {
    for shift in stride(from: 0, to: N.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> N(shift)))
    }
  }

  private static func number<N: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, _: N.Type) -> N {
    bytes.reversed().reduce(0) { $0 << 8 | N($1) }
  }
}
