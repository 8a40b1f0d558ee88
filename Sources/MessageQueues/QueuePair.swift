internal import Glibc
internal import IPCSystem

/// A queue per direction, opened for both ends, without a name.
///
/// Each end has an open file description of its own: the non-blocking mode belongs to it, and one
/// end must not change the other's.
struct QueuePair: ~Copyable {
  var myInput: OwnedDescriptor
  var myOutput: OwnedDescriptor
  var theirInput: OwnedDescriptor
  var theirOutput: OwnedDescriptor

  /// Makes the queues. Their name exists only between two calls here, under a lock: a queue of that
  /// name that is there already was left by a process that died in between.
  static func make(
    _ address: QueueAddress, _ shape: MessageQueueCalls.Shape
  ) throws(SystemError) -> QueuePair {
    let lock = try FileLock.acquire(address.path + ".lock")
    let toServer = try makeOne(address.queue, shape)
    let toClient = try makeOne(address.queue, shape)
    _ = consume lock
    return QueuePair(
      myInput: toClient.first, myOutput: toServer.first, theirInput: toServer.second,
      theirOutput: toClient.second)
  }

  private struct Ends: ~Copyable {
    var first: OwnedDescriptor
    var second: OwnedDescriptor
  }

  private static func makeOne(
    _ name: String, _ shape: MessageQueueCalls.Shape
  ) throws(SystemError) -> Ends {
    MessageQueueCalls.unlink(name)
    let first = try MessageQueueCalls.create(name, .both, shape)
    defer { MessageQueueCalls.unlink(name) }
    let second = try MessageQueueCalls.open(name, .both)
    return Ends(first: first, second: second)
  }
}

/// Accepts clients that hand over two queues.
final class QueueListener: Sendable {
  let clients: HandshakeListener
  let name: String

  init(_ clients: HandshakeListener, name: String) {
    self.clients = clients
    self.name = name
  }
}
