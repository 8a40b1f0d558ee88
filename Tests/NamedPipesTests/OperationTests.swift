import Glibc
import IPCSystem
import IPCTransport
import NamedPipes
import TestSupport
import Testing

/// An instance and its client, connected.
struct Pipe {
  let server: NamedPipeInstance
  let client: NamedPipeClient

  init(
    _ scratch: Scratch, _ kind: NamedPipes.Kind = .message, quota: Int = 4096,
    _ change: (inout NamedPipes.Options) -> Void = { _ in }
  ) throws {
    var options = NamedPipes.Options(kind: kind, quota: quota)
    change(&options)
    let name = try PipeName(#"\\.\pipe\operations"#)
    server = try NamedPipeInstance(name, in: scratch.runtime, options: options)
    let access: PipeAccess =
      switch options.direction {
      case .inbound: [.write, .writeAttributes]
      case .outbound: [.read, .writeAttributes]
      case .duplex: .all
      }
    client = try NamedPipeClient(
      name, access: access, in: scratch.runtime, deadline: .immediate)
    if kind == .message { try client.setMode(read: .message, wait: nil) }
  }

  func close() {
    client.close()
    server.close()
  }
}

private func text(_ outcome: Result<PipeTransfer, TransportError>?) -> String? {
  (try? outcome?.get()).map { String(decoding: $0.bytes, as: UTF8.self) }
}

private func code(_ outcome: Result<PipeTransfer, TransportError>?) -> TransportError.Code? {
  if case .failure(let error)? = outcome { error.code } else { nil }
}

@Suite("Operations that are started")
struct OperationTests {
  @Test(
    "several reads are completed in their order, and each outcome is known when it is asked for")
  func order() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    let reads = (0..<3).map { _ in pipe.server.startRead(upTo: 10) { _ in } }
    #expect(reads.allSatisfy { $0.outcome == nil })
    for message in ["one", "two", "three"] { try pipe.client.write(message) }
    #expect(text(reads[0].outcome) == "one")
    #expect(text(reads[1].outcome) == "two")
    #expect(text(reads[2].outcome) == "three")
    pipe.close()
  }

