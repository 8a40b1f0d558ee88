internal import IPCSystem
internal import IPCTransport

/// The messages that a reader holds, in the order in which they were written.
struct MailslotQueue {
  private struct Item {
    var bytes: [UInt8]
    let peer: PeerIdentity?
    let stamp: UInt64
  }

  private var items: [Item] = []
  private var start = 0
  // Whether the reader knows how long the next message is: it stays the next.
  private var isNextKnown = false
  /// The bytes, and something for each message: one of no bytes takes memory too.
  private(set) var weight = 0

  private static let weightOfMessage = 64

  var isEmpty: Bool { start == items.count }
  var count: Int { items.count - start }

  /// Adds a message behind those that were written before it.
  ///
  /// - Parameter stamp: When it was written, as the writer says: a wrong one harms no other's order.
  mutating func add(_ bytes: [UInt8], _ peer: PeerIdentity?, stamp: UInt64) {
    weight += bytes.count + Self.weightOfMessage
    var place = items.count
    let first = start + (isNextKnown ? 1 : 0)
    while place > first, items[place - 1].stamp > stamp { place -= 1 }
    items.insert(Item(bytes: bytes, peer: peer, stamp: stamp), at: place)
  }

  /// The size of the next message, as things stand.
  var nextSize: Int? { isEmpty ? nil : items[start].bytes.count }

  /// The size of the next message, which is then certain to be the next.
  mutating func showNext() -> Int? {
    if isEmpty { return nil }
    isNextKnown = true
    return items[start].bytes.count
  }

  /// Appends the next message to `buffer` and removes it. Returns who wrote it.
  ///
  /// - Throws: `.moreData` when it does not fit; it stays.
  mutating func take(
    into buffer: inout OutputSpan<UInt8>, _ name: MailslotName
  ) throws(TransportError) -> PeerIdentity? {
    let item = items[start]
    guard item.bytes.count <= buffer.freeCapacity else {
      isNextKnown = true
      throw TransportError(.moreData, "read from \(name)", limit: item.bytes.count)
    }
    unsafe buffer.withUnsafeMutableBufferPointer { target, initialized in
      let free = unsafe UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(rebasing: target[initialized...]))
      unsafe free.copyBytes(from: item.bytes)
      initialized += item.bytes.count
    }
    drop()
    return item.peer
  }

  /// Forgets the next message.
  mutating func drop() {
    if isEmpty { return }
    weight -= items[start].bytes.count + Self.weightOfMessage
    isNextKnown = false
    items[start].bytes = []
    start += 1
    if start == items.count {
      items.removeAll(keepingCapacity: true)
      start = 0
    } else if start >= 1024 && start * 2 >= items.count {
      items.removeFirst(start)
      start = 0
    }
  }
}
