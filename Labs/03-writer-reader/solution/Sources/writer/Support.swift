import Win32

/// Writes a line to standard error.
func complain(_ text: String) { writeLine(Array(text.utf8), STD_ERROR_HANDLE) }

/// Writes a line to standard output, where it arrives at once: `print` would keep it for later when
/// the output is a pipe or a file.
func writeLine(_ bytes: [UInt8], _ stream: DWORD = STD_OUTPUT_HANDLE) {
  let line = bytes + [UInt8(ascii: "\n")]
  WriteFile(GetStdHandle(stream), line, DWORD(line.count), nil, nil)
}

/// The words of the last error.
func lastError() -> String {
  let code = GetLastError()
  return "\(ErrorMessage(code) ?? "error") (\(ErrorName(code)))"
}
