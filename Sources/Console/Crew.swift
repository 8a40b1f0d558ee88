internal import IPCSystem

/// The threads of one console, and what they are doing.
///
/// Every call is made by a worker, also those of the “main thread”, so that the thread that reads
/// the lines stays able to say that a call is waiting. Used by that one thread.
final class Crew {
  /// How long a call that was started may take before it counts as blocked, in milliseconds.
  static let patience = 150
  /// How long a join waits unless the line says otherwise, in milliseconds.
  static let joinPatience = 3000

  /// A call that was started and whose answer nobody has seen.
  struct Task {
    let call: String
    /// The handle that it is about.
    let handle: String?
  }

  /// An answer, and how to leave if the call was to end the process.
  struct Answer {
    var reply: Reply
    var exit: Exit?
  }

  /// How to end the process.
  struct Exit: Hashable {
    var code: UInt32
    /// Killed, instead of returning the code.
    var isHard: Bool
  }

  private static let main = "-"
  private static let areForWorkers: Set = ["CreateThread", "ExitThread"]

  let session: Session
  private var workers: [String: Worker] = [:]
  /// What the workers are doing, by their letter.
  private(set) var pending: [String: Task] = [:]

  init(session: Session) { self.session = session }

  /// Makes the call of a line, or joins one that was made before.
  ///
  /// - Parameters:
  ///   - isLenient: Whether arguments that the call does not have are let pass.
  ///   - whenSlow: Called once when a call that is waited for takes more than a second.
  func perform(_ step: Step, isLenient: Bool = false, whenSlow: (() -> Void)? = nil)
    throws(Mistake) -> Answer
  {
    switch step.part {
    case .join(let worker): return try join(worker, step)
    case .main: return try run(step, on: Self.main, isLenient, whenSlow)
    case .run(let worker): return try run(step, on: worker, isLenient, whenSlow)
    case .start(let name):
      let worker = try start(step, on: name, isLenient)
      guard let outcome = worker.join(within: Self.patience) else {
        return Answer(reply: Reply(status: "blocked"))
      }
      return finish(name, outcome)
    }
  }

  private func run(_ step: Step, on name: String, _ isLenient: Bool, _ whenSlow: (() -> Void)?)
    throws(Mistake) -> Answer
  {
    let worker = try start(step, on: name, isLenient)
    if let whenSlow {
      if let outcome = worker.join(within: 1000) { return finish(name, outcome) }
      whenSlow()
    }
    guard let outcome = worker.join(within: nil) else {
      return Answer(reply: Reply(status: "idle"))
    }
    return finish(name, outcome)
  }

  private func start(_ step: Step, on name: String, _ isLenient: Bool) throws(Mistake) -> Worker {
    let call = try CallTable.call(step.call)
    if let task = pending[name] {
      throw Mistake("\(name) is still in \(task.call): \(name)? takes its answer")
    }
    if Self.areForWorkers.contains(call.name) && name == Self.main {
      throw Mistake("\(call.name) is for workers: A: \(call.name)")
    }
    let invocation = try Invocation(call, step, in: session, isLenient: isLenient)
    let worker = try worker(name)
    pending[name] = Task(call: call.name, handle: invocation.values["h"])
    worker.start { Self.make(invocation) }
    return worker
  }

  /// Makes a call, on the thread that is to make it.
  private static func make(_ invocation: Invocation) -> Worker.Outcome {
    let name = invocation.call.name
    let start = MonotonicClock.now()
    var outcome = Worker.Outcome(reply: Reply())
    do throws(Mistake) {
      outcome.reply = try invocation.call.action(invocation)
      if name == "ExitThread" { outcome.threadCode = try invocation.number("code") }
      if name == "ExitProcess" {
        outcome.exit = Exit(
          code: try invocation.number("code"), isHard: try invocation.isOn("hard"))
      }
    } catch {
      outcome.reply = Reply(mistake: error.description)
      return outcome
    }
    outcome.reply["_ms"] = .number(Int((MonotonicClock.now() - start) / 1_000_000))
    return outcome
  }

  /// What a worker is doing at this moment; `nil` when its call has returned, or there is none.
  func current(_ worker: String) -> Task? {
    workers[worker]?.hasAnswer == false ? pending[worker] : nil
  }

  private func join(_ name: String, _ step: Step) throws(Mistake) -> Answer {
    guard let worker = workers[name], pending[name] != nil else {
      return Answer(reply: Reply(status: "idle"))
    }
    var patience = Self.joinPatience
    if let text = step["within"] {
      guard let number = Number.parse(text), number >= 0 else {
        throw Mistake("within is a number of milliseconds, not “\(text)”")
      }
      patience = number
    }
    guard let outcome = worker.join(within: patience) else {
      return Answer(reply: Reply(status: "blocked"))
    }
    return finish(name, outcome)
  }

  private func finish(_ name: String, _ outcome: Worker.Outcome) -> Answer {
    pending[name] = nil
    if outcome.threadCode != nil { workers.removeValue(forKey: name)?.awaitEnd() }
    return Answer(reply: outcome.reply, exit: outcome.exit)
  }

  private func worker(_ name: String) throws(Mistake) -> Worker {
    if let worker = workers[name] { return worker }
    let worker = try Worker()
    workers[name] = worker
    session.bindThread(name, worker.thread)
    return worker
  }
}
