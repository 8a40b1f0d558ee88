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
  /// - Throws: ``SystemError`` when the script cannot be read.
  public static func run(_ source: Source, childProgram: String) throws(SystemError) -> Int32 {
    var title = "standard input"
    var descriptor: Int32 = 0
    if case .file(let path) = source {
      title = path
      descriptor = try retrying("open(\(path))") { unsafe open(path, O_RDONLY | O_CLOEXEC) }
    }
    let session = Session(childProgram: childProgram, isForPeople: true)
    try Leaving.onSignal(session)
    let code = run(
      LineReader(descriptor), title: title, session,
      isTerminal: isatty(descriptor) == 1 && isatty(1) == 1)
    Leaving.begin()
    session.closeAll()
    return code
  }

  private static func run(
    _ input: LineReader, title: String, _ session: Session, isTerminal: Bool
  ) -> Int32 {
    var input = input
    let conversation = Conversation(session: session, isInteractive: isTerminal) {
      Leaving.stopIfBegun()
      OutputBytes.write(Array($0.utf8), to: 1)
    }
    var number = 0
    while true {
      if isTerminal { OutputBytes.write(Array("> ".utf8), to: 1) }
      guard let line = input.next() else { break }
      number += 1
      // What comes from a terminal is on it already.
      if !isTerminal { OutputBytes.write(Array((line + "\n").utf8), to: 1) }
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
    if isTerminal { OutputBytes.write([UInt8(ascii: "\n")], to: 1) }
    return conversation.hasFailed ? ExitCode.unexpected : ExitCode.done
  }
}
