import IPCSystem
import IPCTransport
import Synchronization
import Testing
import TransportCatalog

/// A transport as an argument of a parameterised test: shown by its id.
struct Subject: Sendable, CustomTestStringConvertible, CustomTestArgumentEncodable {
  let transport: any Transport
  var testDescription: String { transport.mechanism.id }
  func encodeTestArgument(to encoder: some Encoder) throws {
    try transport.mechanism.id.encode(to: encoder)
  }

  static let all = TransportCatalog.all.map { Subject(transport: $0) }
  static func having(_ condition: (Capabilities) -> Bool) -> [Subject] {
    all.filter { condition($0.transport.capabilities) }
  }
}

/// A directory of the test's own for names, removed with it.
final class Place {
  let runtime: RuntimeDirectory
  let scratch: ScratchDirectory
  init() throws {
    var generator = SystemRandomNumberGenerator()
    let name = String(generator.next() as UInt64, radix: 36)
    runtime = try RuntimeDirectory(verifying: "/tmp/ipclab-test-\(name)")
    scratch = try ScratchDirectory(in: runtime)
  }
  deinit {
    scratch.remove()
    _ = try? ChildProcess.start(.init(program: "rm", arguments: ["-rf", runtime.path])).wait()
  }
}

/// Runs a body in a thread of its own, because it blocks, and hands its outcome over.
final class Background<T: Sendable>: Sendable {
  private let outcome = Mutex<Result<T, any Error>?>(nil)
  private let pipe: (read: Int32, write: Int32)

  init(_ body: @escaping @Sendable () throws -> T) throws {
    let ends = try Pipes.make(capacity: nil)
    pipe = (ends.readEnd.release(), ends.writeEnd.release())
    try SystemThread.start { [self] in
      let result = Result { try body() }
      outcome.withLock { $0 = result }
      // Closing the end is the signal.
      OwnedDescriptor(adopting: pipe.write).close()
    }
  }

  /// Waits for the body and gives what it returned. The watchdog of the suite ends a test that hangs.
  func value() throws -> T {
    let io = DescriptorIO(adopting: OwnedDescriptor(adopting: pipe.read))
    defer { io.close() }
    var byte: [UInt8] = [0]
    _ = try unsafe byte.withUnsafeMutableBytes { (raw) throws(SystemError) -> Int in
      try io.read(into: raw, deadline: .after(.seconds(60)))
    }
    return try #require(outcome.withLock { $0 }).get()
  }
}

/// A server and its clients, connected, in one process.
struct Meeting {
  let server: [any Connection]
  let clients: [any Connection]
  let listener: any Listener
  private let rendezvous: Rendezvous

  init(_ transport: any Transport, clients count: Int = 1, in place: Place) throws {
    let rendezvous = try transport.rendezvous(clients: count, scratch: place.scratch)
    // In one process every user of an endpoint needs descriptors of its own, as a child would get.
    func own(_ endpoint: Endpoint) throws -> Endpoint {
      var endpoint = endpoint
      endpoint.descriptors = try endpoint.descriptors.map {
        let borrowed = OwnedDescriptor(adopting: $0)
        let copy = try borrowed.duplicate()
        _ = borrowed.release()
        return copy.release()
      }
      return endpoint
    }
    let listener = try transport.listen(at: try own(rendezvous.server))
    let endpoints = try rendezvous.clients.map(own)
    rendezvous.closeDescriptors()
    let connecting = try Background { () throws -> [any Connection] in
      try endpoints.map { try transport.connect(to: $0, deadline: .after(.seconds(20))) }
    }
    var accepted: [any Connection] = []
    for _ in 0..<count { accepted.append(try listener.accept(deadline: .after(.seconds(20)))) }
    server = accepted
    clients = try connecting.value()
    self.listener = listener
    self.rendezvous = rendezvous
  }

  func close() {
    for connection in server + clients { connection.close() }
    listener.close()
  }
}

extension Connection {
  /// Sends bytes.
  func send(_ bytes: [UInt8]) throws(TransportError) {
    try send(bytes.span, deadline: .after(.seconds(20)))
  }

  /// Receives one message of at most `limit` bytes.
  func receive(limit: Int, deadline: Deadline = .after(.seconds(20))) throws(TransportError)
    -> [UInt8]
  {
    try [UInt8](capacity: max(limit, 1)) { (buffer) throws(TransportError) in
      if limit == 0 { return }
      try receive(into: &buffer, deadline: deadline)
    }
  }
}

/// Bytes that differ from place to place.
func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 &+ ($0 >> 8)) }
}
