import FIFOs
import Glibc
import IPCSystem
import IPCTransport
import TestSupport
import Testing

@Suite struct FIFOTests {
  private let transport = FIFOTransport()

  @Test("a FIFO is for its owner only, and its name can be taken once")
  func create() throws {
    let directory = try Scratch()
    let path = directory.path + "/fifo"
    try FIFO.create(at: path)
    var status = stat()
    #expect(lstat(path, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o600)
    #expect(code { try FIFO.create(at: path) } == .nameInUse)
  }

  @Test("opening for writing without a reader fails at once")
  func noReader() throws {
    let directory = try Scratch()
    let path = directory.path + "/fifo"
    #expect(code { _ = try FIFO.openForWriting(path) } == .notFound)
    try FIFO.create(at: path)
    #expect(code { _ = try FIFO.openForWriting(path) } == .notFound)
  }

  @Test("a path that is a file or a link is refused")
  func notFIFO() throws {
    let directory = try Scratch()
    try directory.write("text", to: "file")
    #expect(
      code { _ = try FIFO.openForReading(directory.path + "/file") }
        == .invalidArgument)
    try FIFO.create(at: directory.path + "/fifo")
    #expect(symlink(directory.path + "/fifo", directory.path + "/link") == 0)
    #expect(
      code { _ = try FIFO.openForReading(directory.path + "/link") }
        == .invalidArgument)
  }

  @Test("the first read waits for a writer; after the writer has left there is end of file")
  func native() throws {
    let directory = try Scratch()
    let scratch = try ScratchDirectory(in: RuntimeDirectory(verifying: directory.path))
    let meeting = try transport.nativeRendezvous(scratch: scratch)
    let reader = try transport.openNative(.reader, at: meeting.server, deadline: .never)
    #expect(
      code { try reader.read(upTo: 9, deadline: .immediate) }
        == .timedOut)
    #expect(
      code {
        try reader.read(upTo: 9, deadline: .after(.milliseconds(5)))
      }
        == .timedOut)
    let transport = transport
    try SystemThread.start {
      let writer = try? transport.openNative(.writer, at: meeting.clients[0], deadline: .never)
      _ = try? writer?.write([1, 2, 3], deadline: .never)
      writer?.close()
    }
    #expect(try reader.read(upTo: 2, deadline: .never).bytes == [1, 2])
    #expect(try reader.read(upTo: 2, deadline: .never).bytes == [3])
    #expect(
      code { try reader.read(upTo: 2, deadline: .never) } == .endOfFile
    )
  }

  @Test("a reader that waits for its first writer can be closed")
  func closeWhileWaiting() throws {
    let directory = try Scratch()
    let scratch = try ScratchDirectory(in: RuntimeDirectory(verifying: directory.path))
    let meeting = try transport.nativeRendezvous(scratch: scratch)
    let reader = try transport.openNative(.reader, at: meeting.server, deadline: .never)
    try SystemThread.start { reader.close() }
    #expect(
      code { try reader.read(upTo: 2, deadline: .never) } == .closed)
  }
}

@Suite struct FIFOTransportTests {
  private let transport = FIFOTransport()

  @Test("clients talk over pairs of their own, whose names are gone at once")
  func conversation() throws {
    let directory = try Scratch()
    let scratch = try ScratchDirectory(in: RuntimeDirectory(verifying: directory.path))
    let meeting = try transport.rendezvous(clients: 2, scratch: scratch)
    let listener = try transport.listen(at: meeting.server)
    let one = try transport.meet(listener, at: meeting.clients[0], deadline: .never)
    let two = try transport.meet(listener, at: meeting.clients[1], deadline: .never)
    #expect(DirectoryListing.names(in: scratch.path).filter { $0.hasPrefix("fifo") }.count == 1)
    let large = [UInt8](repeating: 7, count: 200_000)
    let first = one.client
    try SystemThread.start { try? first.send(large, deadline: .never) }
    #expect(try one.server.receive(upTo: 200_000, deadline: .never) == large)
    try two.client.send([2], deadline: .never)
    #expect(try two.server.receive(upTo: 9, deadline: .never) == [2])
    try two.server.send([3], deadline: .never)
    #expect(try two.client.receive(upTo: 9, deadline: .never) == [3])
    listener.close()
    #expect(DirectoryListing.names(in: scratch.path).filter { $0.hasPrefix("fifo") } == [])
    // What was accepted goes on.
    try one.server.send([4], deadline: .never)
    #expect(try one.client.receive(upTo: 9, deadline: .never) == [4])
    one.client.close()
    #expect(code { try one.server.receive(upTo: 9, deadline: .never) } == .endOfFile)
    #expect(one.server.sendUntilFailure() == .brokenPipe)
  }

