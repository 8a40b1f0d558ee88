import LabResults

/// Made-up probe results for the sample document.
enum SampleFeatures {
  static let probes = [
    probe("direction", "Direction", "One way or both?"),
    probe("boundaries", "Message boundaries", "Do two messages arrive as two?"),
    probe("short-read", "Short read", "What does a buffer that is too small do?"),
    probe("zero-length", "Zero-length message", "Does an empty message arrive?"),
    probe("largest-message", "Largest message", "What is the largest message?"),
    probe("capacity", "Bytes until a writer blocks", "How much fits before a writer waits?"),
    probe("reach", "Related processes only", "May any process connect?"),
    probe("several-clients", "Several clients", "May several clients be connected at once?"),
    probe("readers", "One to many", "Does every reader get a message, or one of them?"),
    probe("order", "Order", "Do messages arrive in the order they were sent?"),
    probe("writer-death", "Writer dies", "What does a reader see when the writer is killed?"),
    probe("reader-death", "Reader dies", "What does a writer see when the reader is killed?"),
    probe("name-after-kill", "Name after kill -9", "What stays behind?"),
    probe("identity", "Peer identity", "Does a server learn who its client is?"),
    probe("access", "Who may open it", "Whose processes may open it?"),
  ]

  private static func probe(_ id: String, _ title: String, _ question: String) -> ProbeInfo {
    ProbeInfo(
      id: id, title: title, question: question,
      method: "Two fresh processes try it, and a control that must come out the other way.")
  }

  static func results(of mechanisms: [String]) -> [FeatureResult] {
    probes.flatMap { probe in mechanisms.map { result(probe.id, $0) } }
  }

  private static func result(_ probe: String, _ mechanism: String) -> FeatureResult {
    let answer = answer(probe, mechanism)
    var result = FeatureResult(
      probe: probe, mechanism: mechanism, claim: answer, observed: answer, verdict: .agrees,
      evidence: ["sent 5 and 7 bytes", "one receive returned \(answer)", "control: as expected"])
    switch (probe, mechanism) {
    case ("reader-death", "udp"):
      result.claim = "error"
      result.observed = "nothing"
      result.verdict = .disagrees
    case ("name-after-kill", "anonymous-pipe"):
      result.observed = "it has no name"
      result.verdict = .notApplicable
    case ("identity", "tcp"):
      result.observed = "needs a second user"
      result.verdict = .notPossibleHere
    case ("access", "mailslot"):
      result.evidence = ["the child ended with status 1: permission denied"]
      result.observed = "no answer"
      result.verdict = .failed
    default: break
    }
    return result
  }

  private static func answer(_ probe: String, _ mechanism: String) -> String {
    let isStream = ["anonymous-pipe", "fifo", "unix-stream", "tcp"].contains(mechanism)
    let isOneWay = ["anonymous-pipe", "fifo", "mailslot", "message-queue"].contains(mechanism)
    let isMemory = mechanism.hasPrefix("shared-memory")
    switch probe {
    case "direction": return isOneWay ? "one way" : "both ways"
    case "boundaries": return isStream ? "not kept" : "kept"
    case "short-read": return isStream ? "the rest stays" : "the rest is lost"
    case "zero-length": return isStream ? "no effect" : "delivered"
    case "largest-message":
      return ["udp": "65,507 B", "message-queue": "8,192 B", "mailslot": "64 KiB"][mechanism]
        ?? "no limit seen up to 64 MiB"
    case "capacity": return mechanism == "udp" ? "messages are lost" : "writer blocks"
    case "reach": return mechanism == "anonymous-pipe" ? "related processes" : "any process"
    case "several-clients":
      return mechanism == "anonymous-pipe" || isMemory ? "one client only" : "several at once"
    case "readers": return "compete"
    case "order": return mechanism == "udp" ? "out of order" : "in order"
    case "writer-death": return mechanism == "udp" ? "nothing" : "end of file"
    case "reader-death": return "error"
    case "name-after-kill":
      return ["fifo", "message-queue"].contains(mechanism) ? "left behind" : "usable at once"
    case "identity": return mechanism.hasPrefix("unix") ? "pid and user" : "none"
    default: return "same user"
    }
  }
}
