internal import IPCTransport
internal import LabResults

/// Whether several clients can be connected at once.
///
/// Control: a third client, which the server does not accept, must not get an answer.
struct SeveralClientsProbe: Probe {
  let info = ProbeInfo(
    id: "several-clients", title: "Several clients at once",
    question: "Can a server talk with several clients at once, without mixing them up?",
    method: "Two clients connect to one server and send and get answers in turns that interleave; "
      + "a third, which the server does not accept, must not get one.")

  static let several = "several at once"
  static let one = "one at a time"

  func claim(of capabilities: Capabilities) -> String {
    capabilities.severalClients ? Self.several : Self.one
  }

  func run(in lab: ProbeLab) throws -> Observation {
    let (server, clients) = try lab.meetConversation(clients: 3)
    try server.perform(.listen).orFail()
    for (index, client) in clients.prefix(2).enumerated() {
      let connecting = try client.begin(.connect(milliseconds: ProbeLab.patience))
      // A first client must be admitted; a second one perhaps never is.
      let patience = index == 0 ? ProbeLab.patience : ProbeLab.absence
      let accepted = try server.perform(.accept(milliseconds: patience))
      if index == 1, accepted.code == .timedOut { return .saw(Self.one) }
      try accepted.orFail()
      try client.finish(connecting).orFail()
    }
    guard try !isAnswered(clients[2]) else {
      throw LabError("a client that the server had not accepted got an answer")
    }
    // Both speak before either is answered; the second is answered first.
    var names: [String] = []
    for (index, client) in clients.prefix(2).enumerated() {
      try client.perform(.send(connection: 0, Array("I am \(index)".utf8))).orFail()
    }
    for connection in 0..<2 { names.append(try heard(server, connection)) }
    guard names.sorted() == ["I am 0", "I am 1"] else { return .saw("mixed up") }
    for round in 1...3 {
      for connection in [1, 0] {
        let text = "\(names[connection]), round \(round)"
        try server.perform(.send(connection: connection, Array(text.utf8))).orFail()
      }
      for (index, client) in clients.prefix(2).enumerated() {
        guard try heard(client, 0) == "I am \(index), round \(round)" else {
          return .saw("mixed up")
        }
      }
    }
    return .saw(Self.several)
  }

  private func heard(_ agent: ProbeSubject, _ connection: Int) throws -> String {
    try agent.perform(.receive(connection: connection, milliseconds: ProbeLab.patience))
      .orFail().text
  }

  private func isAnswered(_ client: ProbeSubject) throws -> Bool {
    if try client.perform(.connect(milliseconds: ProbeLab.settling / 2)).failure != nil {
      return false
    }
    return try client.perform(.receive(connection: 0, milliseconds: ProbeLab.settling / 2)).failure
      == nil
  }
}
