internal import Win32

/// A person's side of the console: takes lines, prints what came of them.
///
/// Used by the one thread that reads the lines.
final class Conversation {
  /// What a line asks for besides a call.
  enum Next: Hashable {
    case line
    case leave
    case end(Crew.Exit)
  }

  let session: Session
  /// Whether an `expect` was not met.
  private(set) var hasFailed = false
  private let crew: Crew
  private let isInteractive: Bool
  private let print: (String) -> Void
  private var last = Reply()

  /// - Parameters:
  ///   - isInteractive: Whether somebody watches, so that waiting needs a word.
  ///   - print: Where the text goes, with its line ends.
  init(session: Session, isInteractive: Bool, print: @escaping (String) -> Void) {
    self.session = session
    self.isInteractive = isInteractive
    self.print = print
    crew = Crew(session: session)
  }

  /// Does what a line says.
  func take(_ line: String) throws(Mistake) -> Next {
    let word = line.split(whereSeparator: \.isWhitespace).first.map { $0.lowercased() }
    switch word {
    case "help", "?": try help(line)
    case "exit", "quit": return .leave
    case "handles": handles()
    case "expect": try expect(line)
    default:
      guard let step = try Step(typedLine: line) else { return .line }
      return try perform(step)
    }
    return .line
  }

  private func perform(_ step: Step) throws(Mistake) -> Next {
    let call: Call?
    switch step.part {
    case .join(let worker):
      call = try crew.pending[worker].map { (task) throws(Mistake) in
        try CallTable.call(task.call)
      }
    default: call = try CallTable.call(step.call)
    }
    let handles = try named(by: step, call)
    let answer = try crew.perform(step) { [print, isInteractive] in
      if isInteractive {
        print("  … waits. A worker can wait instead: A: \(step.call) …; Ctrl-C leaves\n")
      }
    }
    if answer.reply["status"]?.plain == "error" {
      throw Mistake(answer.reply["message"]?.plain ?? "")
    }
    last = answer.reply
    show(answer.reply, call, step)
    for name in handles { showState(name) }
    if let exit = answer.exit { return .end(exit) }
    return .line
  }

  /// The handles whose state a line may change.
  private func named(by step: Step, _ call: Call?) throws(Mistake) -> [String] {
    if case .join(let worker) = step.part {
      return crew.pending[worker]?.handle.map { [$0] } ?? []
    }
    guard let call else { return [] }
    let invocation = try Invocation(call, step, in: session, isLenient: false)
    return ["h", "r", "w", "to"].compactMap { invocation.values[$0] }
  }

  private func show(_ reply: Reply, _ call: Call?, _ step: Step) {
    guard let isSuccess = reply.isSuccess else {
      switch (reply["status"]?.plain ?? "", step.part) {
      case ("blocked", .start(let worker)): print("  blocked: \(worker)? asks again\n")
      case ("blocked", _): print("  still blocked\n")
      default: print("  nothing is going on there\n")
      }
      return
    }
    let values = reply.fields.filter { !["status", "ok", "err", "_ms"].contains($0.name) }
      .map { "\($0.name)=\($0.value.plain)" }
    var words = values
    if case .number(let elapsed)? = reply["_ms"], elapsed >= 100 {
      words.append("after \(elapsed) ms")
    }
    if isSuccess {
      print((["  ok"] + words).joined(separator: "  ") + "\n")
      return
    }
    let name = reply.error ?? ""
    let mark = reply.isPending ? "pending" : "failed"
    print("  \(mark)  \(name)\(meaning(reply.errorCode))\n")
    if let hint = call?.errors.first(where: { $0.key == name })?.value {
      print("          \(hint)\n")
    }
    if !words.isEmpty { print("          " + words.joined(separator: "  ") + "\n") }
  }

  /// The number of an error and the system's words for it.
  private func meaning(_ code: UInt32) -> String {
    " (\(code))" + (ErrorMessage(code).map { ": \($0)" } ?? "")
  }

  private func showState(_ name: String) {
    guard let entry = session.entry(name) else { return }
    print("  \(name): \(HandleState.text(entry, busy: busy(entry)))\n")
  }

  /// Who is in which call on the object of a handle.
  private func busy(_ entry: Session.Entry) -> String? {
    for worker in crew.pending.keys.sorted() {
      guard let task = crew.current(worker),
        task.handle.flatMap({ session.entry($0) })?.object == entry.object
      else { continue }
      return "\(worker) is in \(task.call)"
    }
    return nil
  }

  private func handles() {
    let entries = session.entries
    if entries.isEmpty { print("  nothing is open\n") }
    for (name, _) in entries { showState(name) }
  }

  private func help(_ line: String) throws(Mistake) {
    let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
    print(words.count > 1 ? Help.page(try CallTable.call(words[1])) : Help.overview)
  }

  private func expect(_ line: String) throws(Mistake) {
    guard let step = try Step(typedLine: line), !step.arguments.isEmpty else {
      throw Mistake("expect what? For example: expect ok=false err=ERROR_PIPE_BUSY")
    }
    for argument in step.arguments {
      let actual = last[argument.name]?.plain
      if Expectation.matches(argument.value, actual) { continue }
      hasFailed = true
      print(
        "  NOT AS EXPECTED  \(argument.name) is \(actual ?? "missing"), not \(argument.value)\n")
    }
  }
}
