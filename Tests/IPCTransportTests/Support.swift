import Glibc
import IPCSystem
import IPCTransport

/// A stream with a pipe in front of it, into which a test writes what it likes.
struct RawPeer: ~Copyable {
  let stream: FramedStream
  let raw: OwnedDescriptor

  init(capacity: Int? = nil) throws {
    let ends = try Pipes.make(capacity: capacity)
    let unused = try Pipes.make(capacity: nil)
    stream = FramedStream(
      input: DescriptorIO(adopting: ends.readEnd), output: DescriptorIO(adopting: unused.writeEnd))
    raw = ends.writeEnd
  }

  func write(_ bytes: [UInt8]) {
    precondition(Glibc.write(raw.raw, bytes, bytes.count) == bytes.count)
  }
}

/// Two streams connected to each other.
func connectedPair() throws -> (FramedStream, FramedStream) {
  let there = try Pipes.make(capacity: nil)
  let back = try Pipes.make(capacity: nil)
  return (
    FramedStream(
      input: DescriptorIO(adopting: back.readEnd), output: DescriptorIO(adopting: there.writeEnd)),
    FramedStream(
      input: DescriptorIO(adopting: there.readEnd), output: DescriptorIO(adopting: back.writeEnd))
  )
}

func header(_ count: Int) -> [UInt8] {
  withUnsafeBytes(of: UInt32(count).littleEndian) { Array($0) }
}

/// Bytes that differ along the message and between messages.
func pattern(_ count: Int, seed: Int) -> [UInt8] {
  Array(patternBytes[(seed % 251)...].prefix(count))
}

/// Repeats after 251 * 256 bytes only, so that a shift by a page, a header or a pipe shows.
private let patternBytes = (0..<1_200_000).map { UInt8(truncatingIfNeeded: $0 % 251 + $0 / 251) }

extension Connection {
  func send(_ bytes: [UInt8], deadline: Deadline = .never) throws(TransportError) {
    try send(bytes.span, deadline: deadline)
  }

  func receive(
    upTo limit: Int, deadline: Deadline = .never
  ) throws(TransportError) -> [UInt8] {
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: limit)
    defer { memory.deallocate() }
    var span = OutputSpan(buffer: memory, initializedCount: 0)
    try receive(into: &span, deadline: deadline)
    return Array(memory[..<span.finalize(for: memory)])
  }

  /// The code of the error that a receive ends with; `nil` when there is none.
  func receiveError(upTo limit: Int, deadline: Deadline = .never) -> TransportError? {
    do throws(TransportError) {
      _ = try receive(upTo: limit, deadline: deadline)
      return nil
    } catch { return error }
  }
}

extension Connection {
  /// Sends until that fails, and returns how. A process that another test starts at this moment holds
  /// copies of all descriptors until it runs its program, so that the first sends may succeed.
  func sendUntilFailure() -> TransportError.Code {
    while true {
      do throws(TransportError) { try send([1].span, deadline: .never) } catch { return error.code }
    }
  }
}

/// Something that happens once and that one thread waits for.
final class Signal: @unchecked Sendable {
  // Sendable: a semaphore is for several threads.
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  init() { sem_init(semaphore, 0, 0) }
  deinit { semaphore.deallocate() }
  func set() { sem_post(semaphore) }
  func wait() { while sem_wait(semaphore) == -1 {} }
}
