internal import Glibc
internal import IPCTransport
internal import LabResults

/// Who may open it by default.
///
/// Control: TCP lets everyone in, files in a private directory the same user only, and an anonymous
/// pipe nobody who has not inherited it.
struct AccessProbe: Probe {
  /// The user “nobody” of most systems; any other than one's own would do.
  private static let otherUser: UInt32 = 65_534

  let info = ProbeInfo(
    id: "access", title: "Access",
    question: "Who may open it by default?",
    method: "A process of the same user that inherited nothing opens it and writes; then one that "
      + "has become another user (65534) tries the same. The second step needs root.")

  func claim(of capabilities: Capabilities) -> String { capabilities.access.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    guard try Stranger(in: lab).isHeard() else {
      return .saw(Capabilities.Access.inherited.rawValue)
    }
    guard geteuid() == 0 else {
      return .notPossibleHere("needs root: no process of another user can be started")
    }
    let stranger = try Stranger(in: lab)
    try stranger.agent.perform(.become(Self.otherUser)).orFail()
    let everyone = try stranger.isHeard()
    return .saw((everyone ? Capabilities.Access.everyone : .sameUser).rawValue)
  }
}
