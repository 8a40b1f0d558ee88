import Glibc
import IPCSystem
import Synchronization
import Win32

/// A directory of a test's own, removed with what is in it when the value goes away.
struct TemporaryDirectory: ~Copyable {
  let path: String

  init() {
    var template = Array("/tmp/ipclab-test-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { remove(path) }
}

private func remove(_ path: String) {
  var plan = ChildProcess.Plan(program: "/bin/rm", arguments: ["-rf", path])
  plan.descriptors = []
  _ = try? ChildProcess.start(plan).wait()
}

/// Pipe names of these tests only: in a directory of this process, and each used once.
enum Names {
  private static let count = Atomic<Int>(0)

  private static let directory: String = {
    var template = Array("/tmp/ipclab-test-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    if let directory = try? RuntimeDirectory(verifying: path) { Win32Names.use(directory) }
    atexit { remove(Names.directory) }
    return path
  }()

  static func fresh() -> String {
    _ = directory
    return #"\\.\pipe\test"# + "\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
  }
}

/// A call on a thread of its own.
final class Background<Value: Sendable>: Sendable {
  private let state = Mutex<(thread: Int32?, outcome: Value?)>((nil, nil))

  init(_ body: @escaping @Sendable () -> Value) throws {
    try SystemThread.start {
      self.state.withLock { $0.thread = SystemThread.currentNumber }
      let outcome = body()
      self.state.withLock { $0.outcome = outcome }
    }
  }

  var outcome: Value? { state.withLock { $0.outcome } }

  func value() -> Value {
    while true {
      if let outcome { return outcome }
      usleep(200)
    }
  }

  /// Returns when the thread has slept in the kernel for a while, or is done.
  func waitUntilAsleep() {
    var inRow = 0
    while outcome == nil && inRow < 20 {
      let asleep = state.withLock { $0.thread }.map { letter(of: $0) == "S" } ?? false
      inRow = asleep ? inRow + 1 : 0
      usleep(200)
    }
  }

  /// The kernel's state letter of a thread: `S` is asleep.
  private func letter(of thread: Int32) -> Character? {
    guard let file = fopen("/proc/self/task/\(thread)/stat", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    guard fgets(&line, 512, file) != nil else { return nil }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return nil }
    return text[text.index(end, offsetBy: 2)...].first
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
