import Glibc
import Win32

/// Writes a line to standard error.
func complain(_ text: String) {
  var line = text + "\n"
  _ = line.withUTF8 {
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), $0.baseAddress, DWORD($0.count), nil, nil)
  }
}

/// Says what went wrong with which file, and why; the program's exit status is then 1.
func failure(_ action: String, _ path: String) -> Int32 {
  let code = GetLastError()
  let reason = ErrorMessage(code) ?? "error"
  complain("copy: cannot \(action) \(path): \(reason) (\(ErrorName(code)))")
  return 1
}

/// Copies a file and returns the exit status: 0, or 1 when it could not.
func copyFile(from source: String, to target: String) -> Int32 {
  // TASK 1: open the source with CreateFile; when that fails, return failure("open", source).
  // TASK 1: create the target with CreateFile.
  // TASK 2: read into a buffer and write what came, until a read gives no bytes.
  // TASK 3: look at what every call returns.
  // TASK 4: let a target that exists be replaced, and only when the source could be opened.
  complain("copy: nothing is copied yet. Start with TASK 1 in Sources/copy/main.swift.")
  return 1
}

guard CommandLine.arguments.count == 3 else {
  complain("usage: copy SOURCE TARGET")
  exit(2)
}
exit(copyFile(from: CommandLine.arguments[1], to: CommandLine.arguments[2]))
