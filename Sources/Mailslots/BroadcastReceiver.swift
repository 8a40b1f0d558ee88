internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// What a mailslot receives from the network. For the reading thread.
final class BroadcastReceiver {
  let socket: DescriptorIO
  private let name: String
  private let domain: String
  private let origin: UInt64
  private var seen = RecentIds()

  init(
    _ name: MailslotName, domain: String, _ network: MailslotNetwork, in runtime: RuntimeDirectory
  ) throws(SystemError) {
    socket = DescriptorIO(
      adopting: try InternetSocket.makeMember(
        of: network.groupAddress, on: network.interfaceAddress))
    self.name = name.base.lowercased()
    self.domain = domain
    origin = Origin.of(runtime)
  }

  /// Takes the next datagram and returns its message; `nil` when it is not for this mailslot, was
  /// received before, or is no correct one.
  ///
  /// - Throws: `ETIMEDOUT` when there is none, `EBADF` after `close()`.
  func next() throws(SystemError) -> [UInt8]? {
    let datagram = try InternetSocket.receive(
      limit: BroadcastDatagram.longest, from: socket, deadline: .immediate)
    guard !datagram.wasCut, let broadcast = BroadcastDatagram(datagram.bytes),
      broadcast.domain == domain, broadcast.name == name, broadcast.origin != origin,
      seen.insert(broadcast.id)
    else { return nil }
    return broadcast.message
  }
}

/// The ids of the messages received last.
struct RecentIds {
  private var known: Set<UInt128> = []
  private var order: [UInt128] = []
  private var oldest = 0

  /// How many are remembered.
  static let capacity = 4096

  /// Notes an id. Returns whether it is a new one.
  mutating func insert(_ id: UInt128) -> Bool {
    guard known.insert(id).inserted else { return false }
    if order.count < Self.capacity {
      order.append(id)
    } else {
      known.remove(order[oldest])
      order[oldest] = id
      oldest = (oldest + 1) % Self.capacity
    }
    return true
  }
}

/// Tells a runtime directory from all others, on this machine and elsewhere.
enum Origin {
  static func of(_ runtime: RuntimeDirectory) -> UInt64 {
    var status = stat()
    unsafe _ = stat(runtime.path, &status)
    var text = "\(status.st_dev):\(status.st_ino):"
    let file = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
    if file != -1 {
      let boot = OwnedDescriptor(adopting: file)
      var bytes = [UInt8](repeating: 0, count: 64)
      let count = unsafe read(boot.raw, &bytes, bytes.count)
      text += String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
    // FNV-1a, 64 bits.
    return text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
