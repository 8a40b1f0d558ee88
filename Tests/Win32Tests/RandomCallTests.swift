import Glibc
import TestSupport
import Testing
import Win32

@Suite struct RandomCallTests {
  /// Calls that do not wait, with handles of all kinds, dead and alive, and flags of all kinds.
  @Test("random calls never trap, and everything that was started ends", arguments: 0..<8)
  func monkey(round: Int) throws {
    let directory = try Scratch()
    let seed = UInt64.random(in: 1 ... .max)
    var random = SeededGenerator(seed: seed)
    var handles: [HANDLE] = [nil, INVALID_HANDLE_VALUE, HANDLE(2), HANDLE(1 << 50)]
    var operations: [Operation] = []
    let names = (0..<3).map { _ in Names.fresh() }
    let bits: [DWORD] = [0, 1, 2, 3, 4, 5, 6, 8, 0x40, 0x100, 0x8000_0000, .max]

    func pick() -> HANDLE { handles.randomElement(using: &random) ?? nil }
    func flags() -> DWORD { bits.randomElement(using: &random) ?? 0 }
    func operation() -> Operation {
      let fresh = Operation(withEvent: Bool.random(using: &random))
      // Nothing has been started with it.
      fresh.overlapped.pointee.Offset = DWORD.random(in: 0...100, using: &random)
      operations.append(fresh)
      return fresh
    }
    func keep(_ handle: HANDLE) { handles.append(handle) }

    for _ in 0..<600 {
      let name = names.randomElement(using: &random) ?? ""
      var number = flags()
      switch Int.random(in: 0..<22, using: &random) {
      case 0:
        keep(
          CreateNamedPipe(
            name, flags() | FILE_FLAG_OVERLAPPED, flags(), DWORD.random(in: 0...5, using: &random),
            64, 64, 0, nil))
      case 1:
        keep(makeServer(name, mode: 4 | (flags() & 2), flags: FILE_FLAG_OVERLAPPED, max: 9))
      case 2, 3:
        keep(
          open(
            name, [GENERIC_READ, GENERIC_READ | GENERIC_WRITE, 0, flags()][Int(number & 3)],
            flags: FILE_FLAG_OVERLAPPED))
      case 4:
        let (r, w) = makePipe(size: number & 0xFF)
        var mode = PIPE_NOWAIT
        SetNamedPipeHandleState(r, &mode, nil, nil)
        SetNamedPipeHandleState(w, &mode, nil, nil)
        keep(r)
        keep(w)
      case 5: keep(CreateEvent(nil, number & 1 != 0, number & 2 != 0, nil))
      case 6:
        keep(
          CreateFile(directory.path + "/file", flags(), flags() & 7, nil, flags() & 7, flags(), nil)
        )
      case 7:
        var copy: HANDLE = nil
        DuplicateHandle(
          GetCurrentProcess(), pick(), GetCurrentProcess(), &copy, flags(), FALSE, flags() & 3)
        keep(copy)
      case 8: CloseHandle(pick())
      case 9: ConnectNamedPipe(pick(), operation().overlapped)
      case 10: DisconnectNamedPipe(pick())
      case 11, 12: _ = operation().startRead(pick(), number & 0xFF)
      case 13, 14:
        _ = write(pick(), String(repeating: "x", count: Int(number & 0x7F)), operation().overlapped)
      case 15:
        let operation = operation()
        TransactNamedPipe(
          pick(), "ask", 3, operation.buffer.baseAddress, number & 0xFF, nil, operation.overlapped)
      case 16:
        var byte: UInt8 = 0
        PeekNamedPipe(pick(), &byte, flags() & 1, &number, nil, nil)
      case 17:
        // A pipe that does not wait stays that way.
        number |= PIPE_NOWAIT
        SetNamedPipeHandleState(pick(), &number, nil, nil)
      case 18: GetNamedPipeHandleState(pick(), &number, nil, nil, nil, nil, 0)
      case 19: CancelIoEx(pick(), operations.randomElement(using: &random)?.overlapped)
      case 20: WaitForMultipleObjects(2, [pick(), pick()], number & 1 != 0, 0)
      default:
        SetEvent(pick())
        ResetEvent(pick())
        GetFileType(pick())
        GetFileSize(pick(), nil)
        SetFilePointer(pick(), LONG(bitPattern: flags()), nil, flags())
        GetNamedPipeInfo(pick(), &number, nil, nil, nil)
        GetNamedPipeClientProcessId(pick(), &number)
        CancelIo(pick())
        SleepEx(0, TRUE)
      }
    }
    for handle in handles { CloseHandle(handle) }
    for operation in operations {
      GetOverlappedResult(nil, operation.overlapped, nil, TRUE)
      #expect(HasOverlappedIoCompleted(operation.overlapped), "seed \(seed)")
    }
  }
}
