public import IPCSystem
public import IPCTransport
public import LabResults

/// One server behaviour and one client behaviour, written once against the transport protocol.
///
/// To add a scenario, conform to this protocol in a file of its own and add it to
/// ``ScenarioCatalog``. Server and clients run in processes of their own; what is timed is timed
/// in the process that sees both ends of the interval.
public protocol Scenario: Sendable {
  /// Id, title and what is timed.
  var info: ScenarioInfo { get }
  /// Number of client processes when the user does not say.
  var defaultClients: Int { get }
  /// Whether the message size is a dimension, or one small size says it all.
  var variesSize: Bool { get }
  /// The most untimed operations a trial begins with; what suits messages is too much where an
  /// operation takes milliseconds.
  var mostWarmup: Int { get }
  /// Why a mechanism cannot play this scenario; `nil` when it can.
  func objection(to capabilities: Capabilities) -> String?
  /// The server's part. The listener is there already.
  func serve(_ session: ServerSession) throws -> Measurement
  /// A client's part. The server listens already.
  func runClient(_ session: ClientSession) throws -> Measurement
}

extension Scenario {
  /// As many as suit messages.
  public var mostWarmup: Int { .max }
}

/// What a server process works with.
public struct ServerSession {
  /// Clients come from here.
  public let listener: any Listener
  /// What the mechanism claims.
  public let capabilities: Capabilities
  /// Size, length and seed of the trial.
  public let parameters: TrialParameters
  /// A directory for names that the trial's processes share, which vanishes with the trial.
  public let scratch: String
  /// Reports readiness to the runner and waits until all actors are ready.
  public let barrier: () throws -> Void
}

/// What a client process works with.
public struct ClientSession {
  /// Connects to the server.
  public let connect: () throws -> any Connection
  /// What the mechanism claims.
  public let capabilities: Capabilities
  /// Size, length and seed of the trial.
  public let parameters: TrialParameters
  /// Which client this is, from 0.
  public let index: Int
  /// A directory for names that the trial's processes share, which vanishes with the trial.
  public let scratch: String
  /// Reports readiness to the runner and waits until all actors are ready.
  public let barrier: () throws -> Void
}

/// What one actor measured.
public struct Measurement: Codable, Sendable {
  /// Monotonic time at which its timed section began; 0 when it did not time anything.
  public var start: UInt64 = 0
  /// Monotonic time at which it ended.
  public var end: UInt64 = 0
  /// Distribution of its individually timed operations.
  public var latency: LatencyDistribution?
  /// Timed messages it sent.
  public var sent = 0
  /// Timed messages it received.
  public var received = 0
  /// How many of its operations changed what processes share; `nil` where they send messages.
  public var writes: Int?
  /// Messages whose length and sequence number it checked.
  public var sequenceChecked = 0
  /// Messages whose every byte it checked.
  public var checksumChecked = 0
  /// What it used during the timed section.
  public var usage = ResourceUsage()

  /// Creates an empty measurement.
  public init() {}
}
