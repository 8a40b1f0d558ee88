import IPCSystem
import IPCTransport
import TestSupport
import Testing

@testable import SharedMemory

@Suite("Shared memory, the bare mechanism")
struct NativeTests {
  private static func withEnds<R>(
    _ policy: WaitPolicy, writers: Int = 1,
    _ body: (any NativeEnd, [any NativeEnd]) throws -> R
  ) throws -> R {
    try withScratch { scratch in
      let transport = SharedMemoryTransport(policy: policy)
      let meeting = try transport.nativeRendezvous(scratch: scratch)
      let reader = try transport.openNative(.reader, at: meeting.server, deadline: .never)
      defer { reader.close() }
      let ends = try (0..<writers).map { _ in
        try transport.openNative(.writer, at: meeting.clients[0], deadline: .never)
      }
      defer { for end in ends { end.close() } }
      return try body(reader, ends)
    }
  }

  @Test(
    "boundaries are kept, a short read is refused, a message of no bytes is one",
    arguments: WaitPolicy.allCases)
  func messages(_ policy: WaitPolicy) async throws {
    let (reads, refused) = try await blocking {
      try Self.withEnds(policy) { reader, writers in
        for size in [5, 7, 0, 3] {
          _ = try writers[0].write([UInt8](repeating: 1, count: size), deadline: .never)
        }
        let first = try reader.read(upTo: 100, deadline: .never).bytes.count
        let refused = code { _ = try reader.read(upTo: 6, deadline: .never) }
        let rest = try (0..<3).map { _ in
          try reader.read(upTo: 100, deadline: .never).bytes.count
        }
        return ([first] + rest, refused)
      }
    }
    #expect(reads == [5, 7, 0, 3])
    #expect(refused == .moreData)
  }

  @Test(
    "a reader of two writers gets the messages of both, then end of file",
    arguments: WaitPolicy.allCases)
  func twoWriters(_ policy: WaitPolicy) async throws {
    let (seen, ended) = try await blocking {
      try Self.withEnds(policy, writers: 2) { reader, writers in
        // A writer that opens does not wait to be admitted, and the pipe ends when all that were
        // admitted have closed: the first one closes when the reader has heard from the second.
        let heard = Signal()
        let writing = try writers.enumerated().map { index, writer in
          try Background {
            for _ in 0..<20 { _ = try writer.write([UInt8(index)], deadline: .never) }
            if index == 0 {
              try heard.wait()
              writer.close()
            }
          }
        }
        var seen = [0, 0]
        for _ in 0..<40 {
          let index = Int(try reader.read(upTo: 1, deadline: .never).bytes[0])
          if index == 1 && seen[1] == 0 { heard.set() }
          seen[index] += 1
        }
        for thread in writing { try thread.value() }
        writers[1].close()
        return (seen, code { _ = try reader.read(upTo: 1, deadline: .never) })
      }
    }
    #expect(seen == [20, 20])
    #expect(ended == .endOfFile)
  }

  @Test("the reader can answer, a second reader is refused, and a read ends at its deadline")
  func reader() async throws {
    let (answer, second, late, closed) = try await blocking {
      try withScratch { scratch in
        let transport = SharedMemoryTransport(policy: .event)
        let meeting = try transport.nativeRendezvous(scratch: scratch)
        let reader = try transport.openNative(.reader, at: meeting.server, deadline: .never)
        let second = code {
          _ = try transport.openNative(.reader, at: meeting.server, deadline: .never)
        }
        let writer = try transport.openNative(.writer, at: meeting.clients[0], deadline: .never)
        let late = code { _ = try reader.read(upTo: 1, deadline: .after(.milliseconds(2))) }
        _ = try reader.write([4], deadline: .never)
        let answer = try writer.read(upTo: 9, deadline: .never).bytes
        let waiting = try Background { code { _ = try reader.read(upTo: 1, deadline: .never) } }
        reader.close()
        writer.close()
        return (answer, second, late, try waiting.value())
      }
    }
    #expect(answer == [4])
    #expect(second == .nameInUse)
    #expect(late == .timedOut)
    #expect(closed == .closed)
  }
}
