/// A call that the console knows: what help says about it, and what it does.
///
/// One definition serves a person at a terminal and the agent's protocol. To add a call, add an
/// entry to a group of ``CallTable``.
struct Call: Sendable {
  /// The name, as in Win32 where there is one.
  let name: String
  /// Win32's names for it, where the console has a shorter one.
  let aliases: [String]
  /// What it does, in one sentence.
  let summary: String
  let parameters: [Parameter]
  /// Errors that are worth knowing, and what they mean here.
  let errors: KeyValuePairs<String, String>
  /// Lines to type, with a call in each.
  let example: [String]
  let action: @Sendable (Invocation) throws(Mistake) -> Reply

  init(
    _ name: String, aliases: [String] = [], _ summary: String, _ parameters: [Parameter],
    errors: KeyValuePairs<String, String> = [:], example: [String],
    action: @escaping @Sendable (Invocation) throws(Mistake) -> Reply
  ) {
    self.name = name
    self.aliases = aliases
    self.summary = summary
    self.parameters = parameters
    self.errors = errors
    self.example = example
    self.action = action
  }
}

/// An argument of a call.
struct Parameter: Sendable {
  /// What happens when it is left out.
  enum Fallback: Sendable {
    /// The call cannot be made.
    case required
    /// The call is made without it.
    case none
    /// This text is taken.
    case value(String)
    /// A name for a new handle that begins like this.
    case freshHandle(String)
    /// The handle of one of these sorts that was used last.
    case recentHandle([Session.Sort])
    /// The pipe name that was used last, or ``Session/defaultName``.
    case recentName
  }

  let name: String
  let fallback: Fallback
  /// What it is for, and which values it takes.
  let note: String
  /// The flags that it understands, when it is made of flags.
  let flags: FlagSet?

  init(_ name: String, _ fallback: Fallback, _ note: String, flags: FlagSet? = nil) {
    self.name = name
    self.fallback = fallback
    self.note = note
    self.flags = flags
  }
}

/// A call with its arguments, while it is made.
struct Invocation: Sendable {
  let session: Session
  let call: Call
  /// What was given, and what was filled in for what was not.
  let values: [String: String]

  /// Fills in what was left out.
  ///
  /// - Parameter isLenient: Whether an argument that the call does not have is let pass.
  init(_ call: Call, _ step: Step, in session: Session, isLenient: Bool) throws(Mistake) {
    self.session = session
    self.call = call
    let names = call.parameters.map(\.name)
    var values: [String: String] = [:]
    for argument in step.arguments {
      // Names are told apart without regard to case, except where only the case differs.
      let exact = names.contains(argument.name) ? argument.name : argument.name.lowercased()
      guard names.contains(exact) else {
        if isLenient { continue }
        let list = names.isEmpty ? "It has none" : "There are: \(names.joined(separator: ", "))"
        throw Mistake(
          "\(call.name) has no argument “\(argument.name)”"
            + Suggestion.phrase(for: argument.name, among: names) + ". \(list)")
      }
      if values.updateValue(argument.value, forKey: exact) != nil {
        throw Mistake("“\(exact)” stands twice")
      }
    }
    for parameter in call.parameters {
      if let value = values[parameter.name] {
        if case .freshHandle = parameter.fallback, session.isForPeople,
          session.entry(value)?.isOpen == true
        {
          throw Mistake(
            "“\(value)” is open already: close it (CloseHandle h=\(value)) or choose another name")
        }
        continue
      }
      switch parameter.fallback {
      case .none: break
      case .value(let text): values[parameter.name] = text
      case .freshHandle(let base): values[parameter.name] = session.freshName(base)
      case .recentName: values[parameter.name] = session.recentName
      case .recentHandle(let sorts):
        guard let name = session.recentHandle(sorts) else {
          throw Mistake("\(call.name) needs \(parameter.name)=…: \(parameter.note)")
        }
        values[parameter.name] = name
      case .required:
        throw Mistake("\(call.name) needs \(parameter.name)=…: \(parameter.note)")
      }
    }
    self.values = values
  }
}
