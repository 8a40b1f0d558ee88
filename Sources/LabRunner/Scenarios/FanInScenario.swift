internal import IPCSystem
internal import IPCTransport
internal import LabResults

/// Several clients send to one server at once, which serves each in a thread of its own.
struct FanInScenario: Scenario {
  let info = ScenarioInfo(
    id: "fan-in", title: "Many clients, one server",
    summary: "Several clients send messages at the same time to one server, which has a thread per "
      + "client and acknowledges each client once at its end. Timed from the first client's start "
      + "to the last client's acknowledgement.",
    measures: "throughput")
  let defaultClients = 4
  let variesSize = false

  func objection(to capabilities: Capabilities) -> String? {
    if !capabilities.severalClients { return "takes one client at a time" }
    if !capabilities.reliable {
      return "loses messages when senders together are faster than the receiver; the figure would "
        + "count lost messages as work"
    }
    return nil
  }

  func serve(_ session: ServerSession) throws -> Measurement {
    let parameters = session.parameters
    var connections: [any Connection] = []
    for _ in 0..<parameters.clients {
      connections.append(try session.listener.accept(deadline: .after(.seconds(10))))
    }
    var total = Measurement()
    var payload = Payload(
      size: parameters.size, seed: parameters.seed, over: connections.first)
    for connection in connections {
      try StreamReceiver.answerWarmUp(&payload, connection, parameters, &total)
    }
    try session.barrier()
    let crew = ThreadCrew()
    let outcomes = Locked<[Result<Measurement, any Error>]>([])
    let usage = ResourceUsage.current()
    for connection in connections {
      try crew.run {
        let outcome = Result { try Self.serveOne(connection, parameters) }
        outcomes.withLock { $0.append(outcome) }
      }
    }
    crew.wait()
    for outcome in outcomes.withLock({ $0 }) {
      let one = try outcome.get()
      total.received += one.received
      total.sequenceChecked += one.sequenceChecked
      total.checksumChecked += one.checksumChecked
    }
    total.usage = ResourceUsage.current().since(usage)
    connections.forEach { $0.close() }
    return total
  }

  private static func serveOne(
    _ connection: any Connection, _ parameters: TrialParameters
  ) throws -> Measurement {
    var payload = Payload(size: parameters.size, seed: parameters.seed, over: connection)
    var measurement = Measurement()
    measurement.received = try StreamReceiver.receiveUntilEnd(&payload, connection, parameters)
    try payload.checkBody()
    measurement.checksumChecked += 1
    measurement.sequenceChecked += measurement.received
    try payload.sendBack(over: connection)
    return measurement
  }

  func runClient(_ session: ClientSession) throws -> Measurement {
    let parameters = session.parameters
    let connection = try session.connect()
    var payload = Payload(size: parameters.size, seed: parameters.seed, over: connection)
    var measurement = Measurement()
    try payload.warmUp(connection, parameters, reliable: true, &measurement)
    try session.barrier()
    let usage = ResourceUsage.current()
    measurement.start = MonotonicClock.now()
    measurement.sent = try StreamSender.send(
      &payload, connection, parameters, from: measurement.start)
    try payload.finish(connection, reliable: true, &measurement)
    measurement.end = MonotonicClock.now()
    measurement.usage = ResourceUsage.current().since(usage)
    connection.close()
    return measurement
  }
}
