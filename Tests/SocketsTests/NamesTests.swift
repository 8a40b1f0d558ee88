import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@testable import Sockets

@Suite("Names and addresses of sockets")
struct NamesTests {
  let place: Place

  init() throws { place = try Place() }

  @Test("Connecting to nobody fails at once", arguments: Kind.allCases)
  func nobody(kind: Kind) throws {
    let (listener, endpoint) = try place.listen(kind)
    listener.close()
    let seen = code { _ = try kind.transport.connect(to: endpoint, deadline: .patient) }
    #expect(seen == .notFound)
  }

  @Test("Connecting to a socket file whose server died fails at once", arguments: Kind.local)
  func stale(kind: Kind) throws {
    let endpoint = place.address(kind)
    try leaveFile(at: endpoint.address)
    #expect(
      code { _ = try kind.transport.connect(to: endpoint, deadline: .patient) } == .notFound)
  }

  @Test("The socket file of a dead server does not keep the next one away", arguments: Kind.local)
  func takesOver(kind: Kind) throws {
    let endpoint = place.address(kind)
    try leaveFile(at: endpoint.address)
    let listener = try kind.transport.listen(at: endpoint)
    let client = try kind.transport.connect(to: endpoint, deadline: .patient)
    let server = try listener.accept(deadline: .patient)
    try client.send([1, 2])
    #expect(try server.receive() == [1, 2])
  }

  @Test("An ordinary file at the path is left alone", arguments: Kind.local)
  func ordinaryFile(kind: Kind) throws {
    let endpoint = place.address(kind)
    close(open(endpoint.address, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
    #expect(code { _ = try kind.transport.listen(at: endpoint) } == .nameInUse)
    #expect(access(endpoint.address, F_OK) == 0)
  }

  @Test("A second server is refused while the first one lives", arguments: Kind.allCases)
  func inUse(kind: Kind) throws {
    let (listener, endpoint) = try place.listen(kind)
    #expect(code { _ = try kind.transport.listen(at: endpoint) } == .nameInUse)
    listener.close()
    let next = try kind.transport.listen(at: endpoint)
    next.close()
  }

  @Test("Closing the listener removes the file", arguments: Kind.local)
  func removesFile(kind: Kind) throws {
    let (listener, endpoint) = try place.listen(kind)
    #expect(access(endpoint.address, F_OK) == 0)
    listener.close()
    #expect(access(endpoint.address, F_OK) == -1)
  }

  @Test("Only this user may connect to a socket file", arguments: Kind.local)
  func mode(kind: Kind) throws {
    let (listener, endpoint) = try place.listen(kind)
    var status = stat()
    #expect(lstat(endpoint.address, &status) == 0)
    #expect(status.st_mode & 0o077 == 0)
    listener.close()
  }

  @Test("A path that is too long names the limit", arguments: Kind.local)
  func tooLong(kind: Kind) throws {
    let endpoint = Endpoint(address: "/tmp/" + String(repeating: "x", count: 110))
    do {
      _ = try kind.transport.listen(at: endpoint)
      Issue.record("a path of 115 bytes was taken")
    } catch {
      #expect(error.code == .invalidArgument)
      #expect(error.limit == 107)
    }
  }

  @Test("An address without a port is an invalid argument", arguments: [Kind.tcp, .udp])
  func badAddress(kind: Kind) throws {
    for address in ["127.0.0.1", "", ":80", "127.0.0.1:70000"] {
      #expect(
        code { _ = try kind.transport.listen(at: Endpoint(address: address)) } == .invalidArgument)
    }
  }

  @Test("A meeting carries several clients", arguments: Kind.allCases)
  func rendezvous(kind: Kind) throws {
    let transport = kind.transport
    let rendezvous = try transport.rendezvous(clients: 3, scratch: place.scratch)
    // The process that serves owns the descriptors of its endpoint.
    var server = rendezvous.server
    server.descriptors = server.descriptors.map { dup($0) }
    let listener = try transport.listen(at: server)
    let accepted = try Background {
      try (0..<3).map { _ in try listener.accept(deadline: .patient) }
    }
    let clients = try rendezvous.clients.map { try transport.connect(to: $0, deadline: .patient) }
    for (number, client) in clients.enumerated() { try client.send([UInt8(number)]) }
    let servers = try accepted.value()
    let heard = try servers.map { try $0.receive() }.sorted { $0[0] < $1[0] }
    #expect(heard == [[0], [1], [2]])
    listener.close()
  }

  @Test("A reserved port refuses clients until the server has it", arguments: [Kind.tcp, .udp])
  func reserved(kind: Kind) throws {
    let rendezvous = try kind.transport.rendezvous(clients: 1, scratch: place.scratch)
    let seen = code {
      _ = try kind.transport.connect(to: rendezvous.clients[0], deadline: .patient)
    }
    #expect(seen == .notFound)
  }

  private func leaveFile(at path: String) throws {
    let socket = try LocalSocket.make(.stream)
    try LocalSocket.claim(socket.raw, path: path, backlog: 1, stale: .refuse)
    socket.close()
  }
}
