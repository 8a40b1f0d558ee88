internal import Glibc
public import IPCSystem
public import IPCTransport

/// A started program with redirected standard input, output and error.
///
/// Nothing but these three is open in it, and `SIGPIPE` has its default effect there: a program
/// whose reader goes away ends. Who reads two of its pipes must read them at the same time, for
/// instance with `poll(2)`: a program waits while one of them is full. ``Pipeline`` does that.
///
/// The program is killed when this value goes away before it was waited for.
public struct RedirectedProcess: ~Copyable, Sendable {
  /// The process.
  public let process: ChildProcess
  /// The end that writes to its standard input, when that is a pipe. Close it to give end of file.
  public var input: OwnedDescriptor?
  /// The end that reads its standard output, when that is a pipe.
  public var output: OwnedDescriptor?
  /// The end that reads its standard error, when that is a pipe.
  public var error: OwnedDescriptor?
  private var status: ExitStatus?

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - program: A path, or a name to look up in `PATH`.
  ///   - arguments: What follows the program's name.
  ///   - input: Where its standard input comes from.
  ///   - output: Where its standard output goes.
  ///   - error: Where its standard error goes.
  ///   - directory: Its working directory; `nil` for the parent's.
  /// - Throws: `.notFound` and `.accessDenied`, naming the program or the file that is the cause.
  /// - Note: Win32 `CreateProcess` with `STARTF_USESTDHANDLES`. Here: `posix_spawnp(3)`.
  public static func start(
    _ program: String, _ arguments: [String] = [], input: Redirection.Input = .inherit,
    output: Redirection.Output = .inherit, error: Redirection.ErrorOutput = .to(.inherit),
    directory: String? = nil
  ) throws(TransportError) -> RedirectedProcess {
    var plan = ChildProcess.Plan(program: program, arguments: arguments)
    plan.directory = directory
    let standardInput = try Wire(input: input)
    let standardOutput = try Wire(output: output, inherited: 1)
    var standardError: Wire? = nil
    if case .to(let place) = error { standardError = try Wire(output: place, inherited: 2) }
    plan.descriptors = [
      (0, standardInput.number), (1, standardOutput.number),
      (2, standardError?.number ?? standardOutput.number),
    ]
    let process = try start(plan)
    return RedirectedProcess(
      process: process, input: standardInput.takeParentsEnd(),
      output: standardOutput.takeParentsEnd(), error: standardError?.takeParentsEnd())
  }

  private init(
    process: ChildProcess, input: consuming OwnedDescriptor?, output: consuming OwnedDescriptor?,
    error: consuming OwnedDescriptor?
  ) {
    self.process = process
    self.input = input
    self.output = output
    self.error = error
  }

  deinit {
    if status == nil {
      process.signal(SIGKILL)
      _ = try? process.wait()
    }
  }

  /// Waits until the program has ended and returns how. Later calls return the same.
  ///
  /// The ends that the parent holds stay open: close ``input`` first when the program reads to the
  /// end, and read the others while it runs when it writes much.
  public mutating func wait() throws(TransportError) -> ExitStatus {
    if let status { return status }
    let process = self.process
    let ended = try translating("wait for process \(process.pid)") { () throws(SystemError) in
      try process.wait().status
    }
    status = ended
    return ended
  }

  /// Ends the program at once with `SIGKILL`. Does nothing when it was waited for.
  public func kill() {
    if status == nil { process.signal(SIGKILL) }
  }

  /// Starts what `plan` says; the error names the program.
  static func start(_ plan: ChildProcess.Plan) throws(TransportError) -> ChildProcess {
    do throws(SystemError) { return try ChildProcess.start(plan) } catch {
      let remedy: String? =
        switch TransportError.code(for: error) {
        case .notFound: "There is no such program"
        case .accessDenied: "It may not be run"
        default: nil
        }
      throw TransportError(error, "start \(plan.program)", remedy: remedy)
    }
  }
}

/// What the child gets for one of its three standard descriptors, and what the parent keeps.
struct Wire: ~Copyable {
  /// The parent's number of what the child gets.
  let number: Int32
  private let childsEnd: OwnedDescriptor?
  private var parentsEnd: OwnedDescriptor?

  init(input: Redirection.Input) throws(TransportError) {
    switch input {
    case .inherit: self.init(inherited: 0)
    case .pipe:
      let ends = try AnonymousPipe().release()
      self.init(
        child: OwnedDescriptor(adopting: ends.read), parent: OwnedDescriptor(adopting: ends.write))
    case .null: self.init(child: try Redirection.open(forInput: "/dev/null"), parent: nil)
    case .file(let path): self.init(child: try Redirection.open(forInput: path), parent: nil)
    }
  }

  init(output: Redirection.Output, inherited: Int32) throws(TransportError) {
    if case .pipe = output {
      let ends = try AnonymousPipe().release()
      self.init(
        child: OwnedDescriptor(adopting: ends.write), parent: OwnedDescriptor(adopting: ends.read))
    } else if let file = try Redirection.open(forOutput: output) {
      self.init(child: file, parent: nil)
    } else {
      self.init(inherited: inherited)
    }
  }

  private init(inherited: Int32) {
    number = inherited
    childsEnd = nil
    parentsEnd = nil
  }

  private init(child: consuming OwnedDescriptor, parent: consuming OwnedDescriptor?) {
    number = child.raw
    childsEnd = consume child
    parentsEnd = consume parent
  }

  /// Hands over what the parent keeps and closes what the child got.
  consuming func takeParentsEnd() -> OwnedDescriptor? { parentsEnd.take() }
}
