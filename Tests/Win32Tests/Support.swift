import Glibc
import Synchronization
import TestSupport
import Win32

/// Pipe names of these tests only: in a directory of this process, and each used once.
enum Names {
  private static let count = Atomic<Int>(0)

  private static let scratch: Scratch? = {
    let scratch = try? Scratch()
    if let scratch { Win32Names.use(scratch.runtime) }
    atexit { Names.scratch?.remove() }
    return scratch
  }()

  static func fresh() -> String {
    _ = scratch
    return #"\\.\pipe\test"# + "\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
  }
}

/// What a call gave: its bytes, or the name of its error and the bytes that came all the same.
enum Answer: Equatable, ExpressibleByStringLiteral, Sendable {
  case bytes(String)
  case failed(String, String)

  init(stringLiteral text: String) { self = .bytes(text) }

  static func error(_ name: String, _ bytes: String = "") -> Answer { .failed(name, bytes) }
}

func read(_ handle: HANDLE, _ limit: Int, _ overlapped: LPOVERLAPPED = nil) -> Answer {
  var buffer = [UInt8](repeating: 0, count: max(1, limit))
  var count: DWORD = 0
  let succeeded = ReadFile(handle, &buffer, DWORD(limit), &count, overlapped)
  let error = GetLastError()
  let text = String(decoding: buffer.prefix(Int(count)), as: UTF8.self)
  return succeeded ? .bytes(text) : .failed(ErrorName(error), text)
}

/// How many bytes were written, or the name of the error.
func write(_ handle: HANDLE, _ text: String, _ overlapped: LPOVERLAPPED = nil) -> String {
  let bytes = Array(text.utf8)
  var count: DWORD = 0
  return WriteFile(handle, bytes, DWORD(bytes.count), &count, overlapped)
    ? "\(count)" : ErrorName(GetLastError())
}

/// `""` when a call has succeeded, else the name of its error.
func error(_ succeeded: BOOL) -> String { succeeded ? "" : ErrorName(GetLastError()) }

/// The two ends of an anonymous pipe.
func makePipe(size: DWORD = 0, inherited: Bool = false) -> (r: HANDLE, w: HANDLE) {
  var attributes = SECURITY_ATTRIBUTES()
  attributes.bInheritHandle = inherited
  var (r, w): (HANDLE, HANDLE) = (nil, nil)
  CreatePipe(&r, &w, &attributes, size)
  return (r, w)
}

/// The server's end of a new pipe.
func makeServer(
  _ name: String, mode: DWORD = PIPE_TYPE_BYTE, flags: DWORD = 0, quota: DWORD = 4096,
  max: DWORD = 1
) -> HANDLE {
  CreateNamedPipe(name, PIPE_ACCESS_DUPLEX | flags, mode, max, quota, quota, 0, nil)
}

/// A client's end.
func open(_ name: String, _ access: DWORD = GENERIC_READ | GENERIC_WRITE, flags: DWORD = 0)
  -> HANDLE
{
  CreateFile(name, access, 0, nil, OPEN_EXISTING, flags, nil)
}

/// An operation in memory of its own.
final class Operation: @unchecked Sendable {
  // Sendable: the tests use it from one thread at a time.
  let overlapped = UnsafeMutablePointer<OVERLAPPED>.allocate(capacity: 1)
  let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 256)
  let event: HANDLE

  init(withEvent: Bool = true) {
    event = withEvent ? CreateEvent(nil, TRUE, FALSE, nil) : nil
    overlapped.initialize(to: OVERLAPPED())
    overlapped.pointee.hEvent = event
  }

  deinit {
    if event != nil { CloseHandle(event) }
    overlapped.deallocate()
    buffer.deallocate()
  }

  var isSignalled: Bool { WaitForSingleObject(event, 0) == WAIT_OBJECT_0 }

  func startRead(_ handle: HANDLE, _ limit: DWORD) -> String {
    error(ReadFile(handle, buffer.baseAddress, limit, nil, overlapped))
  }

  func result(_ handle: HANDLE, wait: Bool = false) -> Answer {
    var count: DWORD = 0
    let succeeded = GetOverlappedResult(handle, overlapped, &count, wait)
    let error = GetLastError()
    if error == ERROR_IO_INCOMPLETE && !succeeded { return .error("ERROR_IO_INCOMPLETE") }
    let text = String(decoding: buffer.prefix(Int(count)), as: UTF8.self)
    return succeeded ? .bytes(text) : .failed(ErrorName(error), text)
  }
}
