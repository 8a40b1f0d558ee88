/// What the programs of one check get at most.
public struct CheckLimits: Codable, Sendable, Hashable {
  /// Bytes of memory of all processes together.
  public var memory = 512 << 20
  /// Processes at the same time, the check's own included.
  public var processes = 128
  /// Seconds of processor time of one process.
  public var processorSeconds = 20
  /// Bytes of one file.
  public var fileSize = 64 << 20
  /// Bytes one program writes to its standard output and standard error.
  public var output = 64 << 20

  /// What the limit is, in words.
  func text(of limit: Outcome.Limit) -> String {
    switch limit {
    case .memory: "at most \(memory >> 20) MiB of memory, all processes together"
    case .processes: "at most \(processes) processes at a time"
    case .processorTime: "at most \(processorSeconds) s of processor time"
    case .fileSize: "at most \(fileSize >> 20) MiB in a file"
    case .output: "at most \(output >> 20) MiB of output"
    }
  }

  /// Creates the usual limits.
  public init() {}
}
