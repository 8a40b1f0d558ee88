import Glibc
import Win32

func complain(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  WriteFile(GetStdHandle(STD_ERROR_HANDLE), bytes, DWORD(bytes.count), nil, nil)
}

@main struct Post {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      complain("usage: post MAILSLOT")
      exit(2)
    }
    let name = CommandLine.arguments[1]
    let slot = CreateFile(name, GENERIC_WRITE, FILE_SHARE_READ, nil, OPEN_EXISTING, 0, nil)
    if slot == INVALID_HANDLE_VALUE {
      complain("cannot open \(name): \(ErrorName(GetLastError()))")
      exit(1)
    }
    var failures = 0
    while let line = readLine() {
      let notice = Array(line.utf8)
      if !WriteFile(slot, notice, DWORD(notice.count), nil, nil) {
        complain("not posted (\(notice.count) bytes): \(ErrorName(GetLastError()))")
        failures += 1
      }
      if line == "fim" { break }
    }
    CloseHandle(slot)
    exit(failures == 0 ? 0 : 1)
  }
}
