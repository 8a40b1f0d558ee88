internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import LabResults
internal import TransportCatalog

/// The life of an actor process: read the task, play the part, report, end.
public enum Actor {
  /// The hidden command that makes the program an actor.
  public static let command = ActorProcess.command

  /// Plays an actor's part. Called by the program's entry point when its first argument is
  /// ``command``; returns the exit code.
  public static func main() -> Int32 {
    let raw = ActorProcess.controlDescriptor
    do {
      try Descriptors.setCloseOnExec(raw)
      let channel = ControlChannel(adopting: OwnedDescriptor(adopting: raw))
      // When the runner is gone nobody needs this process: not even when it is blocked for ever.
      // A thread that watches the channel would do as well, but every system call of a process with
      // two threads costs a little more, and that would be measured. The runner's thread that
      // started this process waits for it, so the thread's end is the runner's end.
      try ChildProcess.dieWithParent()
      if channel.isHungUp { return ExitCode.orphaned }
      guard let task = try channel.receive(ActorTask.self, deadline: .never) else {
        return ExitCode.orphaned
      }
      for descriptor in task.endpoint.descriptors { try Descriptors.setCloseOnExec(descriptor) }
      if let processor = task.processor { try Processor.pin(to: processor) }
      guard let transport = TransportCatalog.transport(task.transport) else {
        throw LabError("no transport is called \(task.transport)")
      }
      switch task.part {
      case .server, .client:
        let report: ActorReport
        do { report = .result(try play(task, transport, channel)) } catch {
          report = .failure("\(error)")
        }
        try channel.send(report)
        // Leave at once: the runner closes the channel when it has every result, and connections
        // stay open until then, so that no actor mistakes the end of a trial for a death.
        _ = try? channel.receive(Go.self, deadline: .never)
      case .agent:
        try ProbeAgent(channel: channel, transport: transport, endpoint: task.endpoint).run()
      }
      return 0
    } catch {
      StandardError.write("ipclab actor: \(error)\n")
      return ExitCode.failed
    }
  }

  /// Exit codes of actors.
  enum ExitCode {
    static let failed: Int32 = 1
    static let orphaned: Int32 = 125
  }

  private static func play(
    _ task: ActorTask, _ transport: any Transport, _ channel: ControlChannel
  ) throws -> Measurement {
    guard let scenario = ScenarioCatalog.scenario(task.scenario) else {
      throw LabError("no scenario is called \(task.scenario)")
    }
    let barrier: () throws -> Void = {
      try channel.send(ActorReport.ready)
      guard try channel.receive(Go.self, deadline: .never) != nil else { _exit(ExitCode.orphaned) }
    }
    let endpoint = task.endpoint
    if task.part == .server {
      let listener = try transport.listen(at: endpoint)
      defer { listener.close() }
      try channel.send(ActorReport.listening)
      return try scenario.serve(
        ServerSession(
          listener: listener, capabilities: transport.capabilities, parameters: task.parameters,
          scratch: task.scratch, barrier: barrier))
    }
    guard try channel.receive(Go.self, deadline: .never) != nil else { _exit(ExitCode.orphaned) }
    return try scenario.runClient(
      ClientSession(
        connect: { try transport.connect(to: endpoint, deadline: .after(.seconds(10))) },
        capabilities: transport.capabilities, parameters: task.parameters, index: task.index,
        scratch: task.scratch, barrier: barrier))
  }
}

/// What an actor tells the runner.
enum ActorReport: Codable {
  /// The server listens: clients may connect.
  case listening
  /// Ready at the start barrier.
  case ready
  /// The part is played.
  case result(Measurement)
  /// The part could not be played to its end.
  case failure(String)
}

/// What the runner answers: go on.
struct Go: Codable {}
