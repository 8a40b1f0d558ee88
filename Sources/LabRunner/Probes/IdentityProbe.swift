internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import LabResults

/// Whether the kernel vouches for who the peer is.
///
/// Control: Unix sockets know their peer, pipes and UDP do not.
struct IdentityProbe: Probe {
  let info = ProbeInfo(
    id: "identity", title: "Peer identity",
    question: "Does a process learn who is at the other end, without being told by it?",
    method: "Either end is asked for its peer, and the answer compared with the process and user "
      + "that the other agent really is.")

  func claim(of capabilities: Capabilities) -> String { capabilities.identity.rawValue }

  func run(in lab: ProbeLab) throws -> Observation {
    let (reader, writer) = try lab.connectedPair()
    lab.note("the writer is process \(writer.pid), the reader \(reader.pid), user \(getuid())")
    guard let seenByReader = try reader.perform(.peer).orFail().peer else {
      return .saw(Capabilities.Identity.none.rawValue)
    }
    let seenByWriter = try writer.perform(.peer).orFail().peer
    guard isRight(seenByReader, writer), seenByWriter == nil || isRight(seenByWriter, reader)
    else { return .saw("a wrong one") }
    return .saw(Capabilities.Identity.pidAndUser.rawValue)
  }

  private func isRight(_ seen: PeerIdentity?, _ real: ProbeSubject) -> Bool {
    seen?.pid == real.pid && seen?.uid == getuid()
  }
}
