internal import Glibc
internal import IPCSystem

/// The socket at which other processes of this user ask how many messages wait in a mailslot. Only
/// its reader can tell: the kernel counts bytes.
///
/// It is answered by ``PeerWatcher``, so that a reader that does not read is asked in vain by nobody.
final class MailslotInquiries: Sendable {
  private struct Door {
    let socket: Int32
    var token: UInt64?
  }

  private let door: Locked<Door?>

  /// The file of an owner's socket.
  static func file(_ owner: Int) -> String { "\(owner).ask" }

  /// Makes the socket; `nil` when that fails, which harms nobody but who asks.
  init?(_ directory: NameDirectory, _ owner: Int) {
    guard let socket = try? LocalSocket.make(.seqpacket),
      (try? directory.bind(socket.raw, to: Self.file(owner))) != nil,
      (try? LocalSocket.listen(socket.raw, backlog: 16)) != nil,
      (try? Descriptors.setNonblocking(socket.raw, true)) != nil
    else { return nil }
    door = Locked(Door(socket: socket.release()))
  }

  deinit { close() }

  /// Begins to answer.
  func answer(_ standing: @escaping @Sendable () -> (count: Int, next: Int?)?) {
    door.withLock { door in
      guard let socket = door?.socket else { return }
      door?.token = try? PeerWatcher.shared.watchInput(socket) { [weak self] in
        self?.reply(standing)
      }
    }
  }

  private func reply(_ standing: @escaping @Sendable () -> (count: Int, next: Int?)?) {
    let client = door.withLock { door in
      door.flatMap { (try? LocalSocket.acceptIfReady($0.socket))?.release() }
    }
    if let client {
      let client = OwnedDescriptor(adopting: client)
      if let (count, next) = standing() {
        // The socket is new: there is room, and this does not wait.
        try? LocalSocket.send(
          Array("\(count) \(next ?? -1)".utf8), descriptors: [], over: client.raw)
      }
    }
    answer(standing)
  }

  /// Stops to answer. Safe to call twice.
  func close() {
    guard let last = door.withLock({ $0.take() }) else { return }
    if let token = last.token { PeerWatcher.shared.stop(token) }
    OwnedDescriptor(adopting: last.socket).close()
  }

  /// Asks the mailslot of an owner; `nil` when it does not answer in time.
  static func ask(
    _ directory: NameDirectory, _ owner: Int, deadline: Deadline
  ) -> (count: Int, next: Int?)? {
    guard let socket = try? LocalSocket.make(.seqpacket),
      (try? directory.connect(socket.raw, to: file(owner))) != nil
    else { return nil }
    let io = DescriptorIO(adopting: socket)
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe try? io.read(into: $0, deadline: deadline)
    }
    let words = String(decoding: bytes.prefix(count ?? 0), as: UTF8.self).split(separator: " ")
    guard words.count == 2, let waiting = Int(words[0]), let next = Int(words[1]) else {
      return nil
    }
    return (waiting, next < 0 ? nil : next)
  }
}
