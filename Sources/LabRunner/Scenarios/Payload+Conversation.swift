internal import IPCSystem
internal import IPCTransport

/// The parts of a conversation that several scenarios share.
extension Payload {
  /// How long a message may take to count as lost where messages can be lost.
  static var lossTimeout: Duration { .milliseconds(500) }

  /// How often the end marker is sent where messages can be lost. It is no payload and in no figure.
  private static var endAttempts: Int { 5 }

  /// Client: sends the warm-up messages one by one and checks every byte that comes back.
  ///
  /// Where nothing can be lost it waits without a deadline, as the timed section does: a deadline
  /// would put the descriptor in another mode for good. The runner ends a trial that hangs.
  mutating func warmUp(
    _ connection: any Connection, _ parameters: TrialParameters, reliable: Bool,
    _ measurement: inout Measurement
  ) throws {
    for sequence in 0..<UInt64(parameters.warmup) {
      try send(sequence, over: connection)
      let deadline: Deadline = reliable ? .never : .after(.seconds(5))
      try check(try receive(from: connection, deadline: deadline), is: sequence)
      try checkBody()
      measurement.sequenceChecked += 1
      measurement.checksumChecked += 1
    }
  }

  /// Client: sends the end marker and checks every byte of the answer.
  mutating func finish(
    _ connection: any Connection, reliable: Bool, _ measurement: inout Measurement
  ) throws {
    if reliable {
      try send(Self.end, over: connection)
      try check(try receive(from: connection), is: Self.end)
    } else {
      var attempts = 0
      repeat {
        attempts += 1
        if attempts > Self.endAttempts {
          throw LabError(
            "the server did not answer the end marker: sent \(Self.endAttempts) times")
        }
        try send(Self.end, over: connection)
      } while try !receiveReply(Self.end, from: connection)
    }
    try checkBody()
    measurement.checksumChecked += 1
  }

  /// Waits for the reply to one message where messages can be lost; late replies to earlier ones
  /// are passed over.
  ///
  /// - Returns: `false` when it did not come in time.
  mutating func receiveReply(_ sequence: UInt64, from connection: any Connection) throws -> Bool {
    let deadline = Deadline.after(Self.lossTimeout)
    while true {
      do throws(TransportError) {
        let count = try receive(from: connection, deadline: deadline)
        if count != size || !tailAgrees {
          throw TransportError(.truncated, "receive a reply", limit: size)
        }
        if receivedNumber == carriedNumber(sequence) { return true }
      } catch {
        if error.code == .timedOut { return false }
        throw error
      }
    }
  }

  /// Server: checks a message where some may be missing, and moves `expected` to its number.
  func checkNewer(_ count: Int, than expected: inout UInt64) throws {
    if size >= 8 {
      if count == size && receivedNumber > expected { expected = receivedNumber }
      try check(count, is: expected)
    } else if count != size {
      // Numbers of very short messages wrap around: only their length can be checked.
      throw LabError("received \(count) bytes where \(size) were sent")
    }
  }

  /// Waits for a credit, or until it must be considered lost.
  mutating func awaitCredit(from connection: any Connection) throws(TransportError) {
    do {
      _ = try receive(from: connection, deadline: .after(Self.lossTimeout))
    } catch {
      if error.code != .timedOut { throw error }
    }
  }
}