  @Test("without a server, or with the name of a dead one, connect fails at once")
  func noServer() throws {
    let directory = try Scratch()
    let endpoint = Endpoint(address: directory.path + "/fifo")
    #expect(
      code {
        _ = try transport.connect(to: endpoint, deadline: .never)
      } == .notFound)
    try FIFO.create(at: endpoint.address)
    #expect(
      code {
        _ = try transport.connect(to: endpoint, deadline: .never)
      } == .notFound)
    #expect(DirectoryListing.names(in: directory.path) == ["fifo"])
    // The left-over name does not keep the next server away.
    let listener = try transport.listen(at: endpoint)
    listener.close()
    #expect(DirectoryListing.names(in: directory.path) == [])
  }

  @Test("a name has one server")
  func nameInUse() throws {
    let directory = try Scratch()
    let endpoint = Endpoint(address: directory.path + "/fifo")
    let listener = try transport.listen(at: endpoint)
    #expect(
      code { _ = try transport.listen(at: endpoint) } == .nameInUse)
    listener.close()
    try transport.listen(at: endpoint).close()
    try directory.write("a file", to: "fifo")
    #expect(
      code { _ = try transport.listen(at: endpoint) } == .nameInUse)
  }

  @Test("connect times out when the server does not accept, and leaves no names")
  func connectTimesOut() throws {
    let directory = try Scratch()
    let endpoint = Endpoint(address: directory.path + "/fifo")
    let listener = try transport.listen(at: endpoint)
    #expect(
      code {
        _ = try transport.connect(to: endpoint, deadline: .after(.milliseconds(20)))
      } == .timedOut)
    #expect(DirectoryListing.names(in: directory.path) == ["fifo"])
    // The announcement of a client that gave up is passed over.
    #expect(
      code { _ = try listener.accept(deadline: .immediate) }
        == .timedOut)
    _ = try transport.meet(listener, at: endpoint, deadline: .never)
  }

  @Test("a client that waits for a server which then closes is told")
  func serverCloses() throws {
    let directory = try Scratch()
    let endpoint = Endpoint(address: directory.path + "/fifo")
    let listener = try transport.listen(at: endpoint)
    let transport = transport
    let client = try Background {
      code { _ = try transport.connect(to: endpoint, deadline: .never) }
    }
    // The client's own FIFOs show that it has begun.
    while DirectoryListing.names(in: directory.path).count < 3 { sched_yield() }
    listener.close()
    #expect(try client.value() == .notFound)
  }

  @Test("close ends a blocked accept")
  func closeAccept() throws {
    for _ in 0..<50 {
      let directory = try Scratch()
      let listener = try transport.listen(at: Endpoint(address: directory.path + "/fifo"))
      try SystemThread.start { listener.close() }
      #expect(
        code { _ = try listener.accept(deadline: .never) } == .closed)
    }
  }

  @Test("garbage on the server's FIFO disturbs nobody")
  func garbage() throws {
    let directory = try Scratch()
    let endpoint = Endpoint(address: directory.path + "/fifo")
    let listener = try transport.listen(at: endpoint)
    let raw = try FIFO.openForWriting(endpoint.address)
    let lines = [
      "garbage", "\n\n", "ipclab-fifo ../../../../etc\n", "ipclab-fifo 0123456789abcdef\n",
      "ipclab-fifo 0123456789ABCDEF\n", String(repeating: "x", count: 30_000), "ipclab-fifo ",
    ]
    for line in lines { #expect(write(raw.raw, line, line.utf8.count) == line.utf8.count) }
    let pair = try transport.meet(listener, at: endpoint, deadline: .never)
    try pair.client.send([1], deadline: .never)
    #expect(try pair.server.receive(upTo: 1, deadline: .never) == [1])
  }

  @Test("many clients at once are all served")
  func many() throws {
    let directory = try Scratch()
    let endpoint = Endpoint(address: directory.path + "/fifo")
    let listener = try transport.listen(at: endpoint)
    let transport = transport
    for index in 0..<20 {
      try SystemThread.start {
        guard let connection = try? transport.connect(to: endpoint, deadline: .never) else {
          return
        }
        try? connection.send([UInt8(index)].span, deadline: .never)
        _ = try? connection.receive(upTo: 1, deadline: .never)
      }
    }
    var seen: Set<UInt8> = []
    for _ in 0..<20 {
      let connection = try listener.accept(deadline: .never)
      seen.insert(try connection.receive(upTo: 1, deadline: .never)[0])
      try connection.send([0], deadline: .never)
    }
    #expect(seen.count == 20)
  }
}
