internal import Win32

extension Invocation {
  /// The longest buffer that a line may ask for.
  static let longestBuffer = 256 << 20

  /// The text of an argument; empty when it was left out.
  func text(_ name: String) -> String { values[name] ?? "" }

  /// The handle that an argument names.
  func handle(_ name: String) throws(Mistake) -> HANDLE { try session.handle(text(name)) }

  /// The handle that an argument names; `nil` when it was left out.
  func optionalHandle(_ name: String) throws(Mistake) -> HANDLE? {
    guard let text = values[name] else { return nil }
    return try session.handle(text)
  }

  /// A number of 32 bits.
  func number(_ name: String) throws(Mistake) -> DWORD {
    guard let number = Number.unsigned(text(name)) else {
      throw Mistake("\(name) is a number such as 16 or 0x10, not “\(text(name))”")
    }
    return number
  }

  /// The length of a buffer.
  func length(_ name: String) throws(Mistake) -> Int {
    let length = Int(try number(name))
    if length > Self.longestBuffer {
      throw Mistake("\(name) is at most \(Self.longestBuffer) here")
    }
    return length
  }

  /// A truth value: 0 or 1.
  func isOn(_ name: String) throws(Mistake) -> Bool {
    switch text(name).lowercased() {
    case "1", "true", "yes", "on": true
    case "0", "false", "no", "off": false
    default: throw Mistake("\(name) is 0 or 1, not “\(text(name))”")
    }
  }

  /// Flags by name or number.
  func flags(_ name: String) throws(Mistake) -> DWORD {
    guard let set = call.parameters.first(where: { $0.name == name })?.flags else { return 0 }
    do throws(Mistake) { return try set.value(of: text(name)) } catch {
      throw Mistake("\(name): \(error.description)")
    }
  }

  /// Milliseconds, or a name for a special number of them.
  func milliseconds(_ name: String) throws(Mistake) -> DWORD {
    switch text(name).uppercased() {
    case "DEFAULT": return NMPWAIT_USE_DEFAULT_WAIT
    case "NOWAIT": return NMPWAIT_NOWAIT
    case "FOREVER", "INFINITE": return INFINITE
    default: break
    }
    guard let number = Number.unsigned(text(name)) else {
      throw Mistake(
        "\(name) is a number of milliseconds, DEFAULT, NOWAIT or FOREVER, not “\(text(name))”")
    }
    return number
  }

  /// The bytes to send: `data=` or `fill=`.
  func bytes() throws(Mistake) -> [UInt8] {
    if values["fill"] != nil { return DataText.filling(try length("fill")) }
    guard let text = values["data"] else {
      if session.isForPeople {
        throw Mistake("\(call.name) needs data=TEXT or fill=N: what to send")
      }
      return []
    }
    guard let bytes = DataText.bytes(of: text) else {
      throw Mistake("data: a % begins two hexadecimal digits, such as %0A; a % itself is %25")
    }
    return bytes
  }
}

extension Reply {
  /// The answer of a call, with the thread's last error when it failed. Make it right after the
  /// call.
  init(ok: Bool) {
    let code = ok ? 0 : GetLastError()
    self.init(status: "done")
    self["ok"] = .flag(ok)
    if !ok {
      errorCode = code
      self["err"] = .text(ErrorName(code))
    }
  }

  /// Whether the call has started something that goes on.
  var isPending: Bool { error == "ERROR_IO_PENDING" }
}
