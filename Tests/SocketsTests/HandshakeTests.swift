import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@testable import Sockets

@Suite("Handshakes of datagram sockets")
struct HandshakeTests {
  let place: Place

  init() throws { place = try Place() }

  @Test("Clients that say nothing or nonsense do not keep others from a datagram server")
  func nonsense() throws {
    let (listener, endpoint) = try place.listen(.unixDatagram)
    let silent = try LocalSocket.make(.seqpacket)
    try LocalSocket.connect(silent.raw, to: endpoint.address)
    let garbage = try LocalSocket.make(.seqpacket)
    try LocalSocket.connect(garbage.raw, to: endpoint.address)
    try LocalSocket.send(pattern(64), descriptors: [], over: garbage.raw)
    let long = try LocalSocket.make(.seqpacket)
    try LocalSocket.connect(long.raw, to: endpoint.address)
    try LocalSocket.send(pattern(4096), descriptors: [], over: long.raw)
    // The right words, but a pipe where a datagram socket should be.
    let pipe = try Pipes.make(capacity: nil)
    let impostor = try LocalSocket.make(.seqpacket)
    try LocalSocket.connect(impostor.raw, to: endpoint.address)
    try LocalSocket.send(
      Array("ipclab unix-datagram 1".utf8), descriptors: [pipe.readEnd.raw], over: impostor.raw)
    let client = try UnixDatagram().connect(to: endpoint, deadline: .patient)
    let server = try listener.accept(deadline: .patient)
    try client.send([9])
    #expect(try server.receive() == [9])
    #expect(code { _ = try listener.accept(deadline: .immediate) } == .timedOut)
    listener.close()
  }

  @Test("Closing a datagram listener lets clients that wait in it see a broken pipe")
  func pendingClients() throws {
    let (listener, endpoint) = try place.listen(.unixDatagram)
    let client = try UnixDatagram().connect(to: endpoint, deadline: .patient)
    listener.close()
    let seen = code { _ = try client.receive(deadline: .never) }
    #expect(seen == .endOfFile)
  }

  @Test("A hello that is repeated makes one conversation")
  func repeated() throws {
    let (listener, endpoint) = try place.listen(.udp)
    let client = DescriptorIO(adopting: try InternetSocket.make(.udp))
    let server = try InternetAddress.parse(endpoint.address)
    let hello = Array("ipclab-h".utf8) + pattern(8)
    for _ in 0..<3 {
      try InternetSocket.send(hello, over: client, to: server, deadline: .patient)
    }
    _ = try listener.accept(deadline: .immediate)
    #expect(code { _ = try listener.accept(deadline: .immediate) } == .timedOut)
    let welcome = try InternetSocket.receive(limit: 64, from: client, deadline: .immediate)
    #expect(welcome.bytes == Array("ipclab-w".utf8) + pattern(8))
    listener.close()
  }

  @Test("A client that has given up, and a stranger's datagram, are passed over")
  func givenUp() throws {
    let (listener, endpoint) = try place.listen(.udp)
    let server = try InternetAddress.parse(endpoint.address)
    for bytes in [Array("ipclab-h".utf8) + pattern(8), pattern(40), []] {
      let client = DescriptorIO(adopting: try InternetSocket.make(.udp))
      try InternetSocket.send(bytes, over: client, to: server, deadline: .patient)
      client.close()
    }
    #expect(code { _ = try listener.accept(deadline: .immediate) } == .timedOut)
    listener.close()
  }

  @Test("A UDP client that nobody answers gives up at its deadline")
  func unanswered() throws {
    let (listener, endpoint) = try place.listen(.udp)
    let seen = code { _ = try UDP().connect(to: endpoint, deadline: .after(.milliseconds(80))) }
    #expect(seen == .timedOut)
    listener.close()
  }

  @Test("A stranger's datagram does not reach a conversation")
  func stranger() throws {
    let meeting = try place.meet(.udp)
    // The sockets of the conversation are connected, so the kernel turns everybody else away.
    try meeting.client.send([1])
    let endpoint = try #require((meeting.listener as? any AddressedListener)?.endpoint)
    let outsider = DescriptorIO(adopting: try InternetSocket.make(.udp))
    try InternetSocket.send(
      [2], over: outsider, to: try .parse(endpoint.address), deadline: .patient)
    #expect(try meeting.server.receive() == [1])
    #expect(code { _ = try meeting.server.receive(deadline: .immediate) } == .timedOut)
  }
}
