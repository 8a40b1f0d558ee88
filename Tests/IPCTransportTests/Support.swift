import Glibc
import IPCSystem
import IPCTransport
import TestSupport

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

extension Connection {
  /// The error that a receive ends with; `nil` when there is none.
  func receiveError(
    upTo limit: Int, into form: Form = .span, deadline: Deadline = .patient
  ) -> TransportError? {
    do throws(TransportError) {
      _ = try receive(upTo: limit, into: form, deadline: deadline)
      return nil
    } catch { return error }
  }
}
