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
    let mapping = CreateFileMapping(
      INVALID_HANDLE_VALUE, nil, PAGE_READWRITE, 0, 4096, "\(name).memory")
    guard mapping != nil, let memory = MapViewOfFile(mapping, FILE_MAP_ALL_ACCESS, 0, 0, 4096)
    else { return nil }
    self.memory = memory
    mutex = CreateMutex(nil, FALSE, "\(name).mutex")
    room = CreateSemaphore(nil, 1, 1, "\(name).room")
    written = CreateEvent(nil, TRUE, FALSE, "\(name).written")
    if mutex == nil || room == nil || written == nil { return nil }
  }

  /// Writes a text, alone, and returns how many have been written.
  func write(_ text: [UInt8]) -> UInt32 {
    WaitForSingleObject(room, INFINITE)
    let count = memory.load(fromByteOffset: 4, as: UInt32.self) &+ 1
    (memory + 12).copyMemory(from: text, byteCount: text.count)
    memory.storeBytes(of: UInt32(text.count), toByteOffset: 8, as: UInt32.self)
    memory.storeBytes(of: count, toByteOffset: 4, as: UInt32.self)
    ReleaseSemaphore(room, 1, nil)
    SetEvent(written)
    return count
  }
}

@main struct Writer {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      say("usage: writer NAME", to: STD_ERROR_HANDLE)
      exit(2)
    }
    guard let board = Board(CommandLine.arguments[1]) else {
      say("cannot open the board: \(ErrorName(GetLastError()))", to: STD_ERROR_HANDLE)
      exit(1)
    }
    say("ready")
    while let line = readLine(), line != "fim" {
      let text = Array(line.utf8)
      if text.count > Board.longest {
        say("too long: \(text.count)", to: STD_ERROR_HANDLE)
        continue
      }
      say("wrote \(board.write(text))")
    }
  }
}
