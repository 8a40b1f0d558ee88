/// The flags that an argument understands, by name.
struct FlagSet: Sendable {
  struct Flag: Sendable {
    /// The name without its prefix: `TYPE_MESSAGE`.
    let name: String
    /// The name in the Win32 headers: `PIPE_TYPE_MESSAGE`.
    let fullName: String
    let value: UInt32
  }

  let flags: [Flag]

  /// Flags of which each full name is `prefix` and the name.
  init(prefix: String, _ flags: KeyValuePairs<String, UInt32>) {
    self.flags = flags.map { Flag(name: $0.key, fullName: prefix + $0.key, value: $0.value) }
  }

  private init(flags: [Flag]) { self.flags = flags }

  /// The flags of both.
  static func + (a: FlagSet, b: FlagSet) -> FlagSet { FlagSet(flags: a.flags + b.flags) }

  /// The number that a text such as `TYPE_MESSAGE|READMODE_MESSAGE|0x8` stands for.
  func value(of text: String) throws(Mistake) -> UInt32 {
    var result: UInt32 = 0
    for word in text.split(separator: "|", omittingEmptySubsequences: false) {
      let word = String(word)
      if let number = Number.unsigned(word) {
        result |= number
        continue
      }
      let wanted = word.uppercased()
      guard let flag = flags.first(where: { $0.name == wanted || $0.fullName == wanted }) else {
        throw Mistake(
          "no flag is called “\(word)”" + Suggestion.phrase(for: wanted, among: flags.map(\.name))
            + ". There are: \(flags.map(\.name).joined(separator: ", "))")
      }
      result |= flag.value
    }
    return result
  }
}

/// Numbers as Win32 programmers write them.
enum Number {
  /// A whole number that fits 64 bits, decimal or `0x…`.
  static func parse(_ text: String) -> Int? {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? text.dropFirst() : text[...]
    guard let first = digits.first, first.isASCII, first.isNumber else { return nil }
    let magnitude =
      digits.lowercased().hasPrefix("0x") ? Int(digits.dropFirst(2), radix: 16) : Int(digits)
    return magnitude.map { isNegative ? -$0 : $0 }
  }

  /// A number of 32 bits without a sign; -1 is the largest.
  static func unsigned(_ text: String) -> UInt32? {
    guard let number = parse(text) else { return nil }
    return UInt32(exactly: number) ?? Int32(exactly: number).map(UInt32.init(bitPattern:))
  }
}
