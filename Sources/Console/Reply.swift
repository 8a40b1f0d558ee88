/// A value in the answer to a call.
enum Value: Sendable, Hashable {
  case flag(Bool)
  case number(Int)
  case text(String)

  /// As JSON.
  var json: String {
    switch self {
    case .flag(let on): on ? "true" : "false"
    case .number(let number): String(number)
    case .text(let text): JSONText.quoted(text)
    }
  }

  /// As a person reads it, and as `expect` compares it.
  var plain: String {
    switch self {
    case .flag(let on): on ? "true" : "false"
    case .number(let number): String(number)
    case .text(let text): text
    }
  }
}

/// The answer to a call: named values in the order in which they are shown.
struct Reply: Sendable, Hashable {
  private(set) var fields: [Field] = []
  /// The number of the error; 0 when there is none.
  var errorCode: UInt32 = 0

  struct Field: Sendable, Hashable {
    let name: String
    let value: Value
  }

  init() {}

  /// The answer of an agent that has nothing to say but how it is: `ready`, `blocked`, `idle`.
  init(status: String) { self["status"] = .text(status) }

  /// An answer to a line that makes no sense.
  init(mistake: String) {
    self["status"] = .text("error")
    self["message"] = .text(mistake)
  }

  subscript(_ name: String) -> Value? {
    get { fields.first { $0.name == name }?.value }
    set {
      fields.removeAll { $0.name == name }
      if let newValue { fields.append(Field(name: name, value: newValue)) }
    }
  }

  /// Whether the call succeeded; `nil` for an answer that is not a call's.
  var isSuccess: Bool? {
    if case .flag(let on)? = self["ok"] { on } else { nil }
  }

  /// The symbolic name of the error, when there is one.
  var error: String? {
    if case .text(let name)? = self["err"] { name } else { nil }
  }

  /// One line of JSON.
  var json: String {
    "{" + fields.map { JSONText.quoted($0.name) + ":" + $0.value.json }.joined(separator: ",") + "}"
  }
}

/// Strings in JSON.
enum JSONText {
  /// The string in quotes, with what JSON does not allow in them escaped.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      default:
        if scalar.value < 0x20 || scalar.value == 0x7F {
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}
