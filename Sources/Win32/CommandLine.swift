/// Command lines as Windows programs take them apart.
enum CommandLineParser {
  /// Splits a command line. Source: “Parsing C command-line arguments”, and `CommandLineToArgvW` for
  /// the first part, the program, in which a backslash is a backslash.
  static func split(_ line: String) -> [String] {
    var rest = Substring(line)
    var parts: [String] = []
    rest = rest.drop(while: isBlank)
    if rest.isEmpty { return [] }
    parts.append(takeProgram(&rest))
    while true {
      rest = rest.drop(while: isBlank)
      if rest.isEmpty { return parts }
      parts.append(takeArgument(&rest))
    }
  }

  private static func isBlank(_ character: Character) -> Bool {
    character == " " || character == "\t" || character == "\n" || character == "\r\n"
  }

  private static func takeProgram(_ rest: inout Substring) -> String {
    if rest.first == "\"" {
      rest = rest.dropFirst()
      let end = rest.firstIndex(of: "\"") ?? rest.endIndex
      defer { rest = rest[end...].dropFirst() }
      return String(rest[..<end])
    }
    let end = rest.firstIndex(where: isBlank) ?? rest.endIndex
    defer { rest = rest[end...] }
    return String(rest[..<end])
  }

  private static func takeArgument(_ rest: inout Substring) -> String {
    var argument = ""
    var isQuoted = false
    while let character = rest.first, isQuoted || !isBlank(character) {
      if character == "\\" {
        let count = rest.prefix { $0 == "\\" }.count
        rest = rest.dropFirst(count)
        guard rest.first == "\"" else {
          argument += String(repeating: "\\", count: count)
          continue
        }
        // Before a quotation mark, two backslashes are one, and one escapes the mark.
        argument += String(repeating: "\\", count: count / 2)
        if count % 2 == 1 {
          argument += "\""
          rest = rest.dropFirst()
        }
        continue
      }
      rest = rest.dropFirst()
      if character != "\"" {
        argument.append(character)
      } else if isQuoted && rest.first == "\"" {
        argument += "\""
        rest = rest.dropFirst()
      } else {
        isQuoted.toggle()
      }
    }
    return argument
  }
}
