internal import Glibc
public import IPCSystem

/// The agent of the conformance cases: one line in, one line of JSON out.
///
/// It prints `{"status":"ready"}`, then answers every line `actor TAB call TAB name=value TAB …`.
public enum ProtocolAgent {
  /// Serves standard input until it ends and returns the exit code.
  ///
  /// - Parameter childProgram: The program whose command ``ConsoleChild/command`` plays children.
  public static func run(childProgram: String) throws(SystemError) -> Int32 {
    let session = Session(childProgram: childProgram, isForPeople: false)
    try Leaving.onSignal(session)
    serve(LineReader(0), session) {
      Leaving.stopIfBegun()
      return OutputBytes.write(Array(($0 + "\n").utf8), to: 1)
    }
    Leaving.begin()
    session.closeAll()
    return 0
  }

  /// Answers lines until there are none, or nobody takes the answers.
  static func serve(
    _ input: LineReader, _ session: Session, answer: (String) -> Bool
  ) {
    var input = input
    let crew = Crew(session: session)
    guard answer(Reply(status: "ready").json) else { return }
    while let line = input.next() {
      if line.isEmpty { continue }
      let result: Crew.Answer
      do throws(Mistake) {
        result = try crew.perform(try Step(protocolLine: line), isLenient: true)
      } catch {
        result = Crew.Answer(reply: Reply(mistake: error.description))
      }
      guard answer(result.reply.json) else { return }
      if let exit = result.exit { Leaving.now(exit) }
    }
  }
}
