import Glibc
import Win32

/// Writes a line to a standard stream at once, without the buffer that `print` has on a pipe.
func say(_ text: String, to stream: DWORD = STD_OUTPUT_HANDLE) {
  let bytes = Array((text + "\n").utf8)
  WriteFile(GetStdHandle(stream), bytes, DWORD(bytes.count), nil, nil)
}

/// Does one overlapped operation and waits for its end: its error, 0 for none, and how many bytes.
///
/// A handle without `FILE_FLAG_OVERLAPPED` does one thing at a time: while one thread waits in
/// `ReadFile`, a `WriteFile` of another waits behind it.
func finish(_ pipe: HANDLE, _ start: (LPOVERLAPPED) -> BOOL) -> (error: DWORD, count: Int) {
  let operation = UnsafeMutablePointer<OVERLAPPED>.allocate(capacity: 1)
  operation.initialize(to: OVERLAPPED())
  operation.pointee.hEvent = CreateEvent(nil, TRUE, FALSE, nil)
  defer {
    CloseHandle(operation.pointee.hEvent)
    operation.deallocate()
  }
  if !start(operation) {
    let error = GetLastError()
    guard error == ERROR_IO_PENDING || error == ERROR_MORE_DATA else { return (error, 0) }
  }
  var count: DWORD = 0
  let isDone = GetOverlappedResult(pipe, operation, &count, TRUE)
  return (isDone ? ERROR_SUCCESS : GetLastError(), Int(count))
}

/// Sends one message.
func send(_ text: String, to pipe: HANDLE) -> Bool {
  let bytes = Array(text.utf8)
  return bytes.withUnsafeBytes { bytes in
    finish(pipe) { WriteFile(pipe, bytes.baseAddress, DWORD(bytes.count), nil, $0) }.error
      == ERROR_SUCCESS
  }
}

/// Receives one message of any length; `nil` when the other end has closed.
func receive(from pipe: HANDLE) -> String? {
  var message: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 512)
  while true {
    let part = buffer.withUnsafeMutableBytes { buffer in
      finish(pipe) { ReadFile(pipe, buffer.baseAddress, DWORD(buffer.count), nil, $0) }
    }
    message += buffer.prefix(part.count)
    if part.error == ERROR_SUCCESS { return String(decoding: message, as: UTF8.self) }
    if part.error != ERROR_MORE_DATA { return nil }
  }
}

/// Messages on their way to one client: who puts one in never waits for the client.
final class Outbox {
  /// `nil` is the end.
  private var waiting: [String?] = []

  func put(_ message: String?) {
    // TASK 1: never waits for the client.
    unfinished("TASK 1: Outbox.put")
  }

  func take() -> String? {
    // TASK 1: waits until there is something.
    unfinished("TASK 1: Outbox.take")
  }
}

/// Who is known, and which conversations are to hear of others.
final class Users {
  private let mutex = CreateMutex(nil, FALSE, nil)
  private var passwords: [String: String] = [:]
  private var present: [Outbox] = []

  /// Logs a conversation in: tells the others, then answers, all in one step. Of two that log in at
  /// the same time, one is therefore there when the other comes.
  func login(_ name: String, _ password: String, for outbox: Outbox) -> Bool {
    // TASK 2: tell the others, become one of those who hear, and answer.
    unfinished("TASK 2: Users.login")
  }

  func leave(_ outbox: Outbox) {
    // TASK 3: this conversation hears no more.
    unfinished("TASK 3: Users.leave")
  }
}

/// The letters a to z as capitals; every other character as it is.
func uppercase(_ text: String) -> String {
  let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
  return String(decoding: text.utf8.map { letters.contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
}

/// One client, from its first message to its last.
func converse(over pipe: HANDLE, with users: Users) {
  // TASK 1: one thread receives and puts the answers into an Outbox; a second one takes them out
  // and sends them. TASK 3: in the end both are over, whatever the client does.
  unfinished("TASK 1: converse")
}

/// A new instance of the pipe, to which a client can connect from now on.
func listen(on name: String) -> HANDLE {
  let pipe = CreateNamedPipe(
    name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
    PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT, PIPE_UNLIMITED_INSTANCES, 4096, 4096, 0,
    nil)
  if pipe == INVALID_HANDLE_VALUE {
    say("cannot create \(name): \(ErrorName(GetLastError()))", to: STD_ERROR_HANDLE)
    exit(1)
  }
  return pipe
}

/// Waits for a client of this instance.
func acceptClient(on pipe: HANDLE) -> Bool {
  let error = finish(pipe) { ConnectNamedPipe(pipe, $0) }.error
  return error == ERROR_SUCCESS || error == ERROR_PIPE_CONNECTED
}

/// Gives every client that comes a thread of its own.
func serve(_ name: String, for users: Users) -> Never {
  var next = listen(on: name)
  while true {
    let pipe = next
    let hasClient = acceptClient(on: pipe)
    // The next client must find an instance even if this conversation is over at once.
    next = listen(on: name)
    guard hasClient else {
      CloseHandle(pipe)
      continue
    }
    let thread = CreateThread(
      nil, 0,
      { _ in
        converse(over: pipe, with: users)
        return 0
      }, nil, 0, nil)
    CloseHandle(thread)
  }
}

@main struct Server {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      say("usage: server PIPE", to: STD_ERROR_HANDLE)
      exit(2)
    }
    // When TASK 1 and TASK 2 are done, put this in the place of the line below:
    // serve(CommandLine.arguments[1], for: Users())
    unfinished("TASK 1 and TASK 2: the server, in Sources/server/Server.swift")
  }
}

/// Says what is still to be written, and ends the program.
func unfinished(_ what: String) -> Never {
  say("not written yet: \(what)", to: STD_ERROR_HANDLE)
  exit(1)
}
