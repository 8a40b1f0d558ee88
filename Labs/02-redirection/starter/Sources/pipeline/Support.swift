import Win32

/// Writes a line to standard error.
func complain(_ text: String) {
  var line = text + "\n"
  _ = line.withUTF8 {
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), $0.baseAddress, DWORD($0.count), nil, nil)
  }
}

/// The words of the last error.
func lastError() -> String {
  let code = GetLastError()
  return "\(ErrorMessage(code) ?? "error") (\(ErrorName(code)))"
}

/// One text of several words, as CreateProcess takes them: it will take them apart again by the
/// rules of Windows. In quotation marks a backslash counts only before another quotation mark.
func commandLine(_ words: [String]) -> String {
  words.map { word in
    var quoted = "\""
    var backslashes = 0
    for character in word {
      if character == "\\" {
        backslashes += 1
        continue
      }
      let isQuote = character == "\""
      quoted += String(repeating: "\\", count: isQuote ? 2 * backslashes + 1 : backslashes)
      quoted.append(character)
      backslashes = 0
    }
    return quoted + String(repeating: "\\", count: 2 * backslashes) + "\""
  }.joined(separator: " ")
}