  @Test("a completion runs once by itself, without anybody asking")
  func completion() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    let (input, output) = try ends()
    _ = pipe.server.startRead(upTo: 10) { operation in
      var byte = UInt8(text(operation.outcome)?.utf8.first ?? 0)
      _ = write(output, &byte, 1)
    }
    try pipe.client.write("x")
    var byte: UInt8 = 0
    #expect(read(input, &byte, 1) == 1)
    #expect(byte == UInt8(ascii: "x"))
    Glibc.close(input)
    Glibc.close(output)
    pipe.close()
  }

  private func ends() throws -> (Int32, Int32) {
    var ends: [Int32] = [0, 0]
    try #require(Glibc.pipe(&ends) == 0)
    return (ends[0], ends[1])
  }

  @Test("a cancelled read takes nothing, and the next one gets what comes")
  func cancelRead() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    let first = pipe.server.startRead(upTo: 10) { _ in }
    let second = pipe.server.startRead(upTo: 10) { _ in }
    #expect(first.cancel())
    #expect(!first.cancel())
    #expect(code(first.outcome) == .cancelled)
    try pipe.client.write("for the second")
    #expect(try second.wait(deadline: .never).hasMore)
    #expect(try pipe.server.text() == "second".prefix(0) + "cond")
    pipe.close()
  }

  @Test("a write beyond the quota is pending until enough was read, and can be read at once")
  func pendingWrite() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch, quota: 64)
    let write = pipe.server.startWrite(pattern(100)) { _ in }
    #expect(write.outcome == nil)
    #expect(try pipe.client.peek(upTo: 0).available == 100)
    _ = try pipe.client.read(upTo: 35)
    #expect(write.outcome == nil)
    _ = try pipe.client.read(upTo: 1)
    #expect(try write.outcome?.get().count == 100)
    pipe.close()
  }

  /// Far beyond the quota: it is put in in parts when the reader waits on another processor.
  private static let long = pattern(1_000_000)
  private static let rounds = 60

  private func writeLong(to pipe: Pipe) throws -> Background<Void> {
    try Background {
      for _ in 0..<Self.rounds { _ = try pipe.server.write(Self.long.span, deadline: .never) }
    }
  }

  @Test(
    "a read that waits gets all of a long write, also of bytes",
    arguments: [
      NamedPipes.Kind.byte, .message,
    ])
  func longWrites(kind: NamedPipes.Kind) throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch, kind)
    let writer = try writeLong(to: pipe)
    for _ in 0..<Self.rounds {
      let bytes = try pipe.client.read(upTo: Self.long.count).bytes
      if bytes != Self.long { Issue.record("\(bytes.count) bytes") }
    }
    _ = try writer.value()
    pipe.close()
  }

  @Test(
    "reads that do not wait, and those that soon give up, lose nothing of long writes",
    arguments: [
      NamedPipes.Kind.byte, .message,
    ])
  func impatientReads(kind: NamedPipes.Kind) throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch, kind)
    let writer = try writeLong(to: pipe)
    var generator = SeededGenerator(seed: 4)
    var received: [UInt8] = []
    var number = 0
    while number < Self.rounds {
      let before = received.count
      do {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0:
          let pause = Duration.microseconds(Int.random(in: 0...300, using: &generator))
          received += try pipe.client.read(upTo: Self.long.count, deadline: .after(pause)).bytes
        case 1:
          try pipe.client.setMode(read: nil, wait: .noWait)
          defer { try? pipe.client.setMode(read: nil, wait: .wait) }
          received += try pipe.client.read(upTo: Self.long.count).bytes
        default:
          let read = pipe.client.startRead(upTo: Self.long.count) { _ in }
          usleep(UInt32.random(in: 0...200, using: &generator))
          if !read.cancel() { received += try #require(read.outcome).get().bytes }
        }
      } catch let error as TransportError where error.code == .timedOut || error.code == .wouldBlock
      {}
      if kind == .message && received.count > before {
        #expect(received.count - before == Self.long.count)
      }
      while received.count >= Self.long.count {
        let first = Array(received.prefix(Self.long.count))
        if first != Self.long { Issue.record("message \(number) is damaged") }
        received.removeFirst(Self.long.count)
        number += 1
      }
    }
    #expect(received.isEmpty)
    _ = try writer.value()
    pipe.close()
  }

  @Test(
    "an empty message that is started arrives where the reader is on another processor",
    .enabled(if: Processor.allowed().count > 1))
  func emptyElsewhere() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    let processors = Processor.allowed()
    let reader = try Background {
      try Processor.pin(to: processors[1])
      let first = try pipe.client.read(upTo: 10).count
      return [first, try pipe.client.read(upTo: 10).count, try pipe.client.read(upTo: 10).count]
    }
    let writer = try Background {
      try Processor.pin(to: processors[0])
      try pipe.server.write("x")
      // Read by now: where the reader is is known.
      _ = try pipe.server.startFlush { _ in }.wait(deadline: .after(.seconds(60)))
      _ = pipe.server.startWrite([]) { _ in }
      try pipe.server.write("yz")
      _ = try pipe.server.startFlush { _ in }.wait(deadline: .after(.seconds(60)))
    }
    try writer.value()
    #expect(try reader.value() == [1, 0, 2])
    pipe.close()
  }

  @Test("a read that does not wait leaves a message of which only a part is there")
  func partWithoutWaiting() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    // Longer than the ring.
    let message = pattern(9_000_000)
    let write = pipe.server.startWrite(message) { _ in }
    try pipe.client.setMode(read: nil, wait: .noWait)
    let read = pipe.client.startRead(upTo: message.count) { _ in }
    #expect(code(read.outcome) == .wouldBlock)
    try pipe.client.setMode(read: nil, wait: .wait)
    #expect(try pipe.client.read(upTo: message.count).bytes == message)
    #expect(try write.outcome?.get().count == message.count)
    pipe.close()
  }

  @Test("cancelling a pending write removes what was not read of it, and completes those behind it")
  func cancelWrite() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch, .byte, quota: 64)
    let first = pipe.server.startWrite(pattern(100)) { _ in }
    let second = pipe.server.startWrite([90]) { _ in }
    #expect(try pipe.client.read(upTo: 10).bytes == pattern(10))
    #expect(first.cancel())
    #expect(
      try pipe.client.peek(upTo: 16) == PipePeek(bytes: [90], available: 1, leftInMessage: -1))
    #expect(try second.outcome?.get().count == 1)
    pipe.close()
  }

  @Test("many pending writes of many sizes arrive whole and in order")
  func manyWrites() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch, quota: 1000)
    let sizes = (0..<60).map { $0 % 7 == 3 ? 3_000_000 : $0 * 37 }
    let writes = sizes.map { size in pipe.server.startWrite(pattern(size, seed: size)) { _ in } }
    for size in sizes {
      let message = try pipe.client.read(upTo: 4_000_000).bytes
      if message != pattern(size, seed: size) {
        Issue.record("\(size) bytes came as \(message.count)")
      }
    }
    for write in writes { _ = try write.wait(deadline: .never) }
    pipe.close()
  }

  @Test("a read that waits for the rest of a message can be cancelled, and nothing is lost")
  func cancelUnfinishedRead() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch, quota: 1000)
    let message = pattern(20_000_000)
    let writing = try Background {
      try pipe.server.write(message.span, deadline: .never)
    }
    for _ in 0..<3 {
      let read = pipe.client.startRead(upTo: message.count) { _ in }
      if !read.cancel() {
        #expect(try read.wait(deadline: .never).bytes == message)
        #expect(try writing.value() == message.count)
        return pipe.close()
      }
    }
    #expect(try pipe.client.read(upTo: message.count).bytes == message)
    #expect(try writing.value() == message.count)
    pipe.close()
  }

  @Test("a flush ends when everything before it was read, an empty message included")
  func flush() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    try pipe.server.write("a")
    _ = try pipe.server.write([UInt8]().span, deadline: .never)
    let flush = try pipe.server.startFlush { _ in }
    _ = try pipe.client.read(upTo: 9)
    #expect(flush.outcome == nil)
    _ = try pipe.client.read(upTo: 9)
    #expect(flush.outcome != nil)
    pipe.close()
  }

  @Test("threads that write to one full pipe all get their turn")
  func writers() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch, quota: 100)
    let writers = try (0..<4).map { number in
      try Background {
        for count in 0..<50 {
          let message = [UInt8](repeating: UInt8(number), count: 60 + count)
          do { _ = try pipe.server.write(message.span, deadline: .never) } catch {
            Issue.record("writer \(number), message \(count): \(error)")
            throw error
          }
        }
      }
    }
    var counts = [0, 0, 0, 0]
    for _ in 0..<200 {
      let bytes = try pipe.client.read(upTo: 200).bytes
      let number = Int(bytes[0])
      #expect(bytes == [UInt8](repeating: UInt8(number), count: 60 + counts[number]))
      counts[number] += 1
    }
    for writer in writers { try writer.value() }
    pipe.close()
  }

  @Test("threads that read from one pipe get a message each")
  func readers() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    let readers = try (0..<4).map { _ in
      try Background { try (0..<25).map { _ in try pipe.client.read(upTo: 8).bytes } }
    }
    for number in UInt8(0)..<100 { _ = try pipe.server.write([number].span, deadline: .never) }
    let all = try readers.flatMap { try $0.value() }
    #expect(all.sorted { $0[0] < $1[0] } == (UInt8(0)..<100).map { [$0] })
    pipe.close()
  }

  @Test("disconnecting ends what is pending at both ends, and discards what was not read")
  func disconnect() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch, .byte, quota: 16)
    let reading = pipe.client.startRead(upTo: 1) { _ in }
    let writing = pipe.client.startWrite(pattern(100)) { _ in }
    let blocked = try Background { code { _ = try pipe.server.read(upTo: 1000) } }
    _ = try blocked.value()
    try pipe.server.disconnect()
    #expect(throws: TransportError.self) { try reading.wait(deadline: .never) }
    #expect(code(reading.outcome) == .disconnected)
    _ = writing.outcome
    #expect(code { _ = try pipe.client.read(upTo: 1) } == .disconnected)
    #expect(code { _ = try pipe.server.read(upTo: 1) } == .disconnected)
    #expect(code { try pipe.server.disconnect() } == .disconnected)
    pipe.close()
  }

  @Test("closing an end gets its own threads out of their calls")
  func close() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch, quota: 10)
    let reading = try Background { code { _ = try pipe.client.read(upTo: 1) } }
    let writing = try Background {
      code { _ = try pipe.client.write(pattern(100).span, deadline: .never) }
    }
    // The write is visible, so its thread is inside the call or about to sleep.
    #expect(try pipe.server.read(upTo: 10).hasMore)
    pipe.client.close()
    #expect(try reading.value() == .closed)
    #expect(try writing.value() == .closed)
    pipe.close()
  }

  @Test("a task reads, writes and transacts, and cancelling it cancels its operation")
  func tasks() async throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    let server = Task {
      let request = try await pipe.server.read(upTo: 100)
      try await pipe.server.write(request.bytes.reversed())
    }
    let answer = try await pipe.client.transact([1, 2, 3], upTo: 100)
    #expect(answer.bytes == [3, 2, 1])
    try await server.value
    let reading = Task { try await pipe.client.read(upTo: 1) }
    reading.cancel()
    await #expect(throws: TransportError.self) { try await reading.value }
    pipe.close()
  }

  @Test("an event-driven server serves many clients from a few threads")
  func manyInstances() async throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\many"#)
    let runtime = scratch.runtime
    let instances = try (0..<20).map { _ in
      try NamedPipeInstance(name, in: runtime, options: .init(kind: .message))
    }
    let clients = try Background {
      try (0..<20).map { number in
        let client = try NamedPipeClient(name, in: runtime, deadline: .never)
        try client.setMode(read: .message, wait: nil)
        try client.write("\(number)")
        return client
      }
    }
    await withThrowingTaskGroup(of: Void.self) { group in
      for instance in instances {
        group.addTask {
          try await instance.waitForClient()
          let request = try await instance.read(upTo: 100)
          try await instance.write(request.bytes + request.bytes)
        }
      }
    }
    for (number, client) in try clients.value().enumerated() {
      #expect(try client.text() == "\(number)\(number)")
      client.close()
    }
    instances.forEach { $0.close() }
    #expect(scratch.names("pipes").isEmpty)
  }
}
