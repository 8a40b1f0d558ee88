import Glibc
import IPCSystem
import IPCTransport
import Synchronization
import TestSupport
import Testing

@testable import NamedPipes

@Suite("Peers that do not follow the protocol")
struct HostilePeerTests {
  /// How many inputs the fuzzers run; `IPCLAB_FUZZ` sets another number.
  static var inputs: Int {
    getenv("IPCLAB_FUZZ").flatMap { Int(String(cString: $0)) } ?? 1_000_000
  }

  @Test("no header makes the decoder trap or accept what leaves the ring")
  func decoder() {
    var generator = SeededGenerator(seed: 1)
    var accepted = 0
    for _ in 0..<Self.inputs {
      // Random words are refused by the magic number: most inputs are near valid ones.
      var word = generator.next()
      if Bool.random(using: &generator) {
        word = word & 0x0000_FFFF_0000_FFFF | 0xF1 << 56
        if Bool.random(using: &generator) { word = word & ~(0xFF << 32) | UInt64(1) << 32 }
      }
      let remaining = generator.next() >> UInt64.random(in: 0..<64, using: &generator)
      let available = Int.random(in: 0...70_000, using: &generator)
      let expected = Bool.random(using: &generator) ? 0 : Int(remaining >> 2)
      guard
        let frame = PipeFrame(
          decoding: word, remaining, available: available, expected: expected)
      else { continue }
      accepted += 1
      if PipeFrame.space(frame.length) > available
        || (frame.kind != .skip && frame.length > frame.remaining)
        || frame.slot.map({ $0 >= PipeFrame.slots }) ?? false
      {
        Issue.record("accepted \(word) \(remaining) with \(available) bytes")
      }
    }
    #expect(accepted > 1000)
  }

  @Test("a reader over memory full of nonsense ends with an error or with what is there")
  func ring() throws {
    var generator = SeededGenerator(seed: 2)
    var violations = 0
    for round in 0..<(Self.inputs / 500) {
      let ring = try Ring()
      let base = ring.direction.ring
      var position = 0
      while position < 8192 {
        let length = Int.random(in: 0...200, using: &generator)
        let kind = UInt64.random(in: 1...3, using: &generator)
        let slot = UInt64.random(in: 0...17, using: &generator)
        let word =
          Int.random(in: 0..<20, using: &generator) == 0
          ? generator.next()
          : UInt64(length) | kind << 32 | (slot > 15 ? 0xFF : slot) << 40 | 0xF1 << 56
        base.storeBytes(of: word, toByteOffset: position, as: UInt64.self)
        let remaining = kind == 1 ? UInt64(length) : generator.next() >> 50
        base.storeBytes(of: remaining, toByteOffset: position + 8, as: UInt64.self)
        position += PipeFrame.space(length)
      }
      for slot in 0..<16 {
        ring.direction.slot(slot).pointee.store(
          generator.next() >> UInt64.random(in: 0..<2, using: &generator), ordering: .relaxed)
      }
      ring.direction.tail.pointee.store(
        round % 3 == 0 ? generator.next() : UInt64(position) & ~15, ordering: .relaxed)
      ring.direction.queuedBytes.pointee.store(generator.next(), ordering: .relaxed)
      for _ in 0..<100 {
        let progress: PipeReader.Progress
        do {
          switch Int.random(in: 0..<3, using: &generator) {
          case 0: progress = try ring.readMessage(upTo: 300).0
          case 1: progress = try ring.readBytes(upTo: 300).0
          default:
            #expect(try ring.reader.peek(upTo: 300, joined: false).bytes.count <= 300)
            continue
          }
        } catch {
          violations += 1
          break
        }
        if progress == .empty || progress == .unfinished { break }
      }
    }
    #expect(violations > 100)
  }

  @Test("a writer whose reader forges its counters stops with an error or goes on")
  func writer() throws {
    var generator = SeededGenerator(seed: 3)
    let (short, long) = (pattern(1000), pattern(5000))
    for _ in 0..<400 {
      let ring = try Ring()
      for _ in 0..<20 {
        ring.direction.head.pointee.store(
          generator.next() >> UInt64.random(in: 0..<64, using: &generator), ordering: .relaxed)
        ring.direction.consumedBytes.pointee.store(generator.next(), ordering: .relaxed)
        ring.direction.passedMessages.pointee.store(generator.next(), ordering: .relaxed)
        _ = ring.writer.fits(100, quota: 4096)
        do {
          _ = try ring.put(short)
          var held = try ring.hold(long)
          try ring.push(&held, long)
          #expect(ring.writer.takeBack(held) <= 5000)
        } catch { break }
      }
    }
  }

  /// A client made by hand, which can write into the shared memory what it likes.
  private final class Forger: Sendable {
    let socket: OwnedDescriptor
    let room: OwnedDescriptor
    let mapping: SharedMapping

