internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// An agent as the runner sees it: a process that does one step of an experiment at a time.
final class ProbeSubject {
  let name: String
  let process: ActorProcess
  private unowned let lab: ProbeLab
  private var isReaped = false

  init(name: String, process: ActorProcess, lab: ProbeLab) {
    self.name = name
    self.process = process
    self.lab = lab
  }

  var pid: Int32 { process.process.pid }

  // MARK: - Steps

  /// Has the agent do something and waits for the answer.
  @discardableResult
  func perform(_ request: ProbeRequest) throws -> Answer {
    try process.channel.send(ProbeOrder(request: request))
    return try answer(to: request)
  }

  /// Has the agent begin something, and returns when it has begun. ``finish(_:)`` gets the answer.
  func begin(_ request: ProbeRequest) throws -> ProbeRequest {
    try process.channel.send(ProbeOrder(request: request, announce: true))
    _ = try lab.receive(from: self, what: request.words)
    return request
  }

  /// Has the agent begin something that blocks it, and returns when it sleeps.
  func beginAndBlock(_ request: ProbeRequest) throws -> ProbeRequest {
    let request = try begin(request)
    let asleep = waitUntilAsleep()
    lab.note("\(name): \(request.words): \(asleep ? "sleeps in it" : "is inside, polling")")
    return request
  }

  /// Waits for the answer to what was begun.
  func finish(_ request: ProbeRequest) throws -> Answer { try answer(to: request) }

  private func answer(to request: ProbeRequest) throws -> Answer {
    let reply = try lab.receive(from: self, what: request.words)
    lab.note("\(name): \(request.words): \(request.words(for: reply))")
    return Answer(reply: reply, agent: name, request: request)
  }

  func open(_ role: NativeRole) throws -> Answer {
    try perform(.open(role, milliseconds: ProbeLab.patience))
  }

  func write(_ text: String, milliseconds: Int = ProbeLab.patience) throws -> Answer {
    try perform(.write(Array(text.utf8), milliseconds: milliseconds))
  }

  func read(upTo limit: Int = 100, milliseconds: Int = ProbeLab.patience) throws -> Answer {
    try perform(.read(limit: limit, milliseconds: milliseconds))
  }

  // MARK: - Life and death

  /// Kills the agent with SIGKILL, collects it, and tells when the signal was sent.
  @discardableResult
  func kill() throws -> UInt64 {
    let time = MonotonicClock.now()
    process.process.signal(SIGKILL)
    let status = try process.process.wait().status
    isReaped = true
    lab.note("\(name): killed, \(status)")
    return time
  }

  /// Ends the agent and everything in its group, and collects it.
  func end() {
    if isReaped { return }
    process.process.signalGroup(SIGKILL)
    process.process.signal(SIGKILL)
    _ = try? process.process.wait()
    isReaped = true
  }

  /// Waits until the agent's thread sleeps in the kernel; gives up on one that polls.
  private func waitUntilAsleep() -> Bool {
    let limit = Deadline.after(.milliseconds(60))
    while !limit.hasPassed {
      if state == UInt8(ascii: "S") { return true }
      _ = usleep(200)
    }
    return false
  }

  /// The state of the agent's first thread, as `/proc/PID/stat` has it behind the name.
  private var state: UInt8? {
    let descriptor = unsafe Glibc.open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { _ = Glibc.close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
    guard count > 0, let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")), end + 2 < count
    else { return nil }
    return bytes[end + 2]
  }
}

/// What an agent answered, and to what.
struct Answer {
  let reply: ProbeReply
  let agent: String
  let request: ProbeRequest

  var failure: ProbeReply.Failure? { reply.failure }
  var code: TransportError.Code? { reply.failure.map { TransportError.Code(rawValue: $0.code) } }
  var count: Int { reply.count }
  var calls: Int { reply.calls }
  var bytes: [UInt8] { reply.bytes }
  var text: String { String(decoding: reply.bytes, as: UTF8.self) }
  var saidMore: Bool { reply.saidMore }
  var isIntact: Bool { reply.intact }
  var peer: PeerIdentity? { reply.peer }
  var yes: Bool { reply.yes }
  var ended: UInt64 { reply.ended }

  /// The answer, where the step had to succeed for the experiment to go on.
  @discardableResult
  func orFail() throws -> Answer {
    if let failure = reply.failure {
      throw LabError("\(agent) could not \(request.words): \(failure.text)")
    }
    return self
  }
}
