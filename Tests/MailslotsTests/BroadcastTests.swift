import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@testable import Mailslots

@Suite("Broadcasts to mailslots")
struct BroadcastTests {
  private let scratch: Scratch
  private let elsewhere: Scratch
  private let name: MailslotName
  private let network: MailslotNetwork

  init() throws {
    scratch = try Scratch()
    elsewhere = try Scratch()
    name = try MailslotName(#"\\.\mailslot\News"#)
    // A group of this test's own, on the loopback interface.
    network = try MailslotNetwork(
      group: "239.255.\(UInt8.random(in: 1...254)).\(UInt8.random(in: 1...254)):"
        + "\(UInt16.random(in: 20_000...60_000))", interface: "127.0.0.1")
  }

  private func server(
    _ computer: String, domain: String = "LAB", in place: Scratch? = nil,
    reception: MailslotServer.Options.Reception = .off, maximum: Int? = nil
  ) throws -> MailslotServer {
    var options = MailslotServer.Options(maximumMessage: maximum, readTimeout: .zero)
    options.computer = try VirtualComputer(name: computer, domain: domain)
    options.reception = reception
    return try MailslotServer(name, in: (place ?? scratch).runtime, options: options)
  }

  private func broadcaster(on network: MailslotNetwork? = nil) throws -> MailslotBroadcaster {
    try MailslotBroadcaster(name, domain: "lab", in: scratch.runtime, network: network)
  }

  @Test("a broadcast reaches every mailslot of the name in the domain, and no other")
  func everyone() throws {
    let members = try ["a", "b", "c"].map { try server($0) }
    let stranger = try server("d", domain: "OTHER")
    let broadcaster = try broadcaster()
    let longest = [UInt8](repeating: 1, count: 424)
    for message in [[1], [], longest] as [[UInt8]] {
      let delivery = try broadcaster.write(message)
      #expect(delivery.reached == 3 && delivery.refusals.isEmpty)
    }
    for member in members {
      #expect(try [member.next(), member.next(), member.next()] == [[1], [], longest])
    }
    #expect(code { _ = try stranger.next() } == .timedOut)
    members[1].close()
    let again = try server("b")
    #expect(try broadcaster.write([5]).reached == 3)
    #expect(try [members[0].next(), again.next(), members[2].next()] == [[5], [5], [5]])
    ([again, stranger] + members).forEach { $0.close() }
    #expect(try broadcaster.write([6]).reached == 0)
    broadcaster.close()
    #expect(code { _ = try broadcaster.write([7]) } == .closed)
    #expect(scratch.names("mailslots").isEmpty)
  }

  @Test("a longer one is refused with the limit, and a full or smaller mailslot is told of")
  func refusals() throws {
    let small = try server("small", maximum: 4)
    let large = try server("large")
    let broadcaster = try broadcaster()
    do {
      _ = try broadcaster.write([UInt8](repeating: 1, count: 425))
      Issue.record("425 bytes were taken")
    } catch {
      #expect(error.code == .messageTooLarge && error.limit == 424)
      #expect(error.description.contains("424"))
    }
    let delivery = try broadcaster.write([1, 2, 3, 4, 5])
    #expect(delivery.reached == 1 && delivery.refusals.map(\.code) == [.messageTooLarge])
    var reached = 1
    while true {
      let delivery = try broadcaster.write([9])
      #expect(delivery.reached + delivery.refusals.count == 2)
      if delivery.reached < 2 { break }
      reached += 1
    }
    #expect(try large.next() == [1, 2, 3, 4, 5])
    for _ in 1..<reached { #expect(try large.next() == [9]) }
    small.close()
    large.close()
  }

  @Test("a host is a computer first, else a domain, else nobody")
  func hosts() throws {
    let computer = try server("one", domain: "LAB")
    let member = try server("two", domain: "ONE")
    func open(_ host: String) throws -> Mailslots.Target {
      try Mailslots.open(
        try MailslotName(#"\\"# + host + #"\mailslot\news"#), in: scratch.runtime)
    }
    guard case .one(let writer) = try open("one") else {
      Issue.record("a domain went before a computer")
      return
    }
    try writer.put([1])
    #expect(try computer.next() == [1])
    computer.close()
    // The computer is gone, the domain is not. Nothing leaves the loopback interface.
    guard case .many(let broadcaster) = try open("one") else {
      Issue.record("a domain was taken for a computer")
      return
    }
    #expect(try broadcaster.write([2]).reached == 1)
    #expect(try member.next() == [2])
    #expect(code { _ = try open("nobody") } == .notFound)
    broadcaster.close()
    member.close()
  }

  @Test("over the network it reaches who receives from there, once, and nobody else")
  func overNetwork() throws {
    let here = try server("a", reception: .on(network))
    let there = try server("a", in: elsewhere, reception: .on(network))
    let twice = try server("b", in: elsewhere, reception: .on(network))
    let deaf = try server("c", in: elsewhere)
    let stranger = try server("d", domain: "OTHER", in: elsewhere, reception: .on(network))
    let broadcaster = try broadcaster(on: network)
    for message in [[1], [], [3, 3]] as [[UInt8]] {
      let delivery = try broadcaster.write(message)
      #expect(delivery.reached == 1 && delivery.networkFailure == nil)
    }
    for server in [here, there, twice] {
      #expect(try server.info().count == 3)
      #expect(try [server.next(), server.next(), server.next()] == [[1], [], [3, 3]])
      #expect(code { _ = try server.next() } == .timedOut)
    }
    #expect(there.peer == nil)
    for server in [deaf, stranger] { #expect(code { _ = try server.next() } == .timedOut) }
    [here, there, twice, deaf, stranger].forEach { $0.close() }
    broadcaster.close()
  }

  @Test("a datagram that comes twice is one message, and a malformed one is none")
  func datagrams() throws {
    let server = try server("a", reception: .on(network))
    let socket = DescriptorIO(
      adopting: try InternetSocket.makeGroupSender(on: network.interfaceAddress))
    func send(_ bytes: [UInt8]) throws {
      try InternetSocket.send(
        bytes, over: socket, to: network.groupAddress, deadline: .immediate)
    }
    let good = BroadcastDatagram(id: 7, origin: 1, domain: "lab", name: "NEWS", message: [1, 2])
    let bytes = good.encoded
    #expect(BroadcastDatagram(bytes) == good)
    for length in 0..<bytes.count { try send(Array(bytes[..<length])) }
    try send(bytes + [0])
    for place in 0..<10 {
      var wrong = bytes
      wrong[place] ^= 0x81
      try send(wrong)
    }
    try send([UInt8](repeating: 0xff, count: 5000))
    #expect(try server.pending() == (0, nil))
    try send(bytes)
    try send(bytes)
    #expect(try server.pending() == (1, 2))
    #expect(try server.next() == [1, 2])
    try send(bytes)
    #expect(code { _ = try server.next() } == .timedOut)
    server.close()
    socket.close()
  }

  @Test("random bytes are never more than a correct datagram")
  func random() {
    let good = BroadcastDatagram(id: 7, origin: 1, domain: "lab", name: "news", message: [1, 2])
    for _ in 0..<20_000 {
      var bytes = good.encoded
      for _ in 0..<Int.random(in: 1...4) {
        bytes[Int.random(in: bytes.indices)] = .random(in: .min ... .max)
      }
      if let read = BroadcastDatagram(bytes) { #expect(read.message.count <= 424) }
    }
  }

  @Test("ids are remembered until many others came")
  func ids() {
    var ids = RecentIds()
    let many = (0..<UInt128(RecentIds.capacity)).map { ids.insert($0) }
    #expect(!many.contains(false))
    let again = [0, 1 << 100, 0, 2].map { ids.insert($0) }
    #expect(again == [false, true, true, false])
  }
}