    init(_ name: String, in runtime: RuntimeDirectory) throws {
      let registry = try NameRegistry("pipes", in: runtime)
      let directory = registry.directory(of: name)
      let listening = try #require(directory.entries().first { $0.rest.hasSuffix(".sock") })
      socket = try LocalSocket.make(.seqpacket)
      try directory.connect(socket.raw, to: listening.name)
      var packet = try LocalSocket.receive(limit: Welcome.size, from: socket.raw)
      let welcome = try #require(Welcome(decoding: packet.bytes))
      guard let file = packet.takeDescriptor(), let room = packet.takeDescriptor() else {
        throw SystemError(code: EPROTO, call: "receive the welcome")
      }
      self.room = room
      mapping = try SharedMapping(mappingSealed: file, size: welcome.sizes.total)
    }

    /// Writes a word of the client's direction.
    func forge(_ offset: Int, _ value: UInt64) {
      mapping.address(at: 2048 + offset, length: 8).storeBytes(of: value, as: UInt64.self)
    }

    func ring() throws { try LocalSocket.send([1], descriptors: [], over: socket.raw) }
  }

  private func instance(_ scratch: Scratch) throws -> NamedPipeInstance {
    try NamedPipeInstance(
      try PipeName(#"\\.\pipe\hostile"#), in: scratch.runtime, options: .init(kind: .message))
  }

  @Test("a forged position closes the connection and nothing else")
  func forgedTail() throws {
    let scratch = try Scratch()
    let instance = try instance(scratch)
    let forger = try Forger("hostile", in: scratch.runtime)
    try instance.acceptClient()
    let read = try Background { code { _ = try instance.read(upTo: 10) } }
    forger.forge(0, 1 << 60)
    try forger.ring()
    #expect(try read.value() == .protocolViolation)
    // The instance can serve the next client.
    try instance.disconnect()
    let waiting = instance.startWaitForClient { _ in }
    let client = try NamedPipeClient(instance.name, in: scratch.runtime, deadline: .never)
    _ = try waiting.wait(deadline: .never)
    try client.write("fine")
    #expect(try instance.text() == "fine")
    instance.close()
  }

  @Test("a client that connects and stalls keeps nobody from being served")
  func stalling() throws {
    let scratch = try Scratch()
    let first = try instance(scratch)
    let forger = try Forger("hostile", in: scratch.runtime)
    let second = try instance(scratch)
    let client = try NamedPipeClient(second.name, in: scratch.runtime, deadline: .never)
    try client.write("hello")
    #expect(try second.text() == "hello")
    #expect(code { _ = try first.read(upTo: 1, deadline: .immediate) } == .timedOut)
    _ = forger
    first.close()
    second.close()
  }

  @Test("a peer that rings without end and writes nothing does not keep a deadline from passing")
  func bells() throws {
    let scratch = try Scratch()
    let instance = try instance(scratch)
    let forger = try Forger("hostile", in: scratch.runtime)
    try instance.acceptClient()
    let flag = Signal()
    let ringing = try Background {
      while !flag.isSet {
        var byte: UInt8 = 1
        _ = send(forger.socket.raw, &byte, 1, Int32(MSG_DONTWAIT))
      }
    }
    #expect(
      code { _ = try instance.read(upTo: 1, deadline: .after(.milliseconds(20))) } == .timedOut)
    flag.set()
    try ringing.value()
    instance.close()
  }

  @Test("a memory file that can be cut is refused by a client")
  func unsealed() throws {
    let pair = try LocalSocket.pair(.seqpacket)
    let room = try LocalSocket.pair(.seqpacket)
    let file = try MemoryFile.make(name: "unsealed")
    let welcome = Welcome(.init(kind: .byte))
    ftruncate(file.raw, welcome.sizes.total)
    try LocalSocket.send(
      welcome.encoded, descriptors: [file.raw, room.first.raw], over: pair.first.raw)
    var seen: TransportError.Code?
    do { _ = try Welcome.receive(pair.second, "connect", deadline: .never) } catch {
      seen = error.code
    }
    #expect(seen == .protocolViolation)
  }

  @Test("a welcome that is none is refused", arguments: [0, 1, 8, 16, 40, 47])
  func badWelcome(length: Int) throws {
    var bytes = Welcome(.init(kind: .byte)).encoded
    #expect(Welcome(decoding: bytes) != nil)
    #expect(Welcome(decoding: Array(bytes.prefix(length))) == nil)
    if length < bytes.count { bytes[length] ^= 0xFF }
    let decoded = Welcome(decoding: bytes)
    #expect(decoded == nil || decoded?.sizes.total ?? 0 <= 2 * PipeMemory.Sizes.largest + 4096)
  }
}
