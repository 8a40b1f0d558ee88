import Glibc
import IPCSystem
import IPCTransport
import Synchronization
import TestSupport
import Testing

@testable import Mailslots

extension MailslotServer {
  func next(limit: Int = 1000) throws -> [UInt8] {
    try [UInt8](capacity: limit) { (buffer) throws(TransportError) in try read(into: &buffer) }
  }
}

extension MailslotWriter {
  func put(_ bytes: [UInt8], deadline: Deadline = .never) throws {
    try write(bytes.span, deadline: deadline)
  }
}

@Suite("Everything that Win32 has of mailslots")
struct MailslotSurfaceTests {
  private let scratch: Scratch
  private let name: MailslotName

  init() throws {
    scratch = try Scratch()
    name = try MailslotName(#"\\.\mailslot\path\Name"#)
  }

  private func server(
    _ options: MailslotServer.Options = .init(readTimeout: .zero), on computer: String? = nil,
    domain: String? = nil
  ) throws -> MailslotServer {
    var options = options
    options.computer = try VirtualComputer(name: computer, domain: domain)
    return try MailslotServer(name, in: scratch.runtime, options: options)
  }

  private func writer(
    _ text: String? = nil, whenFull: MailslotWriter.WhenFull = .wait
  ) throws -> MailslotWriter {
    try MailslotWriter(
      try text.map { try MailslotName($0) } ?? name, in: scratch.runtime, whenFull: whenFull)
  }

  @Test(
    "a name has a host, the word mailslot and something behind it",
    arguments: [
      (#"\\.\mailslot\a"#, true), (#"\\.\MAILSLOT\a\b"#, true), (#"\\*\mailslot\a"#, true),
      (#"\\SERVER-1\mailslot\a"#, true), (#"\\.\mailslot\"#, false), ("blah", false),
      (#"\\.\pipe\a"#, false), (#"\\\mailslot\a"#, false), (#"\\a b\mailslot\a"#, false),
      (#"\\ABCDEFGHIJKLMNOP\mailslot\a"#, false), (#"\\.\mailslot"#, false),
      (#"\\.\mailslot\"# + String(repeating: "x", count: 243), true),
      (#"\\.\mailslot\"# + String(repeating: "x", count: 244), false),
    ])
  func names(text: String, isGood: Bool) {
    #expect(code { _ = try MailslotName(text) } == (isGood ? nil : .invalidName))
  }

  @Test("a message as long as the maximum is taken, a longer one is refused")
  func maximum() throws {
    let server = try server(.init(maximumMessage: 8, readTimeout: .zero))
    let writer = try writer()
    #expect(writer.maximumMessage == 8)
    try writer.put([UInt8](repeating: 1, count: 8))
    do {
      try writer.put([UInt8](repeating: 1, count: 9))
      Issue.record("nine bytes were taken")
    } catch let error as TransportError {
      #expect(error.code == .messageTooLarge && error.limit == 8)
    }
    #expect(try server.next().count == 8)
    #expect(code { _ = try server.next() } == .timedOut)
    server.close()
  }

  @Test("a writer that sends more than the maximum all the same is dropped", arguments: [9, 2000])
  func hostile(size: Int) throws {
    let server = try server(.init(maximumMessage: 8, readTimeout: .zero))
    let directory = try Mailslots.registry(scratch.runtime).directory(of: name.base)
    let entry = try #require(directory.entries().first { $0.rest.hasSuffix(".sock") })
    let socket = try LocalSocket.make(.seqpacket)
    try directory.connect(socket.raw, to: entry.name)
    let word = PacketFrame(isFirst: true, remaining: size).encoded
    let head = (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
    try LocalSocket.send(
      head + [UInt8](repeating: 0, count: 8 + size), descriptors: [], over: socket.raw)
    #expect(code { _ = try server.next() } == .timedOut)
    try writer().put([1])
    #expect(try server.next() == [1])
    #expect(try server.pending() == (0, nil))
    server.close()
  }

  @Test("info tells what the mailslot was created with and what waits")
  func info() throws {
    let server = try server(.init(maximumMessage: 100, readTimeout: .milliseconds(1234)))
    var expected = MailslotServer.Info(
      maximumMessage: 100, next: nil, count: 0, readTimeout: .milliseconds(1234))
    #expect(try server.info() == expected)
    let writer = try writer()
    for size in [3, 0, 5] { try writer.put([UInt8](repeating: 7, count: size)) }
    server.readTimeout = nil
    (expected.next, expected.count, expected.readTimeout) = (3, 3, nil)
    #expect(try server.info() == expected)
    #expect(try server.next() == [7, 7, 7])
    (expected.next, expected.count) = (0, 2)
    #expect(try server.info() == expected)
    server.close()
  }

  @Test("info does not wait for a thread that waits in a read, and the read goes on")
  func infoDuringRead() throws {
    let server = try server(.init())
    let reader = try Background { try server.next() }
    for _ in 0..<100 { #expect(try server.info().count == 0) }
    try writer().put([4])
    #expect(try reader.value() == [4])
    server.close()
  }

  @Test("a read waits as long as the time-out says, and for ever without one")
  func timeouts() throws {
    let server = try server(.init(readTimeout: .milliseconds(20)))
    let start = MonotonicClock.now()
    #expect(code { _ = try server.next() } == .timedOut)
    #expect(MonotonicClock.now() - start >= 20_000_000)
    server.readTimeout = .zero
    #expect(code { _ = try server.next() } == .timedOut)
    server.readTimeout = nil
    let reader = try Background { try server.next() }
    try writer().put([4])
    #expect(try reader.value() == [4])
    server.close()
  }

  @Test("what several writers have written is read in the order in which it was")
  func orderOfAll() throws {
    let server = try server()
    let first = try writer()
    try first.put([0])
    #expect(try server.next() == [0])
    let second = try writer()
    for (number, writer) in [second, second, first, first, second, first].enumerated() {
      try writer.put([UInt8(number)])
    }
    let third = try writer()
    try third.put([6])
    third.close()
    try first.put([7])
    for number in 0..<8 { #expect(try server.next() == [UInt8(number)]) }
    server.close()
  }

  @Test("a message of which the size was told stays the next")
  func toldSize() throws {
    var queue = MailslotQueue()
    queue.add([2, 2], nil, stamp: 20)
    let told = queue.showNext()
    #expect(told == 2)
    queue.add([1], nil, stamp: 10)
    queue.add([3], nil, stamp: 30)
    queue.add([4], nil, stamp: 15)
    for expected in [[2, 2], [1], [4], [3]] as [[UInt8]] {
      let message = try [UInt8](capacity: 9) { (buffer) throws(TransportError) in
        _ = try queue.take(into: &buffer, name)
      }
      #expect(message == expected)
    }
    #expect(queue.isEmpty && queue.weight == 0)
  }

  @Test("a writer that is to be refused is told, and what it wrote before is all there")
  func refusal() throws {
    let server = try server()
    let writer = try writer(whenFull: .refuse)
    var sent = 0
    let failure = code {
      while true {
        try writer.put([UInt8(sent & 255), UInt8(sent >> 8)])
        sent += 1
      }
    }
    #expect(failure == .queueFull && sent > 100)
    for number in 0..<sent {
      #expect(try server.next() == [UInt8(number & 255), UInt8(number >> 8)])
    }
    #expect(code { _ = try server.next() } == .timedOut)
    try writer.put([1])
    #expect(try server.next() == [1])
    server.close()
  }

  @Test("100,000 messages of eight writers arrive, in order per writer")
  func many() throws {
    let server = try server(.init())
    let (name, runtime, count) = (name, scratch.runtime, 12_500)
    let writers = try (0..<8).map { number in
      try Background {
        let writer = try MailslotWriter(name, in: runtime)
        for step in 0..<count {
          try writer.put([UInt8(number), UInt8(step & 255), UInt8(step >> 8)])
        }
        writer.close()
      }
    }
    var next = [Int](repeating: 0, count: writers.count)
    var disorders = 0
    for _ in 0..<(count * writers.count) {
      let message = try server.next(limit: 9)
      let writer = Int(message[0])
      if Int(message[1]) | Int(message[2]) << 8 != next[writer] { disorders += 1 }
      next[writer] += 1
    }
    #expect(disorders == 0 && next.allSatisfy { $0 == count })
    for writer in writers { try writer.value() }
    #expect(try server.pending() == (0, nil))
    server.close()
  }

  @Test("of several threads that read, each gets messages of its own, and all are got")
  func severalReaders() throws {
    let server = try server(.init())
    // A message of no bytes ends a reader.
    let readers = try (0..<4).map { _ in
      try Background { () -> [UInt8] in
        var all: [UInt8] = []
        while true {
          let message = try server.next()
          if message.isEmpty { return all }
          all += message
        }
      }
    }
    let writer = try writer()
    for number in 0..<200 { try writer.put([UInt8(number)]) }
    for _ in readers { try writer.put([]) }
    let lists = try readers.map { try $0.value() }
    for list in lists { #expect(list == list.sorted()) }
    #expect(lists.flatMap(\.self).sorted() == (0..<200).map { UInt8($0) })
    server.close()
  }

  @Test("a read that is cancelled ends, another goes on, and no message is lost")
  func cancellation() throws {
    let server = try server(.init())
    for number in 0..<50 {
      let cancellation = MailslotServer.Cancellation()
      let cancelled = try Background {
        code {
          _ = try [UInt8](capacity: 9) { (buffer) throws(TransportError) in
            try server.read(into: &buffer, deadline: .never, cancellation: cancellation)
          }
        }
      }
      let other = try Background { try server.next() }
      server.cancel(cancellation)
      #expect(try cancelled.value() == .cancelled)
      try writer().put([UInt8(number)])
      #expect(try other.value() == [UInt8(number)])
    }
    #expect(try server.pending() == (0, nil))
    server.close()
  }

  @Test("close ends every thread's read")
  func closeWithReaders() throws {
    let server = try server(.init())
    let readers = try (0..<4).map { _ in try Background { code { _ = try server.next() } } }
    server.close()
    for reader in readers { #expect(try reader.value() == .closed) }
    #expect(code { _ = try server.info() } == .closed)
    #expect(scratch.names("mailslots").isEmpty)
  }

  @Test("every computer has its own mailslot of a name, and is found by its name")
  func computers() throws {
    let own = try server()
    let other = try server(on: "Other")
    #expect(code { _ = try server(on: "OTHER") } == .nameInUse)
    try writer().put([1])
    try writer(#"\\other\mailslot\PATH\NAME"#).put([2])
    try writer(#"\\"# + own.computer.name + #"\mailslot\path\name"#).put([3])
    #expect(try [own.next(), own.next(), other.next()] == [[1], [3], [2]])
    #expect(code { _ = try writer(#"\\nobody\mailslot\path\name"#) } == .notFound)
    other.close()
    #expect(code { _ = try writer(#"\\other\mailslot\path\name"#) } == .notFound)
    try writer().put([4])
    #expect(try own.next() == [4])
    own.close()
    #expect(scratch.names("mailslots").isEmpty)
  }

  @Test("others are told how many messages wait, whatever the reader does")
  func inquiries() throws {
    let server = try server()
    let writer = try writer()
    for message in [[1, 2, 3], [], [4]] as [[UInt8]] { try writer.put(message) }
    let found = try #require(Mailslots.survey(scratch.runtime).mailslots.first)
    #expect(found.name == #"\\.\mailslot\path\Name"#)
    #expect((found.waiting, found.next) == (3, 3))
    #expect(found.owner.pid == getpid())
    #expect(try server.next() == [1, 2, 3])
    let after = try #require(Mailslots.survey(scratch.runtime).mailslots.first)
    #expect((after.waiting, after.next) == (2, 0))
    server.close()
    #expect(Mailslots.survey(scratch.runtime).mailslots.isEmpty)
  }

  @Test("who only looks is never the reason why a read without waiting finds nothing")
  func looks() throws {
    let server = try server()
    server.readTimeout = .zero
    let writer = try writer()
    let isDone = Atomic(false)
    let onlookers = try (0..<2).map { _ in
      try Background { while !isDone.load(ordering: .acquiring) { _ = try server.info() } }
    }
    for number in 0..<2000 {
      let message = [UInt8(truncatingIfNeeded: number)]
      try writer.put(message)
      #expect(try server.next() == message)
    }
    isDone.store(true, ordering: .releasing)
    for onlooker in onlookers { try onlooker.value() }
    server.close()
  }

  @Test("a computer's name is 1 to 15 letters, digits, - and _")
  func computerNames() throws {
    #expect(try VirtualComputer(name: "pc-1_a").name == "PC-1_A")
    for text in ["", "a.b", "a b", "Rechnér", "ABCDEFGHIJKLMNOP"] {
      #expect(code { _ = try VirtualComputer(name: text) } == .invalidArgument)
      #expect(code { _ = try VirtualComputer(domain: text) } == .invalidArgument)
    }
  }
}
