import IPCSystem
import IPCTransport
import MessageQueues
import TestSupport
import Testing

@Suite("A bare queue does what the transport claims")
struct NativeQueueTests {
  let place: Place

  init() throws { place = try Place() }

  private func ends() throws -> (
    reader: any NativeEnd, writer: any NativeEnd, meeting: Rendezvous
  ) {
    let meeting = try MessageQueue().nativeRendezvous(scratch: place.scratch)
    let reader = try MessageQueue().openNative(.reader, at: meeting.server, deadline: .patient)
    let writer = try MessageQueue().openNative(.writer, at: meeting.clients[0], deadline: .patient)
    return (reader, writer, meeting)
  }

  @Test("It keeps boundaries, also of a message of no bytes, and refuses a short buffer")
  func messages() throws {
    let (reader, writer, meeting) = try ends()
    defer { withExtendedLifetime((reader, writer, meeting)) {} }
    for size in [5, 0, 10] { #expect(try writer.write(pattern(size), deadline: .patient) == size) }
    #expect(try reader.read(upTo: 100, deadline: .patient).bytes == pattern(5))
    #expect(try reader.read(upTo: 100, deadline: .patient).bytes == [])
    #expect(code { _ = try reader.read(upTo: 4, deadline: .patient) } == .moreData)
    #expect(try reader.read(upTo: 100, deadline: .patient).bytes == pattern(10))
  }

  @Test("It goes one way")
  func oneWay() throws {
    let (reader, writer, meeting) = try ends()
    defer { withExtendedLifetime((reader, writer, meeting)) {} }
    #expect(code { _ = try reader.write([1], deadline: .patient) } == .notSupported)
    #expect(code { _ = try writer.read(upTo: 1, deadline: .patient) } == .notSupported)
  }

  @Test("Two readers compete, and neither notices that the writer is gone")
  func compete() throws {
    let (first, writer, meeting) = try ends()
    defer { withExtendedLifetime((first, writer, meeting)) {} }
    let second = try MessageQueue().openNative(.reader, at: meeting.server, deadline: .patient)
    for byte in [1, 2] as [UInt8] { _ = try writer.write([byte], deadline: .patient) }
    writer.close()
    #expect(try second.read(upTo: 9, deadline: .patient).bytes == [1])
    #expect(try first.read(upTo: 9, deadline: .patient).bytes == [2])
    #expect(code { _ = try first.read(upTo: 9, deadline: .after(.milliseconds(5))) } == .timedOut)
  }

  @Test("A writer without reader fills the queue and waits")
  func full() throws {
    let (reader, writer, meeting) = try ends()
    defer { withExtendedLifetime((reader, writer, meeting)) {} }
    reader.close()
    var written = 0
    while code({ _ = try writer.write([1], deadline: .immediate) }) == nil { written += 1 }
    #expect(written > 0)
    #expect(code { _ = try writer.write([1], deadline: .after(.milliseconds(5))) } == .timedOut)
    // The queue outlives its reader, with what is in it.
    let next = try MessageQueue().openNative(.reader, at: meeting.server, deadline: .patient)
    #expect(try next.read(upTo: 9, deadline: .patient).bytes == [1])
  }

  @Test("A rendezvous that goes away takes the queue's name with it")
  func cleansUp() throws {
    let name: Endpoint
    do {
      let (_, _, meeting) = try ends()
      name = meeting.server
    }
    #expect(
      code { _ = try MessageQueue().openNative(.writer, at: name, deadline: .patient) }
        == .notFound)
  }
}
