internal import IPCSystem
internal import IPCTransport
internal import LabResults
internal import ReadersWriters
internal import SyncObjects

/// Several processes read and several write the same record in shared memory, which is guarded.
struct ReadersWritersScenario: Scenario {
  let info = ScenarioInfo(
    id: "readers-writers", title: "Readers and writers",
    summary: "The server and every fourth client write one record in shared memory, the other "
      + "clients read it, each as fast as the guard lets it; who reads checks that the record is "
      + "whole. Timed from the first start to the last end; latencies are of the first client's "
      + "reads, from asking for its turn to giving it back. One operation counts as one message.",
    measures: "throughput")
  let defaultClients = 4
  let variesSize = false

  private static let patience = Duration.seconds(10)

  func objection(to capabilities: Capabilities) -> String? {
    switch capabilities.sharing {
    case .mutexAndEvent, .semaphores: nil
    case .messagesOnly: "moves messages: its processes share no memory to use in place"
    case .unguarded:
      "shares memory, but has no object that guards it: whoever waits polls"
    }
  }

  /// What a process of the trial opens, whichever comes first.
  private struct Stage {
    let board: Board
    let accessGuard: any AccessGuard
    /// Counts the clients that have done their part.
    let finished: CountingSemaphore

    init(_ capabilities: Capabilities, _ parameters: TrialParameters, _ scratch: String) throws {
      let runtime = try RuntimeDirectory(verifying: scratch)
      board = try Board("board", recordSize: parameters.size, in: runtime)
      let kind: GuardKind = capabilities.sharing == .semaphores ? .semaphore : .event
      accessGuard = try kind.open("guard", board, in: runtime)
      finished = try CountingSemaphore.create(
        ObjectName("finished"), count: 0, limit: Int32(Board.most), in: runtime
      ).semaphore
    }

    func close() {
      board.close()
      accessGuard.close()
      finished.close()
    }
  }

  func serve(_ session: ServerSession) throws -> Measurement {
    let parameters = session.parameters
    guard parameters.clients < Board.most else {
      throw LabError("at most \(Board.most - 1) clients have room on the board")
    }
    let stage = try Stage(session.capabilities, parameters, session.scratch)
    defer { stage.close() }
    let measurement = try Self.play(stage, slot: 0, parameters, session.barrier)
    let deadline = Deadline.after(Self.patience)
    for _ in 0..<parameters.clients
    where Waiting.any(of: [stage.finished], deadline: deadline) != .taken(0) {
      throw LabError("a client has not finished")
    }
    let written = stage.board.total(.writes)
    guard stage.board.sequence == written else {
      throw LabError(
        "the record says that it was written \(stage.board.sequence) times, its writers say "
          + "\(written): writers were not kept apart")
    }
    return measurement
  }

  func runClient(_ session: ClientSession) throws -> Measurement {
    let stage = try Stage(session.capabilities, session.parameters, session.scratch)
    defer { stage.close() }
    let measurement = try Self.play(
      stage, slot: session.index + 1, session.parameters, session.barrier)
    try stage.finished.release()
    return measurement
  }

  /// Reads or writes as fast as it can until the count or the time is reached.
  private static func play(
    _ stage: Stage, slot: Int, _ parameters: TrialParameters, _ barrier: () throws -> Void
  ) throws -> Measurement {
    var participant = Participant(stage.board, stage.accessGuard, slot: slot)
    let isWriter = slot % 4 == 0
    var measurement = Measurement()
    func operate() throws -> UInt64 {
      if isWriter { return participant.write() }
      let (nanoseconds, isWhole) = participant.read()
      guard isWhole else {
        throw LabError(
          "torn record: reader \(slot) got one of \(parameters.size) bytes that nobody has written, "
            + "or one older than before")
      }
      return nanoseconds
    }
    for _ in 0..<parameters.warmup { _ = try operate() }
    var samples = Samples(capacity: slot == 1 ? Samples.most(for: parameters) : 0)
    try barrier()

    let usage = ResourceUsage.current()
    let start = MonotonicClock.now()
    let limit = parameters.nanoseconds == 0 ? UInt64.max : start + parameters.nanoseconds
    var done = 0
    repeat {
      let nanoseconds = try operate()
      if !samples.isFull { samples.record(nanoseconds) }
      done += 1
    } while done < parameters.count && participant.lastEnd < limit
    measurement.start = start
    measurement.end = participant.lastEnd
    measurement.usage = ResourceUsage.current().since(usage)
    measurement.sent = done
    measurement.received = done
    measurement.writes = isWriter ? done : 0
    measurement.sequenceChecked = done
    measurement.checksumChecked = isWriter ? 0 : done
    measurement.latency = samples.distribution()
    return measurement
  }
}
