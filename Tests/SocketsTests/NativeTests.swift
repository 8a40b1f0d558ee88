import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@testable import Sockets

@Suite("Bare sockets do what the transports claim")
struct NativeTests {
  let place: Place

  init() throws { place = try Place() }

  /// A reader and a writer, which close when they go away.
  private struct Ends {
    let meeting: Rendezvous
    let reader: any NativeEnd
    let writer: any NativeEnd
  }

  private func ends(_ kind: Kind) throws -> Ends {
    let meeting = try kind.transport.nativeRendezvous(scratch: place.scratch)
    return Ends(
      meeting: meeting,
      reader: try kind.transport.openNative(.reader, at: meeting.server, deadline: .patient),
      writer: try kind.transport.openNative(.writer, at: meeting.clients[0], deadline: .patient))
  }

  @Test("Boundaries", arguments: Kind.allCases)
  func boundaries(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    #expect(try ends.writer.write(pattern(5), deadline: .patient) == 5)
    #expect(try ends.writer.write(pattern(7), deadline: .patient) == 7)
    let first = try ends.reader.read(upTo: 100, deadline: .patient)
    switch kind.transport.capabilities.boundaries {
    case .kept: #expect(first.bytes == pattern(5))
    case .notKept: #expect(first.bytes == pattern(5) + pattern(7))
    }
  }

  @Test("Short read", arguments: Kind.allCases)
  func shortRead(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    _ = try ends.writer.write(pattern(10), deadline: .patient)
    let short = try ends.reader.read(upTo: 4, deadline: .patient)
    #expect(short.bytes == Array(pattern(10).prefix(4)))
    switch kind.transport.capabilities.shortRead {
    case .restLost:
      #expect(short.saidMore)
      #expect(code { _ = try ends.reader.read(upTo: 100, deadline: .immediate) } == .timedOut)
    default:
      #expect(!short.saidMore)
      #expect(
        try ends.reader.read(upTo: 100, deadline: .patient).bytes == Array(pattern(10).dropFirst(4))
      )
    }
  }

  @Test("Message of no bytes", arguments: Kind.allCases)
  func zero(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    #expect(try ends.writer.write([], deadline: .patient) == 0)
    #expect(try ends.writer.write(pattern(3), deadline: .patient) == 3)
    let first = try ends.reader.read(upTo: 100, deadline: .patient).bytes
    #expect(first == (kind.transport.capabilities.zeroLength == .delivered ? [] : pattern(3)))
  }

  @Test("A write that finds no room times out; UDP loses instead", arguments: Kind.allCases)
  func full(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    var result: TransportError.Code?
    var written = 0
    while result == nil && written < 16 << 20 {
      result = code { written += try ends.writer.write(pattern(4096), deadline: .immediate) }
    }
    #expect(result == (kind.transport.capabilities.full == .blocks ? .timedOut : nil))
  }

  @Test("A second reader of the same name is refused", arguments: Kind.allCases)
  func secondReader(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    #expect(
      code {
        _ = try kind.transport.openNative(.reader, at: ends.meeting.server, deadline: .patient)
      } == .nameInUse)
  }

  @Test("Two writers are both heard, and the reader can answer", arguments: Kind.allCases)
  func twoWriters(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    let second = try kind.transport.openNative(
      .writer, at: ends.meeting.clients[0], deadline: .patient)
    for (writer, byte) in [(ends.writer, 1), (second, 2)] as [(any NativeEnd, UInt8)] {
      _ = try writer.write([byte], deadline: .patient)
      #expect(try ends.reader.read(upTo: 10, deadline: .patient).bytes == [byte])
      #expect(try ends.reader.write([byte + 10], deadline: .patient) == 1)
      #expect(try writer.read(upTo: 10, deadline: .patient).bytes == [byte + 10])
    }
  }

  @Test("What a reader sees when the writer goes", arguments: Kind.allCases)
  func writerGoes(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    _ = try ends.writer.write([1], deadline: .patient)
    ends.writer.close()
    #expect(try ends.reader.read(upTo: 10, deadline: .patient).bytes == [1])
    switch kind.transport.capabilities.writerDeath {
    case .endOfFile:
      #expect(code { _ = try ends.reader.read(upTo: 10, deadline: .patient) } == .endOfFile)
      #expect(code { _ = try ends.reader.read(upTo: 10, deadline: .patient) } == .endOfFile)
    default:
      #expect(
        code { _ = try ends.reader.read(upTo: 10, deadline: .after(.milliseconds(20))) }
          == .timedOut)
    }
  }

  @Test("A writer without reader gets an error", arguments: Kind.allCases)
  func readerGoes(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    ends.reader.close()
    var seen: TransportError.Code?
    while seen == nil { seen = code { _ = try ends.writer.write([1], deadline: .patient) } }
    #expect(seen == .brokenPipe)
  }

  @Test("What is left of the name of a dead reader", arguments: Kind.allCases)
  func nameLeft(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    ends.reader.close()
    let seen = code {
      _ = try kind.transport.openNative(.reader, at: ends.meeting.server, deadline: .patient)
    }
    #expect(seen == (kind.transport.capabilities.nameAfterKill == .left ? .nameInUse : nil))
  }

  @Test(
    "A message above the bare limit is refused",
    arguments: [
      Kind.unixSeqpacket, .unixDatagram, .udp,
    ])
  func tooLong(kind: Kind) throws {
    let ends = try ends(kind)
    defer { withExtendedLifetime(ends) {} }
    do {
      _ = try ends.writer.write(pattern(4 << 20), deadline: .patient)
      Issue.record("4 MiB were taken")
    } catch {
      #expect(error.code == .messageTooLarge)
      let limit = try #require(error.limit)
      #expect(try ends.writer.write(pattern(limit), deadline: .patient) == limit)
      #expect(
        code { _ = try ends.writer.write(pattern(limit + 1), deadline: .patient) }
          == .messageTooLarge)
    }
  }
}
