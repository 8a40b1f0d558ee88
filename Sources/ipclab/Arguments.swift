internal import Console

/// The words after a command's name: options with and without values, and the rest.
struct Arguments {
  private var values: [String: String] = [:]
  private var flags: Set<String> = []
  private var repeated: [String: [String]] = [:]
  /// Words that are no options, in order.
  private(set) var operands: [String] = []

  /// Takes the words apart.
  ///
  /// - Parameters:
  ///   - options: Names of options that take a value, with their dashes.
  ///   - flags: Names of options that do not.
  ///   - lists: Names of options that take a value and may stand more than once.
  /// - Throws: ``UsageError`` for an option that is not known, lacks its value or stands twice.
  init(
    _ words: [String], options: [String] = [], flags known: [String] = [], lists: [String] = []
  ) throws {
    var index = 0
    var optionsEnd = false
    while index < words.count {
      let word = words[index]
      index += 1
      if optionsEnd || !word.hasPrefix("-") || word == "-" {
        operands.append(word)
        continue
      }
      if word == "--" {
        optionsEnd = true
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      if known.contains(name) {
        if parts.count > 1 { throw UsageError("\(name) takes no value") }
        flags.insert(name)
      } else if options.contains(name) || lists.contains(name) {
        let value: String
        if parts.count > 1 {
          value = String(parts[1])
        } else if index < words.count && !words[index].hasPrefix("--") {
          value = words[index]
          index += 1
        } else {
          throw UsageError("\(name) needs a value")
        }
        if lists.contains(name) {
          repeated[name, default: []].append(value)
        } else if values.updateValue(value, forKey: name) != nil {
          throw UsageError("\(name) stands twice")
        }
      } else {
        throw UsageError(
          "no option is called \(name)"
            + Suggestion.phrase(for: name, among: options + lists + known))
      }
    }
  }

  /// Whether a flag is there.
  func has(_ flag: String) -> Bool { flags.contains(flag) }

  /// The value of an option; `nil` when it is not there.
  func text(_ option: String) -> String? { values[option] }

  /// The values of an option that may stand more than once.
  func texts(_ option: String) -> [String] { repeated[option] ?? [] }

  /// A whole number in a range.
  func number(_ option: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let text = values[option] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw UsageError(
        "\(option) wants a whole number from \(range.lowerBound) to \(range.upperBound), not “\(text)”"
      )
    }
    return number
  }

  /// A seed: any unsigned 64-bit number.
  func seed(_ option: String) throws -> UInt64? {
    guard let text = values[option] else { return nil }
    guard let number = UInt64(text) else {
      throw UsageError("\(option) wants a whole number of 0 or more, not “\(text)”")
    }
    return number
  }

  /// A size in bytes: `4096`, `4K`, `4KiB`, `1M`.
  func size(_ option: String) throws -> Int? {
    try values[option].map { try Self.parseSize($0, option) }
  }

  /// Comma-separated sizes, ascending and without repetition.
  func sizes(_ option: String) throws -> [Int]? {
    guard let text = values[option] else { return nil }
    let sizes = try Self.list(text, option).map { try Self.parseSize($0, option) }
    return Set(sizes).sorted()
  }

  /// A length of time: `30s`, `5m`, `1m30s`.
  func duration(_ option: String) throws -> UInt64? {
    guard let text = values[option] else { return nil }
    var seconds: UInt64 = 0
    var digits = ""
    for character in text {
      if character.isASCII && character.isNumber {
        digits.append(character)
        continue
      }
      let unit: UInt64? =
        switch character {
        case "s": 1
        case "m": 60
        case "h": 3600
        default: nil
        }
      guard let unit, let amount = UInt64(digits), amount <= 1_000_000, seconds < 1_000_000 else {
        throw Self.badDuration(option, text)
      }
      seconds += amount * unit
      digits = ""
    }
    guard digits.isEmpty, seconds > 0, seconds <= 1_000_000 else {
      throw Self.badDuration(option, text)
    }
    return seconds * 1_000_000_000
  }

  /// Comma-separated names out of a list, in the list's order.
  func names(_ option: String, among known: [String], kind: String) throws -> [String]? {
    guard let text = values[option] else { return nil }
    let wanted = try Self.list(text, option)
    for name in wanted where !known.contains(name) {
      throw Self.unknown(name, among: known, kind: kind)
    }
    return known.filter { wanted.contains($0) }
  }

  /// One name out of a list.
  func name(_ option: String, among known: [String], kind: String) throws -> String? {
    guard let text = values[option] else { return nil }
    return try Self.known(text, among: known, kind: kind)
  }

  /// The name, if it is in the list.
  static func known(_ name: String, among known: [String], kind: String) throws -> String {
    guard known.contains(name) else { throw unknown(name, among: known, kind: kind) }
    return name
  }

  /// Says that there is no such name, and which is nearest.
  static func unknown(_ name: String, among known: [String], kind: String) -> UsageError {
    UsageError(
      "no \(kind) is called “\(name)”" + Suggestion.phrase(for: name, among: known)
        + ". There are: \(known.joined(separator: ", "))")
  }

  private static func list(_ text: String, _ option: String) throws -> [String] {
    let items = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    if items.contains("") { throw UsageError("\(option) has an empty item in “\(text)”") }
    return items
  }

  private static func parseSize(_ text: String, _ option: String) throws -> Int {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count).lowercased()
    let factor: Int? =
      switch unit {
      case "", "b": 1
      case "k", "kib": 1024
      case "m", "mib": 1024 * 1024
      case "g", "gib": 1024 * 1024 * 1024
      default: nil
      }
    guard let factor, let amount = Int(digits), amount > 0, amount <= (1 << 30) / factor else {
      throw UsageError(
        "\(option) wants a size from 1 byte to 1 GiB, such as 64, 4K or 1M, not “\(text)”")
    }
    return amount * factor
  }

  private static func badDuration(_ option: String, _ text: String) -> UsageError {
    UsageError("\(option) wants a length of time such as 30s, 5m or 1m30s, not “\(text)”")
  }
}
