import Glibc
import Win32

/// Writes a line to a standard stream at once, without the buffer that `print` has on a pipe.
func say(_ text: String, to stream: DWORD = STD_OUTPUT_HANDLE) {
  let bytes = Array((text + "\n").utf8)
  WriteFile(GetStdHandle(stream), bytes, DWORD(bytes.count), nil, nil)
}

/// The board in shared memory and what guards it, as every process sees it.
///
/// | offset | size | what                                        | guarded by      |
/// |      0 |    4 | how many readers are inside                 | `NAME.mutex`    |
/// |      4 |    4 | how many texts have been written            | `NAME.room`     |
/// |      8 |    4 | the length of the text in bytes             | `NAME.room`     |
/// |     12 | 1000 | the text                                    | `NAME.room`     |
struct Board {
  static let longest = 1000
  let memory: UnsafeMutableRawPointer
  let mutex: HANDLE
  let room: HANDLE
  let written: HANDLE

  init?(_ name: String) {
    // TASK 1: create or open NAME.memory, NAME.mutex, NAME.room and NAME.written.
    unfinished("TASK 1: Board.init in Sources/writer/Writer.swift")
  }

  /// Writes a text, alone, and returns how many have been written.
  func write(_ text: [UInt8]) -> UInt32 {
    // TASK 2: take the room, write, give it back, and let waiting readers know.
    unfinished("TASK 2: Board.write")
  }
}

@main struct Writer {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      say("usage: writer NAME", to: STD_ERROR_HANDLE)
      exit(2)
    }
    // TASK 2: open the board and print ready; then write every line of standard input, until fim.
    unfinished("TASK 1 and TASK 2: the writer, in Sources/writer/Writer.swift")
  }
}

/// Says what is still to be written, and ends the program.
func unfinished(_ what: String) -> Never {
  say("not written yet: \(what)", to: STD_ERROR_HANDLE)
  exit(1)
}
