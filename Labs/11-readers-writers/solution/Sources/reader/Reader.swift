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

  /// Takes the mutex. One that its owner left behind when it ended is taken as well: what it guards
  /// is one number, which is right again when the readers have left.
  private func lock() {
    let result = WaitForSingleObject(mutex, INFINITE)
    if result != WAIT_OBJECT_0 && result != WAIT_ABANDONED {
      say("cannot take the mutex: \(ErrorName(GetLastError()))", to: STD_ERROR_HANDLE)
      exit(1)
    }
  }

  /// Adds to the number of readers inside, under the mutex, and runs `change` with the new number.
  private func countReaders(_ step: Int32, _ change: (Int32) -> Void) {
    lock()
    let readers = memory.load(as: Int32.self) + step
    memory.storeBytes(of: readers, as: Int32.self)
    change(readers)
    ReleaseMutex(mutex)
  }

  /// Reads the text, together with other readers.
  func read() -> (count: UInt32, text: [UInt8]) {
    // The first reader takes the room for all, waiting for a writer with the mutex in its hands, so
    // that the readers behind it wait as well.
    countReaders(+1) { readers in
      if readers == 1 { WaitForSingleObject(room, INFINITE) }
    }
    let count = memory.load(fromByteOffset: 4, as: UInt32.self)
    let length = min(Int(memory.load(fromByteOffset: 8, as: UInt32.self)), Self.longest)
    let text = Array(UnsafeRawBufferPointer(start: memory + 12, count: length))
    // The last one gives it back.
    countReaders(-1) { readers in
      if readers == 0 { ReleaseSemaphore(room, 1, nil) }
    }
    return (count, text)
  }
}

@main struct Reader {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      say("usage: reader NAME", to: STD_ERROR_HANDLE)
      exit(2)
    }
    guard let board = Board(CommandLine.arguments[1]) else {
      say("cannot open the board: \(ErrorName(GetLastError()))", to: STD_ERROR_HANDLE)
      exit(1)
    }
    say("ready")
    WaitForSingleObject(board.written, INFINITE)
    let (count, text) = board.read()
    say("\(count) \(String(decoding: text, as: UTF8.self))")
  }
}
