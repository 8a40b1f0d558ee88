internal import Glibc
public import IPCSystem

/// The console for people: a prompt on a terminal, or a script.
public enum InteractiveConsole {
  /// Where the lines come from.
  public enum Source: Sendable {
    /// Standard input.
    case standardInput
    /// A script.
    case file(String)
  }

  /// Exit codes.
  enum ExitCode {
    static let done: Int32 = 0
    static let unexpected: Int32 = 1
    static let usage: Int32 = 2
  }

  /// Takes lines until there are none and returns the exit code: 1 when an `expect` was not met,
  /// 2 when a line of a script makes no sense.
  ///
  /// - Parameter childProgram: The program whose command ``ConsoleChild/command`` plays children.
  /// - Throws: ``SystemError`` when the script cannot be read, or what came of it cannot be written.
  public static func run(_ source: Source, childProgram: String) throws(SystemError) -> Int32 {
    var title = "standard input"
    var descriptor: Int32 = 0
    if case .file(let path) = source {
      title = path
      descriptor = try retrying("open(\(path))") { unsafe open(path, O_RDONLY | O_CLOEXEC) }
    }
    let session = Session(childProgram: childProgram, isForPeople: true)
    try Leaving.onSignal(session)
    defer {
      Leaving.begin()
      session.closeAll()
    }
    return try run(
      LineReader(descriptor), title: title, session,
      isTerminal: isatty(descriptor) == 1 && isatty(1) == 1)
  }

  private static func run(
    _ input: LineReader, title: String, _ session: Session, isTerminal: Bool
  ) throws(SystemError) -> Int32 {
    var input = input
    var unwritten: Int32 = 0
    func put(_ text: String) {
      // A reader that has gone (head, less) does not end a script.
      if !OutputBytes.write(Array(text.utf8), to: 1) && errno != EPIPE { unwritten = errno }
    }
    let conversation = Conversation(session: session, isInteractive: isTerminal) {
      Leaving.stopIfBegun()
      put($0)
    }
    var number = 0
    while true {
      if unwritten != 0 { throw SystemError(code: unwritten, call: "write to standard output") }
      if isTerminal { put("> ") }
      guard let line = input.next() else { break }
      number += 1
      // What comes from a terminal is on it already.
      if !isTerminal { put(line + "\n") }
      do throws(Mistake) {
        switch try conversation.take(line) {
        case .line: continue
        case .end(let exit): Leaving.now(exit)
        case .leave: return conversation.hasFailed ? ExitCode.unexpected : ExitCode.done
        }
      } catch {
        if isTerminal {
          StandardError.write(error.description + "\n")
        } else {
          StandardError.write("ipclab console: \(title):\(number): \(error.description)\n")
          return ExitCode.usage
        }
      }
    }
    if isTerminal { put("\n") }
    if unwritten != 0 { throw SystemError(code: unwritten, call: "write to standard output") }
    // A terminal that is gone is the end of what is typed.
    if input.errorCode != 0 && !isTerminal {
      throw SystemError(code: input.errorCode, call: "read \(title)")
    }
    return conversation.hasFailed ? ExitCode.unexpected : ExitCode.done
  }
}
