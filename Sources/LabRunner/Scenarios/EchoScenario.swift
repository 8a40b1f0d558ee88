internal import IPCSystem
internal import IPCTransport
internal import LabResults

/// One client sends a message, the server sends it back, and so on: the round trip is timed.
struct EchoScenario: Scenario {
  let info = ScenarioInfo(
    id: "echo", title: "Round trip",
    summary: "One client sends a message and waits until the server has sent it back; each round "
      + "trip is timed by the client. Closed loop: one message is under way at a time.",
    measures: "latency")
  let defaultClients = 1
  let variesSize = true

  func objection(to capabilities: Capabilities) -> String? { nil }

  func serve(_ session: ServerSession) throws -> Measurement {
    let connection = try session.listener.accept(deadline: .after(.seconds(10)))
    try session.barrier()
    return try EchoServer.serve(
      connection, session.parameters, reliable: session.capabilities.reliable)
  }

  func runClient(_ session: ClientSession) throws -> Measurement {
    let parameters = session.parameters
    var samples = Samples(for: parameters)
    let connection = try session.connect()
    var payload = Payload(size: parameters.size, seed: parameters.seed, over: connection)
    try session.barrier()
    var measurement = Measurement()
    try payload.warmUp(
      connection, parameters, reliable: session.capabilities.reliable, &measurement)

    let usage = ResourceUsage.current()
    let first = UInt64(parameters.warmup)
    let start = MonotonicClock.now()
    let limit = parameters.nanoseconds == 0 ? UInt64.max : start + parameters.nanoseconds
    var previous = start
    var sent = 0
    if session.capabilities.reliable {
      while sent < parameters.count && !samples.isFull && previous < limit {
        let sequence = first &+ UInt64(sent)
        try payload.send(sequence, over: connection)
        try payload.check(try payload.receive(from: connection), is: sequence)
        let now = MonotonicClock.now()
        samples.record(now - previous)
        previous = now
        sent += 1
      }
      measurement.received = sent
    } else {
      while sent < parameters.count && !samples.isFull && previous < limit {
        let sequence = first &+ UInt64(sent)
        try payload.send(sequence, over: connection)
        sent += 1
        // A reply that does not come is a lost message, counted and never asked for again.
        if try payload.receiveReply(sequence, from: connection) {
          measurement.received += 1
          let now = MonotonicClock.now()
          samples.record(now - previous)
          previous = now
        } else {
          previous = MonotonicClock.now()
        }
      }
    }
    measurement.start = start
    measurement.end = previous
    measurement.usage = ResourceUsage.current().since(usage)
    measurement.sent = sent
    measurement.sequenceChecked += measurement.received
    try payload.finish(connection, reliable: session.capabilities.reliable, &measurement)
    measurement.latency = samples.distribution()
    connection.close()
    return measurement
  }
}

/// The server's half of every scenario that answers each message with itself.
enum EchoServer {
  /// Sends every message back until the end marker has been sent back too.
  static func serve(
    _ connection: any Connection, _ parameters: TrialParameters, reliable: Bool
  ) throws -> Measurement {
    var payload = Payload(size: parameters.size, seed: parameters.seed, over: connection)
    var measurement = Measurement()
    let warmup = UInt64(parameters.warmup)
    var expected: UInt64 = 0
    var usage = ResourceUsage.current()
    while true {
      let count = try payload.receive(from: connection)
      if payload.isEnd(count) {
        measurement.usage = ResourceUsage.current().since(usage)
        try payload.checkBody()
        measurement.checksumChecked += 1
        try payload.sendBack(over: connection)
        break
      }
      if reliable {
        try payload.check(count, is: expected)
      } else {
        // Messages may be missing, but what arrives must be whole and newer than what came before.
        try payload.checkNewer(count, than: &expected)
      }
      if expected < warmup {
        try payload.checkBody()
        measurement.checksumChecked += 1
      }
      try payload.sendBack(over: connection)
      measurement.sequenceChecked += 1
      expected &+= 1
      if expected == warmup { usage = ResourceUsage.current() }
    }
    connection.close()
    return measurement
  }
}
