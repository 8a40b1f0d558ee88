import AnonymousPipes
import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@Suite struct QuotaPipeTests {
  @Test("bytes come out in order, joined, as far as there is room")
  func stream() throws {
    let pipe = try QuotaPipe()
    #expect(try pipe.write("one") == 3)
    #expect(try pipe.write("two") == 3)
    #expect(try pipe.read(4) == "onet")
    #expect(try pipe.read(64) == "wo")
  }

  @Test("a quota of 0 is 4096, a negative one is refused")
  func quotas() throws {
    #expect(try QuotaPipe().reader.quota == 4096)
    #expect(try QuotaPipe(quota: 1).writer.quota == 1)
    #expect(code { _ = try QuotaPipe(quota: -1) } == .invalidArgument)
  }

  @Test("what was written is read after the writer has closed, then comes the end")
  func writerCloses() throws {
    let pipe = try QuotaPipe()
    _ = try pipe.write("bye")
    pipe.writer.close()
    #expect(try pipe.read(64) == "bye")
    #expect(code { _ = try pipe.read(64) } == .endOfFile)
    #expect(code { _ = try pipe.read(0) } == .endOfFile)
    #expect(code { _ = try pipe.reader.peek(upTo: 0) } == .endOfFile)
  }

  @Test("a write without a reader fails, an empty one too")
  func readerCloses() throws {
    let pipe = try QuotaPipe()
    pipe.reader.close()
    #expect(code { _ = try pipe.write("x") } == .noReader)
    #expect(code { _ = try pipe.write("") } == .noReader)
  }

  @Test("a write shows all its bytes at once and waits until what is unread fits the quota")
  func quota() throws {
    let pipe = try QuotaPipe(quota: 16)
    let writer = try Background {
      try pipe.write(String(repeating: "x", count: 40))
    }
    while try pipe.reader.peek(upTo: 0).available < 40 { sched_yield() }
    #expect(try pipe.read(23) == String(repeating: "x", count: 23))
    writer.waitUntilAsleep()
    #expect(writer.outcome == nil)
    #expect(try pipe.read(1) == "x")
    #expect(try writer.value() == 40)
    #expect(try pipe.reader.peek(upTo: 0).available == 16)
  }

  @Test("a write that waits for the quota fails when the reader closes")
  func readerClosesUnderWriter() throws {
    let pipe = try QuotaPipe(quota: 16)
    let writer = try Background {
      try pipe.write(String(repeating: "x", count: 40))
    }
    while try pipe.reader.peek(upTo: 0).available < 40 { sched_yield() }
    writer.waitUntilAsleep()
    pipe.reader.close()
    #expect(code { _ = try writer.value() } == .brokenPipe)
  }

  @Test("a disconnected pipe says so at both ends, also to a write that waits, and is empty")
  func disconnected() throws {
    // The kernel holds less than the one, and more than the other.
    for count in [3_000_000, 40] {
      let pipe = try QuotaPipe(quota: 16)
      let writer = try Background { try pipe.write(String(repeating: "x", count: count)) }
      writer.waitUntilAsleep()
      try pipe.reader.disconnect()
      #expect(code { _ = try writer.value() } == .disconnected)
      #expect(code { _ = try pipe.write("") } == .disconnected)
      #expect(code { try pipe.writer.flush() } == .disconnected)
      #expect(code { _ = try pipe.read(4) } == .disconnected)
      #expect(code { _ = try pipe.reader.peek(upTo: 4) } == .invalidState)
      #expect(code { try pipe.reader.disconnect() } == .disconnected)
      pipe.reader.close()
      #expect(code { _ = try pipe.write("x") } == .disconnected)
    }
  }

  @Test("a pipe whose end that is read others have cannot be disconnected, and goes on working")
  func disconnectShared() throws {
    let pipe = try QuotaPipe()
    pipe.reader.leave()
    #expect(code { try pipe.reader.disconnect() } == .notSupported)
    #expect(try pipe.write("x") == 1)
    #expect(try pipe.read(4) == "x")
  }

  @Test("a write of more than the kernel holds waits and arrives whole")
  func large() throws {
    let pipe = try QuotaPipe(quota: 100_000)
    let writer = try Background {
      try pipe.write(String(repeating: "y", count: 3_000_000))
    }
    var count = 0
    while count < 3_000_000 { count += try pipe.read(70_000).utf8.count }
    #expect(try writer.value() == 3_000_000)
    #expect(count == 3_000_000)
  }

  @Test("a write of more than the kernel holds fails when the reader closes")
  func largeReaderCloses() throws {
    let pipe = try QuotaPipe(quota: 100)
    let writer = try Background {
      try pipe.write(String(repeating: "y", count: 3_000_000))
    }
    while try pipe.reader.peek(upTo: 0).available < 30_000 { sched_yield() }
    writer.waitUntilAsleep()
    pipe.reader.close()
    #expect(code { _ = try writer.value() } == .brokenPipe)
  }

  @Test("a read that waits gets the next bytes, and the end when the writer closes")
  func blockedReader() throws {
    let pipe = try QuotaPipe()
    let first = try Background { try pipe.read(16) }
    first.waitUntilAsleep()
    _ = try pipe.write("abc")
    #expect(try first.value() == "abc")
    let second = try Background { try pipe.read(16) }
    second.waitUntilAsleep()
    pipe.writer.close()
    #expect(code { _ = try second.value() } == .endOfFile)
  }

  @Test("a read without room waits for bytes and takes none")
  func emptyRead() throws {
    let pipe = try QuotaPipe()
    let reader = try Background { try pipe.read(0) }
    reader.waitUntilAsleep()
    _ = try pipe.write("q")
    #expect(try reader.value() == "")
    #expect(try pipe.read(16) == "q")
  }

  @Test("an empty write is not seen")
  func emptyWrite() throws {
    let pipe = try QuotaPipe()
    #expect(try pipe.write("") == 0)
    #expect(try pipe.reader.peek(upTo: 8).available == 0)
  }

  @Test("peeking takes nothing, whatever the pipe holds", arguments: [6, 5000, 60_000, 700_000])
  func peek(size: Int) throws {
    let pipe = try QuotaPipe(quota: size)
    let text = String((0..<size).map { Character(UnicodeScalar(UInt8(97 + $0 % 26))) })
    _ = try pipe.write(text)
    let part = try pipe.reader.peek(upTo: size / 2)
    #expect(part.available == size)
    #expect(part.bytes == Array(text.utf8.prefix(size / 2)))
    #expect(try pipe.reader.peek(upTo: 2 * size).bytes == Array(text.utf8))
    #expect(try pipe.read(size) == text)
  }

  @Test("peeking leaves no descriptor behind")
  func peekLeaks() throws {
    let pipe = try QuotaPipe()
    _ = try pipe.write("abc")
    // Other tests open descriptors meanwhile: a leak of one each time is more than they hold.
    let before = Descriptors.open().count
    for _ in 0..<500 { _ = try pipe.reader.peek(upTo: 3) }
    #expect(Descriptors.open().count < before + 400)
  }

  @Test("an end that must not wait says so")
  func noWait() throws {
    let pipe = try QuotaPipe(quota: 8)
    pipe.reader.waits = false
    pipe.writer.waits = false
    #expect(code { _ = try pipe.read(4) } == .wouldBlock)
    #expect(try pipe.write("123456789") == 0)
    #expect(try pipe.write("12345678") == 8)
    #expect(try pipe.write("9") == 0)
    #expect(try pipe.read(16) == "12345678")
    pipe.writer.close()
    #expect(code { _ = try pipe.read(4) } == .endOfFile)
  }

  @Test("a flush waits until everything was read")
  func flush() throws {
    let pipe = try QuotaPipe()
    try pipe.writer.flush()
    _ = try pipe.write("abcd")
    let flusher = try Background { try pipe.writer.flush() }
    flusher.waitUntilAsleep()
    #expect(try pipe.read(2) == "ab")
    flusher.waitUntilAsleep()
    #expect(flusher.outcome == nil)
    #expect(try pipe.read(2) == "cd")
    try flusher.value()
  }

  @Test("closing an end ends the calls on it")
  func closing() throws {
    let pipe = try QuotaPipe(quota: 1)
    let reader = try Background { try pipe.read(1) }
    reader.waitUntilAsleep()
    pipe.reader.close()
    #expect(code { _ = try reader.value() } == .closed)

    let other = try QuotaPipe(quota: 1)
    let writer = try Background { try other.write("abc") }
    while try other.reader.peek(upTo: 0).available < 3 { sched_yield() }
    writer.waitUntilAsleep()
    other.writer.close()
    #expect(code { _ = try writer.value() } == .closed)
    #expect(try other.read(8) == "abc")
  }

  @Test("a write does not wait for the quota once another process can read")
  func inherited() throws {
    let pipe = try QuotaPipe(quota: 1)
    let writer = try Background { try pipe.write("abc") }
    writer.waitUntilAsleep()
    pipe.reader.leave()
    #expect(try writer.value() == 3)
    #expect(try pipe.write("def") == 3)
  }

  @Test("a program that has the read end sees the bytes and the end")
  func child() throws {
    let pipe = try QuotaPipe(quota: 1)
    let back = try Pipes.make(capacity: nil)
    var plan = ChildProcess.Plan(program: "/bin/cat")
    plan.descriptors = [(0, pipe.reader.descriptor), (1, back.writeEnd.raw), (2, 2)]
    let child = try ChildProcess.start(plan)
    pipe.reader.leave()
    pipe.reader.close()
    let (output, unused) = (back.readEnd.release(), back.writeEnd.release())
    close(unused)
    defer { close(output) }
    #expect(try pipe.write("through the child") == 17)
    pipe.writer.close()
    #expect(readAll(output) == "through the child")
    #expect(try child.wait().status.isSuccess)
  }
}

extension QuotaPipe {
  fileprivate func write(_ text: String) throws(TransportError) -> Int {
    let bytes = Array(text.utf8)
    return try writer.write(bytes.span)
  }

  fileprivate func read(_ limit: Int) throws(TransportError) -> String {
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: limit)
    defer { memory.deallocate() }
    var span = OutputSpan(buffer: memory, initializedCount: 0)
    try reader.read(into: &span)
    return String(decoding: memory[..<span.finalize(for: memory)], as: UTF8.self)
  }
}
