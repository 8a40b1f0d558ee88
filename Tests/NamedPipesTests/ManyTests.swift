import Glibc
import IPCSystem
import IPCTransport
import NamedPipes
import TestSupport
import Testing

@Suite("Limits, races and waits of names")
struct ManyTests {
  @Test("500 instances serve 500 clients in one process")
  func fiveHundred() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\500"#)
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    // Both ends in this process: four descriptors of each connection and one of the name.
    try #require(limit.rlim_max >= 4096, "the hard limit of open files is too low for this test")
    limit.rlim_cur = max(limit.rlim_cur, 4096)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    var options = NamedPipes.Options(kind: .message, quota: 4096)
    options.maxInstances = nil
    let instances = try (0..<500).map { _ in
      try NamedPipeInstance(name, in: scratch.runtime, options: options)
    }
    let clients = try (0..<500).map { number in
      let client = try NamedPipeClient(name, in: scratch.runtime, deadline: .immediate)
      try client.write("\(number)")
      return client
    }
    #expect(
      code { _ = try NamedPipeClient(name, in: scratch.runtime, deadline: .immediate) }
        == .instancesBusy)
    for (number, instance) in instances.enumerated() {
      let request = try instance.text()
      #expect(request == "\(number)")
      try instance.write("answer \(request)")
    }
    for (number, client) in clients.enumerated() {
      #expect(try client.text() == "answer \(number)")
    }
    #expect(instances[0].instanceCount == 500)
    clients.forEach { $0.close() }
    instances.forEach { $0.close() }
    #expect(scratch.names("pipes").isEmpty)
  }

  @Test("a maximum of 254 instances is kept exactly, and 255 is refused as a maximum")
  func maximum() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\254"#)
    var options = NamedPipes.Options(kind: .byte)
    options.maxInstances = 255
    #expect(
      code { _ = try NamedPipeInstance(name, in: scratch.runtime, options: options) }
        == .invalidArgument)
    options.maxInstances = 254
    let instances = try (0..<254).map { _ in
      try NamedPipeInstance(name, in: scratch.runtime, options: options)
    }
    #expect(
      code { _ = try NamedPipeInstance(name, in: scratch.runtime, options: options) }
        == .instancesBusy)
    instances[100].close()
    let another = try NamedPipeInstance(name, in: scratch.runtime, options: options)
    #expect(another.instanceCount == 254)
    instances.forEach { $0.close() }
    another.close()
  }

  @Test("of threads that race to create the first instance, one wins in each round")
  func race() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\race"#)
    let runtime = scratch.runtime
    var options = NamedPipes.Options(kind: .byte)
    options.firstInstanceOnly = true
    let fixed = options
    for round in 0..<100 {
      let start = Signal()
      let racers = try (0..<4).map { _ in
        try Background { () -> NamedPipeInstance? in
          while !start.isSet {}
          do throws(TransportError) {
            return try NamedPipeInstance(name, in: runtime, options: fixed)
          } catch {
            if error.code == .accessDenied { return nil }
            throw error
          }
        }
      }
      start.set()
      let winners = try racers.compactMap { try $0.value() }
      #expect(winners.count == 1, "round \(round)")
      winners.forEach { $0.close() }
    }
  }

  @Test("who waits for an instance sleeps, and gives up at the deadline")
  func sleeping() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\sleeping"#)
    let instance = try NamedPipeInstance(name, in: scratch.runtime, options: .init(kind: .byte))
    let client = try NamedPipeClient(name, in: scratch.runtime, deadline: .immediate)
    let cpuBefore = threadTime()
    let wallBefore = MonotonicClock.now()
    #expect(
      code {
        try NamedPipes.waitForInstance(
          of: name, in: scratch.runtime, deadline: .after(.milliseconds(150)))
      } == .timedOut)
    let wall = MonotonicClock.now() - wallBefore
    #expect(wall >= 150_000_000)
    // A loop would have used nearly all of it.
    #expect(threadTime() - cpuBefore < wall / 2)
    client.close()
    instance.close()
  }

  private func threadTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  @Test("waiting uses the server's default time-out when none is given")
  func defaultTimeout() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\default"#)
    var options = NamedPipes.Options(kind: .byte)
    options.defaultTimeout = .milliseconds(30)
    let instance = try NamedPipeInstance(name, in: scratch.runtime, options: options)
    try NamedPipes.waitForInstance(of: name, in: scratch.runtime, deadline: nil)
    let client = try NamedPipeClient(name, in: scratch.runtime, deadline: .immediate)
    let before = MonotonicClock.now()
    #expect(
      code { try NamedPipes.waitForInstance(of: name, in: scratch.runtime, deadline: nil) }
        == .timedOut)
    #expect(MonotonicClock.now() - before >= 30_000_000)
    client.close()
    instance.close()
    #expect(
      code { try NamedPipes.waitForInstance(of: name, in: scratch.runtime, deadline: nil) }
        == .notFound)
  }

  @Test("what the first instance laid down holds for all: kind, direction, maximum")
  func terms() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\terms"#)
    var options = NamedPipes.Options(kind: .message)
    options.maxInstances = 3
    let first = try NamedPipeInstance(name, in: scratch.runtime, options: options)
    func refusal(_ change: (inout NamedPipes.Options) -> Void) -> TransportError.Code? {
      var other = options
      change(&other)
      return code { try NamedPipeInstance(name, in: scratch.runtime, options: other).close() }
    }
    #expect(refusal { $0.direction = .inbound } == .accessDenied)
    #expect(refusal { $0.firstInstanceOnly = true } == .accessDenied)
    #expect(refusal { $0.maxInstances = 0 } == .invalidArgument)
    #expect(refusal { $0.inboundQuota = -1 } == .invalidArgument)
    #expect(refusal { $0.maxInstances = 200 } == nil)
    var other = options
    other.maxInstances = 200
    other.outboundQuota = 77
    other.kind = .byte
    other.readMode = .byte
    let second = try NamedPipeInstance(name, in: scratch.runtime, options: other)
    #expect(second.info.maxInstances == 3)
    #expect(second.info.kind == .message)
    #expect(second.info.outboundQuota == 77)
    first.close()
    second.close()
  }

  @Test("a call waits for an instance, transacts and leaves the instance without a client")
  func call() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    let runtime = scratch.runtime
    let name = pipe.server.name
    let call = try Background {
      try NamedPipes.call(
        name, Array("ask".utf8).span, upTo: 3, in: runtime, deadline: .after(.seconds(60)))
    }
    pipe.client.close()
    try pipe.server.disconnect()
    try pipe.server.acceptClient()
    #expect(try pipe.server.text() == "ask")
    try pipe.server.write("answer")
    #expect(try call.value() == PipeTransfer(bytes: Array("ans".utf8), count: 3, hasMore: true))
    #expect(code { _ = try pipe.server.read(upTo: 1) } == .endOfFile)
    #expect(pipe.server.state == .closing)
    #expect(code { try pipe.server.waitForClient(deadline: .never) } == .noReader)
    pipe.close()
  }

  @Test("peeking again and again sees what comes, and the end")
  func peeking() throws {
    let scratch = try Scratch()
    let pipe = try Pipe(scratch)
    #expect(try pipe.server.peek(upTo: 9).available == 0)
    try pipe.client.write("abc")
    try pipe.client.write("de")
    #expect(
      try pipe.server.peek(upTo: 2)
        == PipePeek(bytes: [97, 98], available: 5, leftInMessage: 1))
    pipe.client.close()
    _ = try pipe.server.read(upTo: 9)
    _ = try pipe.server.read(upTo: 9)
    #expect(code { _ = try pipe.server.peek(upTo: 1) } == .endOfFile)
    pipe.close()
  }
}
