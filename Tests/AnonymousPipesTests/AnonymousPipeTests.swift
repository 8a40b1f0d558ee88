import AnonymousPipes
import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@Suite struct AnonymousPipeTests {
  @Test("a pipe holds what was asked for", arguments: [4096, 65536, 262_144])
  func capacity(bytes: Int) throws {
    #expect(try AnonymousPipe(capacity: bytes).capacity == bytes)
  }

  @Test("a capacity between two powers of two is rounded up, and none is the default")
  func rounding() throws {
    #expect(try AnonymousPipe(capacity: 5000).capacity == 8192)
    #expect(try AnonymousPipe().capacity == 65536)
  }

  @Test("a capacity that makes no sense is refused", arguments: [0, -1, Int.max])
  func refusedCapacity(bytes: Int) {
    do throws(TransportError) {
      _ = try AnonymousPipe(capacity: bytes)
      Issue.record("it was made")
    } catch { #expect(error.code == .invalidArgument) }
  }

  @Test("neither end survives an exec")
  func closeOnExec() throws {
    let pipe = try AnonymousPipe()
    #expect(fcntl(pipe.readEnd.raw, F_GETFD) == FD_CLOEXEC)
    #expect(fcntl(pipe.writeEnd.raw, F_GETFD) == FD_CLOEXEC)
  }

  @Test("clients and server talk over the pairs they inherited, each over its own")
  func transport() throws {
    let directory = try Scratch()
    let scratch = try ScratchDirectory(in: RuntimeDirectory(verifying: directory.path))
    let transport = AnonymousPipeTransport()
    let meeting = try transport.rendezvous(clients: 2, scratch: scratch)
    let listener = try transport.listen(at: inherited(meeting.server))
    let first = try transport.connect(to: inherited(meeting.clients[0]), deadline: .never)
    let second = try transport.connect(to: inherited(meeting.clients[1]), deadline: .never)
    try second.send([2].span, deadline: .never)
    try first.send([1].span, deadline: .never)
    let one = try listener.accept(deadline: .never)
    let two = try listener.accept(deadline: .never)
    #expect(try one.receive(upTo: 9, deadline: .never) == [1])
    #expect(try two.receive(upTo: 9, deadline: .never) == [2])
    try two.send([22].span, deadline: .never)
    #expect(try second.receive(upTo: 9, deadline: .never) == [22])
    #expect(
      code { try listener.accept(deadline: .immediate) } == .timedOut)
    listener.close()
    #expect(code { try listener.accept(deadline: .never) } == .closed)
  }

  @Test("end of file comes when the rendezvous and the other end are gone")
  func endOfFile() throws {
    let directory = try Scratch()
    let scratch = try ScratchDirectory(in: RuntimeDirectory(verifying: directory.path))
    let transport = AnonymousPipeTransport()
    var meeting: Rendezvous? = try transport.rendezvous(clients: 1, scratch: scratch)
    let server = try inherited(#require(meeting).server)
    let client = try inherited(#require(meeting).clients[0])
    meeting = nil
    let one = try transport.listen(at: server).accept(deadline: .never)
    let other = try transport.connect(to: client, deadline: .never)
    other.close()
    #expect(code { try one.receive(upTo: 1, deadline: .never) } == .endOfFile)
    #expect(one.sendUntilFailure() == .brokenPipe)
  }

  @Test("an endpoint without open descriptors is an error and no trap")
  func badEndpoint() {
    let transport = AnonymousPipeTransport()
    for numbers in [[], [1_000_000], [1_000_000, 1_000_001], [-1, -2]] as [[Int32]] {
      let endpoint = Endpoint(descriptors: numbers)
      #expect(
        code { _ = try transport.listen(at: endpoint) }
          == .invalidArgument)
      #expect(
        code {
          _ = try transport.connect(to: endpoint, deadline: .never)
        }
          == .invalidArgument)
    }
  }

  @Test("a bare pipe joins writes, splits reads and ends when its writer closes")
  func native() throws {
    let directory = try Scratch()
    let scratch = try ScratchDirectory(in: RuntimeDirectory(verifying: directory.path))
    let transport = AnonymousPipeTransport()
    let meeting = try transport.nativeRendezvous(scratch: scratch)
    let reader = try transport.openNative(.reader, at: inherited(meeting.server), deadline: .never)
    let writer = try transport.openNative(
      .writer, at: inherited(meeting.clients[0]), deadline: .never)
    #expect(try writer.write([1, 2], deadline: .never) == 2)
    #expect(try writer.write([3], deadline: .never) == 1)
    #expect(try reader.read(upTo: 2, deadline: .never).bytes == [1, 2])
    #expect(try reader.read(upTo: 2, deadline: .never).bytes == [3])
    #expect(
      code { try reader.read(upTo: 2, deadline: .immediate) }
        == .timedOut)
    var total = 0
    while true {
      guard let count = try? writer.write([UInt8](repeating: 0, count: 4096), deadline: .immediate)
      else { break }
      total += count
    }
    #expect(total == 65536)
    _ = meeting
  }
}
