/// What `$P` and the like stand for in one run of a case.
struct Names {
  /// What every name of the run has in it; letters of both cases, since some names ignore case.
  let base: String
  /// A directory for files.
  let directory: String

  private static let pipes = #"\\.\pipe\"#
  private static let mailslots = #"\\.\mailslot\"#

  /// Puts the names in their places.
  func expand(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      guard let (name, length) = self.name(rest) else {
        result += "$"
        continue
      }
      result += name
      rest = rest.dropFirst(length)
    }
    return result + rest
  }

  /// The name that a text begins with the sign of, and the length of the sign.
  private func name(_ text: Substring) -> (String, Int)? {
    let digits = text.dropFirst().prefix { $0.isASCII && $0.isNumber }
    switch text.first {
    case "M" where text.hasPrefix("MU"): return ((Self.mailslots + base).uppercased(), 2)
    case "N" where text.hasPrefix("NU"): return (swapped(base), 2)
    case "P": return (Self.pipes + base, 1)
    case "M": return (Self.mailslots + base, 1)
    case "N", "B": return (base, 1)
    case "T": return (directory + "/file", 1)
    case "L" where !digits.isEmpty:
      return Int(digits).map { (Self.pipes + padded($0), 1 + digits.count) }
    case "O" where !digits.isEmpty: return Int(digits).map { (padded($0), 1 + digits.count) }
    default: return nil
    }
  }

  private func padded(_ length: Int) -> String {
    String((base + String(repeating: "x", count: max(0, length - base.count))).prefix(length))
  }

  private func swapped(_ text: String) -> String {
    String(
      text.flatMap { $0.isUppercase ? Array($0.lowercased()) : Array($0.uppercased()) })
  }
}
