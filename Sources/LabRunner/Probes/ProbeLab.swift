internal import Glibc
internal import IPCSystem
public import IPCTransport

/// Where one experiment on one mechanism takes place: it starts the agents, passes the steps to
/// them, writes down what each of them answered, and leaves nothing behind.
///
/// Used by one thread.
public final class ProbeLab {
  /// The mechanism under examination.
  public let transport: any Transport
  /// What was done and what came back, step by step.
  public private(set) var evidence: [String] = []

  /// Where the names of all runs are.
  let runtime: RuntimeDirectory
  private let executable: String
  private var timeLeft: Patience
  private let isInterrupted: @Sendable () -> Bool
  private var agents: [ProbeSubject] = []
  private var rendezvous: Rendezvous?
  private var scratch: ScratchDirectory?

  /// How long something that is due may take before the experiment fails, in milliseconds.
  static let patience = 8000
  /// How long to wait for something that may never come, in milliseconds. Nothing but its absence
  /// is ever concluded from this time.
  static let absence = 1500
  /// How long a mechanism that is full may take to prove otherwise, in milliseconds: TCP still moves
  /// bytes from the writer's queue to the reader's.
  static let settling = 400

  /// - Parameters:
  ///   - executable: The ipclab program.
  ///   - runtime: Where to put names.
  ///   - limit: How long the experiment as a whole may take before it has failed.
  init(
    transport: any Transport, executable: String, runtime: RuntimeDirectory, limit: Duration,
    isInterrupted: @escaping @Sendable () -> Bool = { false }
  ) {
    self.transport = transport
    self.executable = executable
    self.runtime = runtime
    timeLeft = Patience(limit)
    self.isInterrupted = isInterrupted
  }

  /// Whether the machine stood still while an agent was waited for: what was seen says nothing.
  var hasStoodStill: Bool { timeLeft.standstill != 0 }

  /// Ends the agents, whatever they are doing, and removes every name.
  func close() {
    for agent in agents { agent.end() }
    agents = []
    rendezvous = nil
    scratch?.remove()
    scratch = nil
  }

  /// Adds a line to the evidence.
  func note(_ text: String) { evidence.append(text) }

  // MARK: - Agents

  /// Prepares a meeting at the bare mechanism and starts one agent per role. They hold the
  /// descriptors that come with their role, and have not opened anything. A former meeting ends.
  func meet(_ roles: NativeRole...) throws -> Meeting {
    let scratch = try makeScratch()
    let rendezvous = try transport.nativeRendezvous(scratch: scratch)
    guard let writers = rendezvous.clients.first else {
      throw LabError("the native rendezvous has no endpoint for writers")
    }
    var meeting = Meeting(reader: rendezvous.server, writer: writers, directory: scratch.path)
    for (index, role) in roles.enumerated() {
      let number = roles[..<index].count { $0 == role }
      let name = number == 0 ? role.rawValue : "\(role.rawValue) \(number + 1)"
      meeting.agents.append(try start(name, at: meeting.endpoint(role)))
    }
    keep(rendezvous)
    return meeting
  }

  /// A reader and a writer with their ends open.
  func pair() throws -> (reader: ProbeSubject, writer: ProbeSubject) {
    let meeting = try meet(.reader, .writer)
    let (reader, writer) = (meeting.agents[0], meeting.agents[1])
    try reader.open(.reader).orFail()
    try writer.open(.writer).orFail()
    return (reader, writer)
  }

  /// A pair of which the reader has read what the writer wrote first: they are connected.
  func connectedPair() throws -> (reader: ProbeSubject, writer: ProbeSubject) {
    let pair = try pair()
    try pair.writer.write("hello").orFail()
    let heard = try pair.reader.read().orFail()
    guard heard.text == "hello" else {
      throw LabError("the reader got something else than the writer wrote")
    }
    return pair
  }

  /// Starts an agent at an endpoint whose descriptors it inherits.
  func start(_ name: String, at endpoint: Endpoint) throws -> ProbeSubject {
    let task = ActorTask(part: .agent, transport: transport.mechanism.id, endpoint: endpoint)
    let agent = ProbeSubject(
      name: name, process: try ActorProcess(executable: executable, task: task, group: 0), lab: self
    )
    agents.append(agent)
    return agent
  }

  /// A meeting through the conversation of ``Transport``, with a server and its clients. A former
  /// meeting ends.
  func meetConversation(clients: Int) throws -> (server: ProbeSubject, clients: [ProbeSubject]) {
    let rendezvous = try transport.rendezvous(clients: clients, scratch: makeScratch())
    let server = try start("server", at: rendezvous.server)
    let clients = try rendezvous.clients.enumerated().map {
      try start("client \($0.offset + 1)", at: $0.element)
    }
    keep(rendezvous)
    return (server, clients)
  }

  /// A directory for the names of a new meeting. It ends the former one, so that the two cannot
  /// find each other and limits of the system, as message queues have them, are not used up.
  private func makeScratch() throws -> ScratchDirectory {
    close()
    let scratch = try ScratchDirectory(in: runtime)
    self.scratch = scratch
    return scratch
  }

  /// Ends that were inherited must not stay open here as well, or nobody would see end of file;
  /// names must stay until the experiment is over.
  private func keep(_ rendezvous: Rendezvous) {
    let endpoints = [rendezvous.server] + rendezvous.clients
    if endpoints.allSatisfy(\.descriptors.isEmpty) { self.rendezvous = rendezvous }
  }

  // MARK: - Waiting

  /// Waits for an agent's next message.
  func receive(from agent: ProbeSubject, what: String) throws -> ProbeReply {
    guard try waitForAny([agent], milliseconds: nil) != nil else {
      throw LabError("\(agent.name) did not answer in time: \(what)")
    }
    guard let reply = try agent.process.channel.receive(ProbeReply.self, deadline: .never) else {
      throw LabError(
        "\(agent.name) ended during: \(what). \(agent.process.standardErrorTail(limit: 300))")
    }
    return reply
  }

  /// Waits until one of these agents has something to say; `nil` after the time, or when the
  /// experiment's time is over.
  func waitForAny(_ agents: [ProbeSubject], milliseconds: Int?) throws -> ProbeSubject? {
    var patience = milliseconds.map { Patience(.milliseconds($0)) }
    while true {
      var entries = agents.map {
        pollfd(fd: $0.process.channel.descriptor, events: Int16(POLLIN), revents: 0)
      }
      // A slice, so that an interruption is noticed soon.
      let slice = min(timeLeft.nextLook, patience?.nextLook ?? .never).pollMilliseconds
      let count = unsafe poll(&entries, nfds_t(entries.count), min(slice, 100))
      let experimentIsOver = timeLeft.isOver()
      let isOver = patience?.isOver() == true || experimentIsOver
      if count > 0, let index = entries.firstIndex(where: { $0.revents != 0 }) {
        return agents[index]
      }
      if isInterrupted() { throw LabError("interrupted") }
      if isOver { return nil }
    }
  }
}

/// A prepared meeting at the bare mechanism, and the agents that were started for it.
struct Meeting {
  let reader: Endpoint
  let writer: Endpoint
  /// Where its names are.
  let directory: String
  var agents: [ProbeSubject] = []

  func endpoint(_ role: NativeRole) -> Endpoint { role == .reader ? reader : writer }

  /// What somebody knows who has inherited nothing.
  func addressOnly(_ role: NativeRole) -> Endpoint { Endpoint(address: endpoint(role).address) }
}
