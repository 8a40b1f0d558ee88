/// A line of input, taken apart.
struct Step: Sendable, Hashable {
  /// Who makes the call, and whether anybody waits for it.
  enum Part: Sendable, Hashable {
    /// The main thread.
    case main
    /// This worker, and the answer is waited for.
    case run(String)
    /// This worker; the answer is `blocked` when it does not come soon.
    case start(String)
    /// Nobody: the answer of what was started on this worker before.
    case join(String)
  }

  var part: Part
  /// The call's name; empty for a join.
  var call: String
  /// What was given to the call, in the order in which it was written.
  var arguments: [Argument]

  /// A value that was given to a call.
  struct Argument: Sendable, Hashable {
    var name: String
    var value: String
  }

  init(_ part: Part, _ call: String, _ arguments: [Argument] = []) {
    self.part = part
    self.call = call
    self.arguments = arguments
  }

  /// The value of an argument; `nil` when it was left out.
  subscript(_ name: String) -> String? { arguments.last { $0.name == name }?.value }
}

extension Step {
  /// Takes a line of the agent's protocol apart: `actor TAB call TAB name=value TAB …`.
  init(protocolLine line: String) throws(Mistake) {
    let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    let part = try Self.part(actor: words[0])
    let arguments = try Self.arguments(words.dropFirst(2).filter { !$0.isEmpty }[...])
    guard words.count > 1, !words[1].isEmpty else {
      guard case .join = part else {
        throw Mistake("a line has at least an actor and a call, with a tab between them")
      }
      self.init(part, "", arguments)
      return
    }
    if case .join = part {
      self.init(part, "", arguments)
    } else {
      self.init(part, words[1], arguments)
    }
  }

  /// Takes what a person typed apart: `[WORKER:] CALL name=value …`, or `WORKER?`.
  ///
  /// Blanks separate, double quotes hold a value together, and `#` before a word begins a comment.
  /// - Returns: `nil` for a line without anything to do.
  init?(typedLine line: String) throws(Mistake) {
    var words = try Self.words(of: line)
    guard let first = words.first else { return nil }
    var part = Part.main
    if first.count > 1, let mark = first.last, ":&?".contains(mark), !first.contains("=") {
      let worker = String(first.dropLast())
      try Self.check(worker: worker)
      part = mark == "?" ? .join(worker) : .start(worker)
      words.removeFirst()
    }
    if case .join = part {
      self.init(part, "", try Self.arguments(words[...]))
      return
    }
    guard let call = words.first else {
      throw Mistake("which call? For example: A: ReadFile h=s n=16")
    }
    self.init(part, call, try Self.arguments(words.dropFirst()))
  }

  private static func arguments(_ words: ArraySlice<String>) throws(Mistake) -> [Argument] {
    var result: [Argument] = []
    for word in words { result.append(try argument(word)) }
    return result
  }

  private static func argument(_ word: String) throws(Mistake) -> Argument {
    guard let equals = word.firstIndex(of: "="), equals != word.startIndex else {
      throw Mistake("an argument is written name=value, not “\(word)”")
    }
    return Argument(
      name: String(word[..<equals]), value: String(word[word.index(after: equals)...]))
  }

  private static func part(actor: String) throws(Mistake) -> Part {
    if actor == "-" { return .main }
    switch actor.last {
    case "&":
      let worker = String(actor.dropLast())
      try check(worker: worker)
      return .start(worker)
    case "?":
      let worker = String(actor.dropLast())
      try check(worker: worker)
      return .join(worker)
    default:
      try check(worker: actor)
      return .run(actor)
    }
  }

  private static func check(worker: String) throws(Mistake) {
    guard !worker.isEmpty, worker.count <= 16,
      worker.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
    else {
      throw Mistake("a worker's name is made of letters and digits, such as A, not “\(worker)”")
    }
  }

  private static func words(of line: String) throws(Mistake) -> [String] {
    var words: [String] = []
    var word: String?
    var isQuoted = false
    for character in line {
      if character == "\"" {
        isQuoted.toggle()
        word = word ?? ""
      } else if isQuoted {
        word?.append(character)
      } else if character.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else if character == "#" && word == nil {
        break
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if isQuoted { throw Mistake("a quotation mark is never closed") }
    if let done = word { words.append(done) }
    return words
  }
}
