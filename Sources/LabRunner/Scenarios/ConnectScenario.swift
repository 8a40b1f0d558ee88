internal import IPCSystem
internal import IPCTransport
internal import LabResults

/// A client connects, exchanges one message and closes, over and over.
struct ConnectScenario: Scenario {
  let info = ScenarioInfo(
    id: "connect", title: "Set-up and tear-down",
    summary:
      "A client connects, sends one message, receives the answer and closes; each such cycle "
      + "is timed by the client. The server accepts one client after the other.",
    measures: "latency")
  let defaultClients = 1
  let variesSize = false
  // Every cycle makes its connection anew: there are no rings or buffers to touch beforehand.
  let mostWarmup = 16

  func objection(to capabilities: Capabilities) -> String? {
    capabilities.connectsByName
      ? nil : "both ends are inherited from a common ancestor: there is nothing to connect to"
  }

  func serve(_ session: ServerSession) throws -> Measurement {
    let parameters = session.parameters
    var payload = Payload(size: parameters.size, seed: parameters.seed)
    try session.barrier()
    var measurement = Measurement()
    var usage = ResourceUsage.current()
    for cycle in 0... {
      if cycle == parameters.warmup { usage = ResourceUsage.current() }
      let connection = try session.listener.accept(deadline: .never)
      let count = try payload.receive(from: connection)
      let isEnd = payload.isEnd(count)
      if !isEnd { try payload.check(count, is: UInt64(cycle)) }
      try payload.checkBody()
      measurement.sequenceChecked += 1
      measurement.checksumChecked += 1
      try payload.sendBack(over: connection)
      connection.close()
      if isEnd { break }
    }
    measurement.usage = ResourceUsage.current().since(usage)
    return measurement
  }

  func runClient(_ session: ClientSession) throws -> Measurement {
    let parameters = session.parameters
    var payload = Payload(size: parameters.size, seed: parameters.seed)
    var samples = Samples(for: parameters)
    try session.barrier()
    var measurement = Measurement()
    for sequence in 0..<UInt64(parameters.warmup) {
      try cycle(sequence, &payload, session, &measurement)
    }
    let usage = ResourceUsage.current()
    let start = MonotonicClock.now()
    let limit = parameters.nanoseconds == 0 ? UInt64.max : start + parameters.nanoseconds
    var previous = start
    while samples.count < parameters.count && !samples.isFull && previous < limit {
      try cycle(
        UInt64(parameters.warmup + samples.count), &payload, session, &measurement)
      let now = MonotonicClock.now()
      samples.record(now - previous)
      previous = now
    }
    measurement.start = start
    measurement.end = previous
    measurement.usage = ResourceUsage.current().since(usage)
    measurement.sent = samples.count
    measurement.received = samples.count
    try cycle(Payload.end, &payload, session, &measurement)
    measurement.latency = samples.distribution()
    return measurement
  }

  /// Connects, exchanges one message and closes.
  private func cycle(
    _ sequence: UInt64, _ payload: inout Payload, _ session: ClientSession,
    _ measurement: inout Measurement
  ) throws {
    let connection = try session.connect()
    try payload.send(sequence, over: connection)
    let patience: Deadline = session.capabilities.reliable ? .never : .after(.seconds(1))
    try payload.check(try payload.receive(from: connection, deadline: patience), is: sequence)
    try payload.checkBody()
    connection.close()
    measurement.sequenceChecked += 1
    measurement.checksumChecked += 1
  }
}
