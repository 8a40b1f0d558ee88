internal import Win32

/// What `help` says.
enum Help {
  static var overview: String {
    var text = """
      One Win32 call per line, with its arguments as name=value in any order. What you leave out is
      filled in; `help CALL` says with what.

        CreateNamedPipe h=s name=\(Session.defaultName) mode=TYPE_MESSAGE|READMODE_MESSAGE
        A: ConnectNamedPipe h=s       worker A makes the call; the console goes on if it blocks
        A?                            what has become of A's call?
        handles                       what is open, and in which state
        expect err=ERROR_PIPE_BUSY    checks the last answer; if it differs, the exit code is 1
        exit                          or Ctrl-D, or Ctrl-C: closes everything

      Flags are Win32 names with or without their prefix, joined by |, or numbers. Data is text in
      which %0A is a byte in hexadecimal. # begins a comment.

      """
    let width = CallTable.all.map(\.name.count).max() ?? 0
    for group in CallTable.groups {
      text += "\n\(group.title)\n"
      for call in group.calls { text += "  \(padded(call.name, width))  \(call.summary)\n" }
    }
    return text
  }

  /// What there is to know of one call.
  static func page(_ call: Call) -> String {
    var text = "\(call.name)\n  \(call.summary)\n"
    if !call.aliases.isEmpty { text += "  In Win32: \(call.aliases.joined(separator: ", ")).\n" }
    if !call.parameters.isEmpty {
      text += "\nArguments\n"
      let width = call.parameters.map(\.name.count).max() ?? 0
      for parameter in call.parameters {
        text += "  \(padded(parameter.name, width))  \(parameter.note)"
        text += fallback(parameter).map { " (\($0))" } ?? ""
        text += "\n"
        if let flags = parameter.flags {
          text += wrapped(flags.flags.map(\.name), indent: width + 6)
        }
      }
    }
    if !call.errors.isEmpty {
      text += "\nErrors\n"
      let width = call.errors.map(\.key.count).max() ?? 0
      for (name, meaning) in call.errors { text += "  \(padded(name, width))  \(meaning)\n" }
    }
    return text + "\nExample\n" + call.example.map { "  \($0)\n" }.joined()
  }

  private static func fallback(_ parameter: Parameter) -> String? {
    switch parameter.fallback {
    case .required: "must be given"
    case .none: nil
    case .value(let text): "otherwise \(text)"
    case .freshHandle(let base): "otherwise \(base), or \(base)2 …"
    case .recentHandle: "otherwise the one that was used last"
    case .recentName: "otherwise the one that was used last"
    }
  }

  private static func wrapped(_ words: [String], indent: Int) -> String {
    var text = ""
    var line = ""
    for word in words {
      if indent + line.count + word.count > 98 {
        text += String(repeating: " ", count: indent) + line + "\n"
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return text + String(repeating: " ", count: indent) + line + "\n"
  }

  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
