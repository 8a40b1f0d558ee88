internal import IPCTransport

/// Plays a probe's agent: opens ends of the bare mechanism and does with them what it is told.
struct ProbeAgent {
  let channel: ControlChannel
  let transport: any Transport
  let endpoint: Endpoint

  func run() throws {}
}
