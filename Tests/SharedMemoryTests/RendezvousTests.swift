import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@testable import SharedMemory

@Suite("Shared-memory rendezvous")
struct RendezvousTests {
  @Test("a client may send and leave before it is accepted", arguments: WaitPolicy.allCases)
  func early(_ policy: WaitPolicy) async throws {
    let (bytes, ended, peer) = try await blocking {
      try withScratch { scratch in
        let path = scratch.path + "/s"
        let listener = try SharedRing.listen(at: path, policy: policy)
        defer { listener.close() }
        let client = try SharedRing.connect(to: path, policy: policy)
        try client.send([7])
        client.close()
        let server = try listener.acceptRing(deadline: .never)
        return (try server.receive(), code { _ = try server.receive() }, server.peer?.pid)
      }
    }
    #expect(bytes == [7])
    #expect(ended == .endOfFile)
    #expect(peer == getpid())
  }

  @Test("without a server there is nothing to connect to, and a closed one is gone")
  func notFound() async throws {
    let (before, after) = try await blocking {
      try withScratch { scratch in
        let path = scratch.path + "/s"
        let before = code { _ = try SharedRing.connect(to: path, policy: .event) }
        try SharedRing.listen(at: path, policy: .event).close()
        return (before, code { _ = try SharedRing.connect(to: path, policy: .event) })
      }
    }
    #expect(before == .notFound)
    #expect(after == .notFound)
  }

  @Test("a second server is refused while the first lives, and replaces what a dead one left")
  func names() async throws {
    let (second, mode) = try await blocking {
      try withScratch { scratch in
        let path = scratch.path + "/s"
        let first = try SharedRing.listen(at: path, policy: .event)
        let second = code { _ = try SharedRing.listen(at: path, policy: .event) }
        first.close()
        // What kill -9 leaves: the file of a socket that nobody has.
        let dead = try LocalSocket.make(.seqpacket)
        try LocalSocket.bind(dead.raw, to: path)
        dead.close()
        let next = try SharedRing.listen(at: path, policy: .event)
        defer { next.close() }
        var status = stat()
        stat(path, &status)
        let client = try SharedRing.connect(to: path, policy: .event)
        try client.send([1])
        _ = try next.acceptRing(deadline: .never).receive()
        return (second, status.st_mode & 0o777)
      }
    }
    #expect(second == .nameInUse)
    #expect(mode & 0o077 == 0)
  }

  @Test("accept ends at its deadline and when the listener closes")
  func accept() async throws {
    let (late, closed) = try await blocking {
      try withScratch { scratch in
        let listener = try SharedRing.listen(at: scratch.path + "/s", policy: .event)
        let late = code { _ = try listener.accept(deadline: .after(.milliseconds(2))) }
        let waiting = try Background { code { _ = try listener.accept(deadline: .never) } }
        listener.close()
        return (late, try waiting.value())
      }
    }
    #expect(late == .timedOut)
    #expect(closed == .closed)
  }

  @Test("clients that bring the wrong memory are hung up on, and the next one is served")
  func impostors() async throws {
    let (bytes, hungUp) = try await blocking {
      try withScratch { scratch in
        let path = scratch.path + "/s"
        let listener = try SharedRing.listen(at: path, policy: .event)
        defer { listener.close() }
        func come(_ descriptors: [Int32]) throws -> OwnedDescriptor {
          let socket = try LocalSocket.make(.seqpacket)
          try LocalSocket.connect(socket.raw, to: path)
          try LocalSocket.send([1], descriptors: descriptors, over: socket.raw)
          return socket
        }
        let nothing = try come([])
        let pipe = try Pipes.make(capacity: nil)
        let notMemory = try come([pipe.readEnd.raw])
        let small = try SharedMapping.create(name: "small", size: 4096)
        let tooSmall = try come([small.file.raw])
        let blank = try SharedMapping.create(name: "blank", size: RingLayout.size)
        let notFormatted = try come([blank.file.raw])
        let otherPolicy = try SharedRing.connect(to: path, policy: .spin)
        let good = try SharedRing.connect(to: path, policy: .event)
        try good.send([3])
        let bytes = try listener.acceptRing(deadline: .never).receive()
        var hungUp = 0
        for raw in [nothing.raw, notMemory.raw, tooSmall.raw, notFormatted.raw] {
          if (try? LocalSocket.receive(limit: 1, from: raw).bytes.isEmpty) ?? true { hungUp += 1 }
        }
        if code({ _ = try otherPolicy.receive() }) == .endOfFile { hungUp += 1 }
        return (bytes, hungUp)
      }
    }
    #expect(bytes == [3])
    #expect(hungUp == 5)
  }

  @Test("what the peer writes into the memory can end the conversation and nothing else")
  func hostile() async throws {
    var all: Set<TransportError.Code> = []
    for seed in UInt64(1)...60 {
      let codes = try await blocking {
        var generator = SeededGenerator(seed: seed)
        let sockets = try LocalSocket.pair(.seqpacket)
        let created = try SharedMapping.create(name: "hostile", size: RingLayout.size)
        RingCore.format(created.mapping, policy: .event)
        try LocalSocket.send([1], descriptors: [created.file.raw], over: sockets.first.raw)
        let hello = try LocalSocket.receive(limit: 64, from: sockets.second.raw)
        let victim = try SharedRing.admit(sockets.second, hello, policy: .event)
        var codes: Set<TransportError.Code> = []
        for _ in 0..<200 {
          let slots = RingLayout.slots(writtenBy: .client)
          let words = [
            slots, slots + 4, slots + 4 * Int.random(in: 0..<20, using: &generator),
            RingLayout.control(writtenBy: .server) + RingLayout.tailOffset,
            RingLayout.control(writtenBy: .server)
              + 64 * Int.random(in: 0..<10, using: &generator),
          ]
          let value = [
            UInt32.random(in: 0...(.max), using: &generator),
            UInt32.random(in: 0...1000, using: &generator) << 2 | 1, 3, 5,
            UInt32(RingLayout.capacity - 64), 0x8000_0000,
          ]
          created.mapping.address(at: words.randomElement(using: &generator)!, length: 4)
            .storeBytes(of: value.randomElement(using: &generator)!, as: UInt32.self)
          if let code = code({ _ = try victim.receive(deadline: .immediate) }) {
            codes.insert(code)
          }
          if let code = code({
            try victim.send([UInt8](repeating: 0, count: 30_000), deadline: .immediate)
          }) {
            codes.insert(code)
          }
        }
        victim.close()
        return codes
      }
      #expect(
        codes.isSubset(of: [.protocolViolation, .timedOut, .moreData]), "seed \(seed): \(codes)")
      all.formUnion(codes)
    }
    #expect(all.contains(.protocolViolation))
  }
}
