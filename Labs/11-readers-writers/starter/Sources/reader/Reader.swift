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
    unfinished("TASK 1: Board.init in Sources/reader/Reader.swift")
  }

  /// Takes the mutex. One that its owner left behind when it ended is taken as well: what it guards
  /// is one number, which is right again when the readers have left.
  private func lock() {
    // TASK 4: take the mutex, also one that its owner has left behind.
    unfinished("TASK 4: Board.lock")
  }

  /// Adds to the number of readers inside, under the mutex, and runs `change` with the new number.
  private func countReaders(_ step: Int32, _ change: (Int32) -> Void) {
    // TASK 3: the first reader takes the room for all, the last one gives it back.
    unfinished("TASK 3: Board.countReaders")
  }

  /// Reads the text, together with other readers.
  func read() -> (count: UInt32, text: [UInt8]) {
    // TASK 3: count in, read, count out.
    unfinished("TASK 3: Board.read")
  }
}

@main struct Reader {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      say("usage: reader NAME", to: STD_ERROR_HANDLE)
      exit(2)
    }
    // TASK 3: open the board and print ready; wait until there is a text; read once and print it.
    unfinished("TASK 1 and TASK 3: the reader, in Sources/reader/Reader.swift")
  }
}

/// Says what is still to be written, and ends the program.
func unfinished(_ what: String) -> Never {
  say("not written yet: \(what)", to: STD_ERROR_HANDLE)
  exit(1)
}
