internal import IPCSystem
internal import IPCTransport
internal import LabResults

/// The server sends each message to every client and waits for all their acknowledgements.
struct NotifyScenario: Scenario {
  let info = ScenarioInfo(
    id: "notify", title: "One server, every client",
    summary: "The server sends each message to every client, one after the other, and waits until "
      + "all have acknowledged it; each such round is timed by the server.",
    measures: "latency")
  let defaultClients = 4
  let variesSize = false

  func objection(to capabilities: Capabilities) -> String? {
    capabilities.severalClients ? nil : "takes one client at a time"
  }

  func serve(_ session: ServerSession) throws -> Measurement {
    let parameters = session.parameters
    var samples = Samples(for: parameters)
    var connections: [any Connection] = []
    for _ in 0..<parameters.clients {
      connections.append(try session.listener.accept(deadline: .after(.seconds(10))))
    }
    var payload = Payload(
      size: parameters.size, seed: parameters.seed, over: connections.first)
    try session.barrier()
    var measurement = Measurement()
    let reliable = session.capabilities.reliable
    for sequence in 0..<UInt64(parameters.warmup) {
      _ = try round(sequence, &payload, connections, reliable)
      try payload.checkBody()
      measurement.checksumChecked += 1
    }
    let usage = ResourceUsage.current()
    let start = MonotonicClock.now()
    let limit = parameters.nanoseconds == 0 ? UInt64.max : start + parameters.nanoseconds
    var previous = start
    var rounds = 0
    while rounds < parameters.count && !samples.isFull && previous < limit {
      let answered = try round(
        UInt64(parameters.warmup + rounds), &payload, connections, reliable)
      measurement.received += answered
      let now = MonotonicClock.now()
      if answered == connections.count { samples.record(now - previous) }
      previous = now
      rounds += 1
    }
    measurement.start = start
    measurement.end = previous
    measurement.usage = ResourceUsage.current().since(usage)
    measurement.sent = rounds * connections.count
    measurement.sequenceChecked = measurement.received
    for connection in connections {
      try payload.finish(connection, reliable: reliable, &measurement)
      connection.close()
    }
    measurement.latency = samples.distribution()
    return measurement
  }

  /// One message to every client; returns how many acknowledged it.
  private func round(
    _ sequence: UInt64, _ payload: inout Payload, _ connections: [any Connection],
    _ reliable: Bool
  ) throws -> Int {
    for connection in connections { try payload.send(sequence, over: connection) }
    var answered = 0
    for connection in connections {
      if reliable {
        try payload.check(try payload.receive(from: connection), is: sequence)
        answered += 1
      } else if try payload.receiveReply(sequence, from: connection) {
        answered += 1
      }
    }
    return answered
  }

  func runClient(_ session: ClientSession) throws -> Measurement {
    let connection = try session.connect()
    try session.barrier()
    return try EchoServer.serve(
      connection, session.parameters, reliable: session.capabilities.reliable)
  }
}
