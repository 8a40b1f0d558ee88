/// Size, length and seed of one trial, the same for all its actors.
public struct TrialParameters: Codable, Sendable, Equatable {
  /// Message size in bytes, at least 1.
  public var size = 64
  /// At most this many timed operations per client.
  public var count = 1000
  /// Ends the timed section after this time even if `count` was not reached; 0 is no limit.
  public var nanoseconds: UInt64 = 0
  /// Untimed operations per client before the timed section.
  public var warmup = 100
  /// Seed of the payload.
  public var seed: UInt64 = 1
  /// Number of clients.
  public var clients = 1

  /// Creates the default parameters.
  public init() {}

  /// Creates parameters that fit a message size: the warm-up is a tenth of the count, as the C
  /// floor has it, within bounds.
  public init(size: Int, count: Int, nanoseconds: UInt64 = 0, seed: UInt64, clients: Int = 1) {
    self.size = size
    self.count = count
    self.nanoseconds = nanoseconds
    self.seed = seed
    self.clients = clients
    if nanoseconds == 0 {
      warmup = min(max(count / 10, 1), 20_000)
    } else {
      // Enough to touch every page of a ring or buffer, few enough to stay short.
      warmup = min(max(4_000_000 / (size + 20_000), 8), 200)
    }
  }
}
