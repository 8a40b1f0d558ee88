internal import Glibc
public import IPCSystem
public import IPCTransport

/// Programs connected by pipes, each reading what the one before it writes: `cat file | sort | head`.
///
/// The programs run at the same time. Input is fed and output collected together, so that no program
/// waits for another that waits for this process. A program may end early: those before it then get
/// `SIGPIPE`, as in a shell.
public struct Pipeline: Sendable {
  /// One program.
  public struct Stage: Sendable, Hashable {
    /// A path, or a name to look up in `PATH`.
    public var program: String
    /// What follows the program's name.
    public var arguments: [String]

    /// Creates a stage.
    public init(_ program: String, _ arguments: [String] = []) {
      self.program = program
      self.arguments = arguments
    }
  }

  /// Where the first program's standard input comes from.
  public enum Input: Sendable, Hashable {
    /// These bytes.
    case data([UInt8])
    /// A file.
    case file(String)
    /// Nothing.
    case null
    /// This process's own standard input.
    case inherit
  }

  /// Where the last program's standard output goes.
  public enum Output: Sendable, Hashable {
    /// Into memory, at most `limit` bytes. What comes after them is read and thrown away, so that the
    /// programs go on, and ``Outcome/outputCount`` tells how much there was.
    case collected(limit: Int)
    /// A file, whose old contents are replaced.
    case file(String)
    /// A file, at whose end the output is added.
    case appending(String)
    /// Nowhere.
    case null
    /// This process's own standard output.
    case inherit
  }

  /// The programs, first to last.
  public var stages: [Stage]
  /// Where input comes from.
  public var input: Input
  /// Where output goes.
  public var output: Output
  /// Where every program's standard error goes. `.pipe` is not possible here.
  public var standardError: Redirection.Output
  /// Whether the programs get a process group of their own, so that processes which they start are
  /// ended with them. A terminal's programs stay in the group that may use it: `false` there.
  public var hasOwnGroup: Bool

  /// Describes a pipeline. Nothing is started.
  public init(
    _ stages: [Stage], input: Input = .null, output: Output = .collected(limit: 1 << 20),
    standardError: Redirection.Output = .inherit, hasOwnGroup: Bool = true
  ) {
    self.stages = stages
    self.input = input
    self.output = output
    self.standardError = standardError
    self.hasOwnGroup = hasOwnGroup
  }

  /// Reads stages from words, separated by words that are `|`.
  ///
  /// - Throws: `.invalidArgument` saying which stage is empty.
  public static func parse(words: [String]) throws(TransportError) -> [Stage] {
    let groups = words.split(separator: "|", omittingEmptySubsequences: false)
    var stages: [Stage] = []
    for (index, group) in groups.enumerated() {
      guard let program = group.first, !program.isEmpty else {
        let place =
          groups.count == 1
          ? "no program was given"
          : index == 0
            ? "there is no program before the first |"
            : index == groups.count - 1
              ? "there is no program after the last |"
              : "there is no program between | number \(index) and \(index + 1)"
        throw TransportError(
          .invalidArgument, "read the pipeline",
          remedy: words.isEmpty || group.isEmpty ? capitalized(place) : "A program's name is empty")
      }
      stages.append(Stage(program, Array(group.dropFirst())))
    }
    return stages
  }

  private static func capitalized(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
  }

  /// Starts the programs and waits until all have ended.
  ///
  /// - Throws: As ``start()``.
  public func run(deadline: Deadline = .never) throws(TransportError) -> Outcome {
    try start().wait(deadline: deadline)
  }

  /// How one program ended.
  public struct StageOutcome: Sendable, Hashable {
    /// The program as it was given.
    public let program: String
    /// Its process id.
    public let pid: Int32
    /// How it ended.
    public let status: ExitStatus
  }

  /// How a pipeline ended.
  public struct Outcome: Sendable, Hashable {
    /// Why it ended.
    public enum Ending: String, Sendable, Hashable {
      /// Every program ended by itself.
      case completed
      /// The deadline passed and the programs were killed.
      case timedOut
      /// ``RunningPipeline/cancel()`` was called and the programs were killed.
      case cancelled
    }
    /// Why it ended.
    public let ending: Ending
    /// Every program's status, in the order of the stages.
    public let stages: [StageOutcome]
    /// What was collected.
    public let output: [UInt8]
    /// How many bytes the last program wrote; 0 when they were not collected.
    public let outputCount: Int

    /// Whether more was written than was to be collected.
    public var isTruncated: Bool { outputCount > output.count }

    /// Whether all went well: every program returned 0, or was ended by `SIGPIPE` because a later one
    /// had read enough.
    public var isSuccess: Bool {
      ending == .completed
        && stages.enumerated().allSatisfy { index, stage in
          stage.status.isSuccess
            || (stage.status == .signaled(SIGPIPE) && index < stages.count - 1)
        }
    }
  }
}
