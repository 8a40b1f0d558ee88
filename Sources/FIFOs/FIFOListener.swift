internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import Synchronization

/// A server's well-known FIFO.
///
/// It is open for reading and writing: as long as the server itself could write, it never sees the
/// end of file between two clients. A lock on it tells a server that is alive from a left-over name.
final class FIFOListener: Listener, @unchecked Sendable {
  // Sendable: `buffered` is touched by the one accepting thread only, as `Listener` demands; the
  // rest never changes or is atomic.
  private let path: String
  private let bell: DescriptorIO
  private let isClosed = Atomic<Bool>(false)
  private var buffered: [UInt8] = []

  init(path: String) throws(TransportError) {
    self.path = path
    while true {
      do throws(TransportError) { try FIFO.create(at: path) } catch {
        if error.code != .nameInUse { throw error }
      }
      if let end = try Self.openAndLock(path) {
        // What was announced to a dead server is lost with it, and the clients know.
        bell = DescriptorIO(adopting: end, nonblocking: true)
        return
      }
    }
  }

  /// Opens the FIFO and locks it; `nil` when it vanished meanwhile because its server closed.
  private static func openAndLock(_ path: String) throws(TransportError) -> OwnedDescriptor? {
    let end: OwnedDescriptor
    do throws(TransportError) { end = try FIFO.open(path, O_RDWR) } catch {
      switch error.code {
      case .notFound: return nil
      case .invalidArgument:
        throw TransportError(
          .nameInUse, "listen at FIFO \(path)", system: error.system, remedy: error.remedy)
      default: throw error
      }
    }
    let raw = end.raw
    do throws(SystemError) { try retrying("flock") { flock(raw, LOCK_EX | LOCK_NB) } } catch {
      if error.code == EWOULDBLOCK {
        throw TransportError(.nameInUse, "listen at FIFO \(path)", system: error)
      }
      throw TransportError(error, "listen at FIFO \(path)")
    }
    var (named, locked) = (stat(), stat())
    guard unsafe lstat(path, &named) == 0, unsafe fstat(raw, &locked) == 0,
      named.st_ino == locked.st_ino, named.st_dev == locked.st_dev
    else { return nil }
    return end
  }

  deinit { close() }

  func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    while true {
      while let line = nextLine() {
        guard let id = FIFOHandshake.id(in: line[...]) else { continue }
        do throws(TransportError) { return try open(id) } catch {
          // This process is out of descriptors: the client goes on waiting for the next accept.
          if error.code == .limitReached {
            buffered = line + [10] + buffered
            throw error
          }
          FIFOHandshake.remove(path, id)
        }
      }
      try readMore(deadline)
    }
  }

  func close() {
    guard
      isClosed.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing)
        .exchanged
    else { return }
    unsafe _ = unlink(path)
    bell.close()
  }

  /// Takes a line from what was read. A line too long to be an announcement is cut short.
  private func nextLine() -> [UInt8]? {
    guard let end = buffered.firstIndex(of: 10) else {
      if buffered.count > FIFOHandshake.longestLine {
        buffered.removeFirst(buffered.count - FIFOHandshake.longestLine - 1)
      }
      return nil
    }
    let line = Array(buffered[..<end])
    buffered.removeFirst(end + 1)
    return line
  }

  private func readMore(_ deadline: Deadline) throws(TransportError) {
    var chunk = [UInt8](repeating: 0, count: 4096)
    let count = try translating("accept at FIFO \(path)") { () throws(SystemError) in
      try bell.perform("read", .read, deadline: deadline) { descriptor in
        unsafe read(descriptor, &chunk, chunk.count)
      }
    }
    buffered += chunk.prefix(count)
  }

  /// Opens the pair that a client announced. Fails when the client is gone or there never was one.
  ///
  /// Nothing here waits: the client has both of its ends open before it announces them.
  private func open(_ id: String) throws(TransportError) -> FramedStream {
    let requests = try FIFO.open(FIFOHandshake.requestPath(path, id), O_RDONLY)
    let replies = try FIFO.open(FIFOHandshake.replyPath(path, id), O_WRONLY)
    FIFOHandshake.remove(path, id)
    try translating("accept at FIFO \(path)") { () throws(SystemError) in
      _ = try retrying("write") {
        var byte = FIFOHandshake.acknowledgement
        return unsafe write(replies.raw, &byte, 1)
      }
      try Descriptors.setNonblocking(requests.raw, false)
      try Descriptors.setNonblocking(replies.raw, false)
    }
    return FramedStream(
      input: DescriptorIO(adopting: requests), output: DescriptorIO(adopting: replies))
  }
}
