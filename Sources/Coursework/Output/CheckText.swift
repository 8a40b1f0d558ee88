internal import LabReport

/// The result of a check as text, for a terminal and for formats that are plain text.
public struct CheckText: Sendable {
  /// A command that helps with it; left out when `nil`.
  public var hint: String?
  /// A command that does the same again; left out when `nil`.
  public var again: String?
  private let report: CheckReport

  /// Shows a report.
  public init(_ report: CheckReport) { self.report = report }

  /// What was done, what was expected, what was seen, the end of the conversation, the likely cause,
  /// and the commands for a hint and for doing it again: in this order.
  public var lines: [String] {
    var lines: [String] = []
    func section(_ title: String, _ body: [String]) {
      if body.isEmpty { return }
      lines.append(title)
      for text in body {
        lines += PlainText.cleaned(text).trimmingBlankLines.split(
          separator: "\n", omittingEmptySubsequences: false
        )
        .map { "  " + $0 }
      }
    }
    section("What was done", report.did.enumerated().map { "\($0 + 1). \($1)" })
    section("Expected", report.expected.map { [$0] } ?? [])
    section("Seen", seen)
    section("End of the conversation", report.wire)
    section("The programs' own messages", messages)
    section("Left behind", report.leftovers)
    section("Likely cause", (report.cause ?? standardCause).map { [$0] } ?? [])
    if let hint { section("For a hint", [hint]) }
    if let again { section("To do this check again, with the same data", [again]) }
    return lines
  }

  /// What the programs said, unless it was seen already.
  private var messages: [String] {
    let seen = report.seen ?? ""
    return report.said.filter { text in
      let words = text.drop { $0 != ":" }.dropFirst().drop(while: \.isWhitespace)
      let message = words.split(separator: "\n").joined(separator: "\n")
      return message.isEmpty || !seen.contains(message)
    }
  }

  private var seen: [String] {
    var seen = report.seen.map { [$0] } ?? []
    switch report.outcome {
    case .timeout:
      if report.seen == nil { seen.append("Nothing more happened until the time was over.") }
    case .crash(let signal): seen.append("A program was ended by \(SignalName.text(signal)).")
    case .limit(let limit): seen.append("The programs went over the limit of \(limit.words).")
    case .leak(let names):
      if report.leftovers.isEmpty { seen += names }
    case .graderError(let reason):
      seen.append("The grader itself failed, which costs no points: \(reason)")
    case .pass, .fail, .buildError, .skipped: break
    }
    return seen
  }

  /// What a beginner may think of first, for outcomes about which the check says nothing.
  private var standardCause: String? {
    switch report.outcome {
    case .timeout:
      "A program waits for something that never comes: input, a message, or the end of a "
        + "conversation that the other side has not closed."
    case .crash(let signal) where SignalName.text(signal) == "SIGPIPE":
      "The program wrote to a pipe whose other end was closed already."
    case .crash:
      "A trap of Swift: an index out of range, a nil that was unwrapped, or an overflow. Its last "
        + "messages say where."
    case .limit(.memory): "The program keeps everything it reads, or grows a buffer without end."
    case .limit(.processes): "The program starts processes or threads in a loop that does not end."
    case .limit(.processorTime): "The program goes round in a loop without waiting for anything."
    case .limit(.fileSize), .limit(.output):
      "The program writes in a loop that does not see the end of its input."
    case .leak:
      "Close what you open, wait for the processes you start, and end the threads that wait."
    case .pass, .fail, .buildError, .skipped, .graderError: nil
    }
  }
}
