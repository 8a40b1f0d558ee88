import Glibc
import Win32

/// Writes a line to a standard stream at once, without the buffer that `print` has on a pipe.
func say(_ text: [UInt8], to stream: DWORD = STD_OUTPUT_HANDLE) {
  let bytes = text + [UInt8(ascii: "\n")]
  WriteFile(GetStdHandle(stream), bytes, DWORD(bytes.count), nil, nil)
}

func fail(_ text: String) -> Never {
  say(Array("\(text): \(ErrorName(GetLastError()))".utf8), to: STD_ERROR_HANDLE)
  exit(1)
}

/// Waits for the next notice and takes it whole, however long it is.
func takeNotice(from slot: HANDLE) -> [UInt8] {
  var buffer = [UInt8](repeating: 0, count: 424)
  var count: DWORD = 0
  while !ReadFile(slot, &buffer, DWORD(buffer.count), &count, nil) {
    guard GetLastError() == ERROR_INSUFFICIENT_BUFFER else { fail("cannot read") }
    // The notice is still there, and now it is known that there is one: make room for it.
    var size: DWORD = 0
    if !GetMailslotInfo(slot, nil, &size, nil, nil) { fail("cannot ask for the size") }
    buffer = [UInt8](repeating: 0, count: Int(size))
  }
  return Array(buffer.prefix(Int(count)))
}

@main struct Board {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      say(Array("usage: board NAME".utf8), to: STD_ERROR_HANDLE)
      exit(2)
    }
    let slot = CreateMailslot(
      #"\\.\mailslot\"# + CommandLine.arguments[1], 0, MAILSLOT_WAIT_FOREVER, nil)
    if slot == INVALID_HANDLE_VALUE { fail("cannot create the board") }
    say(Array("ready".utf8))
    while true {
      let notice = takeNotice(from: slot)
      if notice == Array("fim".utf8) { break }
      say(notice)
    }
    CloseHandle(slot)
  }
}
