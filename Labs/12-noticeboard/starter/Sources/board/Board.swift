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
  // TASK 1: wait for a notice. TASK 2: take it whole, however long it is.
  unfinished("TASK 1: takeNotice")
}

@main struct Board {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      say(Array("usage: board NAME".utf8), to: STD_ERROR_HANDLE)
      exit(2)
    }
    // TASK 1: create the mailslot and print ready; then show every notice. TASK 2: until fim.
    unfinished("TASK 1 and TASK 2: the board, in Sources/board/Board.swift")
  }
}

/// Says what is still to be written, and ends the program.
func unfinished(_ what: String) -> Never {
  say(Array("not written yet: \(what)".utf8), to: STD_ERROR_HANDLE)
  exit(1)
}
