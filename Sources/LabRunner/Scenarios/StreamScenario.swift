internal import IPCSystem
internal import IPCTransport
internal import LabResults

/// One client sends messages as fast as it can; one acknowledgement at the end stops the clock.
struct StreamScenario: Scenario {
  let info = ScenarioInfo(
    id: "stream", title: "One-way stream",
    summary: "One client sends messages as fast as the mechanism takes them; the server "
      + "acknowledges once at the end, which stops the client's clock. Where messages can be "
      + "lost, a window of credits keeps the receiver's buffer from overflowing.",
    measures: "throughput")
  let defaultClients = 1
  let variesSize = true

  func objection(to capabilities: Capabilities) -> String? { nil }

  /// Messages per credit where messages can be lost: two such windows fit the receive buffer.
  private func window(_ size: Int) -> Int { min(max((1 << 20) / (size + 1024), 4), 256) }

  func serve(_ session: ServerSession) throws -> Measurement {
    let parameters = session.parameters
    let connection = try session.listener.accept(deadline: .after(.seconds(10)))
    try session.barrier()
    var payload = Payload(size: parameters.size, seed: parameters.seed, over: connection)
    var measurement = Measurement()
    try StreamReceiver.answerWarmUp(&payload, connection, parameters, &measurement)
    let usage = ResourceUsage.current()
    if session.capabilities.reliable {
      measurement.received = try StreamReceiver.receiveUntilEnd(&payload, connection, parameters)
    } else {
      measurement.received = try receiveWithCredits(&payload, connection, parameters)
    }
    measurement.usage = ResourceUsage.current().since(usage)
    try payload.checkBody()
    measurement.checksumChecked += 1
    measurement.sequenceChecked += measurement.received
    try payload.sendBack(over: connection)
    connection.close()
    return measurement
  }

  private func receiveWithCredits(
    _ payload: inout Payload, _ connection: any Connection, _ parameters: TrialParameters
  ) throws -> Int {
    let first = UInt64(parameters.warmup)
    var expected = first
    var received = 0
    let window = UInt64(window(parameters.size))
    var nextCredit = first + window
    while true {
      let count = try payload.receive(from: connection)
      if payload.isEnd(count) { return received }
      try payload.checkNewer(count, than: &expected)
      expected += 1
      received += 1
      if expected >= nextCredit {
        nextCredit += window
        try payload.sendBack(over: connection)
      }
    }
  }

  func runClient(_ session: ClientSession) throws -> Measurement {
    let parameters = session.parameters
    let connection = try session.connect()
    var payload = Payload(size: parameters.size, seed: parameters.seed, over: connection)
    try session.barrier()
    var measurement = Measurement()
    try payload.warmUp(
      connection, parameters, reliable: session.capabilities.reliable, &measurement)

    let usage = ResourceUsage.current()
    let start = MonotonicClock.now()
    measurement.start = start
    if session.capabilities.reliable {
      measurement.sent = try StreamSender.send(&payload, connection, parameters, from: start)
    } else {
      measurement.sent = try sendWithCredits(&payload, connection, parameters, from: start)
    }
    try payload.finish(connection, reliable: session.capabilities.reliable, &measurement)
    measurement.end = MonotonicClock.now()
    measurement.usage = ResourceUsage.current().since(usage)
    connection.close()
    return measurement
  }

  private func sendWithCredits(
    _ payload: inout Payload, _ connection: any Connection, _ parameters: TrialParameters,
    from start: UInt64
  ) throws -> Int {
    let limit = parameters.nanoseconds == 0 ? UInt64.max : start + parameters.nanoseconds
    let first = UInt64(parameters.warmup)
    let window = window(parameters.size)
    var sent = 0
    var credits = 0
    while sent < parameters.count {
      if sent / window - credits >= 2 {
        // A credit that does not come means that messages or the credit were lost: go on without.
        try payload.awaitCredit(from: connection)
        credits += 1
        if MonotonicClock.now() >= limit { break }
      }
      try payload.send(first &+ UInt64(sent), over: connection)
      sent += 1
    }
    return sent
  }
}

/// The receiving half of every one-way scenario.
enum StreamReceiver {
  /// Sends the warm-up messages back and checks every byte of them.
  static func answerWarmUp(
    _ payload: inout Payload, _ connection: any Connection, _ parameters: TrialParameters,
    _ measurement: inout Measurement
  ) throws {
    for sequence in 0..<UInt64(parameters.warmup) {
      try payload.check(try payload.receive(from: connection), is: sequence)
      try payload.checkBody()
      try payload.sendBack(over: connection)
      measurement.sequenceChecked += 1
      measurement.checksumChecked += 1
    }
  }

  /// Receives numbered messages until the end marker; returns how many.
  static func receiveUntilEnd(
    _ payload: inout Payload, _ connection: any Connection, _ parameters: TrialParameters
  ) throws -> Int {
    let first = UInt64(parameters.warmup)
    var received = 0
    while true {
      let count = try payload.receive(from: connection)
      if payload.isEnd(count) { return received }
      try payload.check(count, is: first &+ UInt64(received))
      received += 1
    }
  }
}

/// The sending half of every one-way scenario.
enum StreamSender {
  /// Sends numbered messages until the count or the time is reached; returns how many.
  static func send(
    _ payload: inout Payload, _ connection: any Connection, _ parameters: TrialParameters,
    from start: UInt64
  ) throws -> Int {
    let limit = parameters.nanoseconds == 0 ? UInt64.max : start + parameters.nanoseconds
    let first = UInt64(parameters.warmup)
    // Reading the clock for each message would cost more than some mechanisms do.
    let stride = min(64, max(1, 65_536 / parameters.size))
    var sent = 0
    while sent < parameters.count {
      let batch = min(stride, parameters.count - sent)
      for _ in 0..<batch {
        try payload.send(first &+ UInt64(sent), over: connection)
        sent += 1
      }
      if limit != .max && MonotonicClock.now() >= limit { break }
    }
    return sent
  }
}
