internal import Glibc
public import IPCSystem

/// What a check works with: the programs, a place of their own, chance, and the story it tells.
///
/// Everything here may be used by several threads.
public final class CheckContext: Sendable {
  /// What ``random`` came from.
  public let seed: UInt64
  /// The check's own empty directory, in which the programs start.
  public let directory: String
  /// Where the names of pipes and objects are, for this process and for the programs.
  public let runtime: RuntimeDirectory
  /// When the check is over, whatever it waits for.
  public let deadline: Deadline
  let commands: [String: [String]]
  let environment: [String]
  let limits: CheckLimits
  /// How many times as long as it says every wait may take.
  let patience: Double
  private let chance: Chance
  let story = Locked(Story())

  struct Story {
    var did: [String] = []
    var wire: [String] = []
    var programs: [Program] = []
    var names: Set<String> = []
  }

  init(
    seed: UInt64, directory: String, runtime: RuntimeDirectory, deadline: Deadline,
    commands: [String: [String]], environment: [String], limits: CheckLimits,
    patience: Double = 1
  ) {
    self.seed = seed
    self.directory = directory
    self.runtime = runtime
    self.deadline = deadline
    self.commands = commands
    self.environment = environment
    self.limits = limits
    self.patience = patience
    chance = Chance(seed: seed)
  }

  // MARK: - Time

  /// How long a wait may really take: longer than usual when the whole check has more time than usual.
  func patient(_ within: Duration) -> Duration { within * patience }

  /// When a wait that begins now is over: never after the check.
  func limit(_ within: Duration) -> Deadline { min(deadline, .after(patient(within))) }

  // MARK: - Chance

  /// Random numbers that the seed repeats.
  public var random: Chance {
    get { chance }
    set { _ = newValue }  // for `using: &context.random`; copies share their state
  }

  /// A random number.
  public func number(in range: ClosedRange<Int>) -> Int {
    var random = chance
    return Int.random(in: range, using: &random)
  }

  /// A name that has not been used, such as `pipe-4f1c`.
  public func name(_ stem: String) -> String {
    while true {
      let name = "\(stem)-\(String(number(in: 0x1000...0xFFFF), radix: 16))"
      if story.withLock({ $0.names.insert(name).inserted }) { return name }
    }
  }

  /// Random bytes.
  public func bytes(_ count: Int) -> [UInt8] {
    let random = chance
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
      var word = random.next()
      for _ in 0..<8 {
        bytes.append(UInt8(truncatingIfNeeded: word))
        word >>= 8
      }
    }
    return Array(bytes.prefix(count))
  }

  /// Random words of 3 to 9 small letters. None is `fim`.
  public func words(_ count: Int) -> [String] {
    var words: [String] = []
    while words.count < count {
      let letters = (0..<number(in: 3...9)).map { _ in UInt8(number(in: 97...122)) }
      let word = String(decoding: letters, as: UTF8.self)
      if word != "fim" { words.append(word) }
    }
    return words
  }

  // MARK: - Files

  /// Writes a file in ``directory`` and returns its path.
  public func write(file: String, _ bytes: [UInt8]) throws -> String {
    let path = directory + "/" + file
    try Files.write(bytes, to: path)
    return path
  }

  /// Reads a file in ``directory``.
  ///
  /// - Throws: ``CheckFailure`` when there is none.
  public func read(file: String) throws -> [UInt8] {
    do { return try Files.read(directory + "/" + file) } catch {
      throw CheckFailure(expected: "a file \(file)", seen: error.description)
    }
  }

  // MARK: - The story

  /// Notes what was done, in words that follow “the check …”, such as “started reader”.
  public func did(_ what: String) {
    story.withLock { if $0.did.count < 200 { $0.did.append(String(what.prefix(400))) } }
  }

  /// Notes what somebody sent; the end of the conversation is shown when the check fails.
  public func wire(_ who: String, sent bytes: some Collection<UInt8>) {
    onWire("\(who) -> \(Escaped.text(bytes))")
  }

  /// Notes what somebody received.
  public func wire(_ who: String, received bytes: some Collection<UInt8>) {
    onWire("\(who) <- \(Escaped.text(bytes))")
  }

  private func onWire(_ line: String) { addWire([line]) }

  func addWire(_ lines: [String]) {
    story.withLock { story in
      story.wire += lines.map { String($0.prefix(600)) }
      if story.wire.count > 40 { story.wire.removeFirst(story.wire.count - 20) }
    }
  }

  // MARK: - Programs

  /// Those that were started, in that order.
  var programs: [Program] { story.withLock { $0.programs } }

  /// Starts a program of the submission.
  ///
  /// - Parameters:
  ///   - program: Its name in `lab.json`.
  ///   - environment: Variables it gets besides the usual ones.
  /// - Throws: ``CheckFailure`` when it cannot be started.
  public func start(
    _ program: String, _ arguments: [String] = [], environment extra: [String: String] = [:],
    input: Program.Input = .pipe
  ) throws -> Program {
    guard let command = commands[program], let first = command.first else {
      throw CheckFailure(
        .grader, expected: "a program called \(program)", seen: "lab.json names none")
    }
    did("started \(([program] + arguments).joined(separator: " "))")
    var plan = ChildProcess.Plan(
      program: first, arguments: Array(command.dropFirst()) + arguments)
    plan.directory = directory
    plan.environment = environment + extra.map { "\($0.key)=\($0.value)" }
    do {
      let started = try Program(
        name: program, plan: plan, input: input, end: deadline, outputLimit: limits.output,
        patience: patience, note: { [weak self] in self?.did($0) })
      story.withLock { $0.programs.append(started) }
      return started
    } catch {
      throw CheckFailure(expected: "\(program) starts", seen: error.description)
    }
  }

  /// Starts a program and waits for its end.
  ///
  /// - Throws: ``CheckFailure`` when it does not end in time.
  public func run(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
    input: [UInt8] = [], within: Duration = .seconds(5)
  ) throws -> Ended {
    let started = try start(
      program, arguments, environment: environment, input: input.isEmpty ? .null : .bytes(input))
    let status = try started.waitForExit(within: within)
    return Ended(status: status, output: started.output, errorOutput: started.errorOutput)
  }

  /// Runs `body` on `count` threads at once, each with its number, and waits for all of them.
  ///
  /// - Throws: The first thing that one of them threw, or ``CheckFailure`` when they are not done in
  ///   time.
  public func together(
    _ count: Int, within: Duration = .seconds(8), _ body: @escaping @Sendable (Int) throws -> Void
  ) throws {
    struct Progress {
      var done = 0
      var failure: (any Error)?
    }
    let within = patient(within)
    let progress = Monitor(Progress())
    for index in 0..<count {
      try SystemThread.start {
        let failure: (any Error)?
        do {
          try body(index)
          failure = nil
        } catch { failure = error }
        progress.change { progress in
          progress.done += 1
          if progress.failure == nil { progress.failure = failure }
        }
      }
    }
    let end = min(deadline, .after(within))
    if progress.wait(end, { $0.done == count || $0.failure != nil ? true : nil }) == nil {
      throw CheckFailure(
        .timeout, expected: "\(count) conversations at once end within \(within)",
        seen: "\(progress.look { $0.done }) of them did")
    }
    if let failure = progress.look({ $0.failure }) { throw failure }
  }
}
