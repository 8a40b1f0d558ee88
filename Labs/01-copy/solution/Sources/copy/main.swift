import Glibc
import Win32

/// How many bytes a read asks for.
let bufferSize = 4096

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

func copyFile(from source: String, to target: String) -> Int32 {
  let hSource = CreateFile(
    source, GENERIC_READ, FILE_SHARE_READ, nil, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nil)
  if hSource == INVALID_HANDLE_VALUE { return failure("open", source) }
  defer { CloseHandle(hSource) }

  // Only now: a source that is missing must not cost the target its contents.
  let hTarget = CreateFile(
    target, GENERIC_WRITE, 0, nil, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nil)
  if hTarget == INVALID_HANDLE_VALUE { return failure("create", target) }
  defer { CloseHandle(hTarget) }

  var buffer = [UInt8](repeating: 0, count: bufferSize)
  while true {
    var bytesRead: DWORD = 0
    if !ReadFile(hSource, &buffer, DWORD(buffer.count), &bytesRead, nil) {
      return failure("read", source)
    }
    // The end of the file, and nothing else, is a read that succeeds with no bytes.
    if bytesRead == 0 { return 0 }

    var done = 0
    while done < Int(bytesRead) {
      var bytesWritten: DWORD = 0
      let isWritten = buffer[done..<Int(bytesRead)].withUnsafeBytes {
        WriteFile(hTarget, $0.baseAddress, DWORD($0.count), &bytesWritten, nil)
      }
      if !isWritten || bytesWritten == 0 { return failure("write", target) }
      done += Int(bytesWritten)
    }
  }
}

guard CommandLine.arguments.count == 3 else {
  complain("usage: copy SOURCE TARGET")
  exit(2)
}
exit(copyFile(from: CommandLine.arguments[1], to: CommandLine.arguments[2]))
