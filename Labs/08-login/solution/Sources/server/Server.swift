import Glibc
import Win32

/// Writes a line to a standard stream at once, without the buffer that `print` has on a pipe.
func say(_ text: String, to stream: DWORD = STD_OUTPUT_HANDLE) {
  let bytes = Array((text + "\n").utf8)
  WriteFile(GetStdHandle(stream), bytes, DWORD(bytes.count), nil, nil)
}

/// Sends one message.
func send(_ text: String, to pipe: HANDLE) -> Bool {
  let bytes = Array(text.utf8)
  return WriteFile(pipe, bytes, DWORD(bytes.count), nil, nil)
}

/// Receives one message of any length; `nil` when the other end has closed.
func receive(from pipe: HANDLE) -> String? {
  var message: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 512)
  while true {
    var count: DWORD = 0
    let isComplete = ReadFile(pipe, &buffer, DWORD(buffer.count), &count, nil)
    message += buffer.prefix(Int(count))
    if isComplete { return String(decoding: message, as: UTF8.self) }
    if GetLastError() != ERROR_MORE_DATA { return nil }
  }
}

/// Who is known, with which password. All conversations share it.
final class Users {
  private let mutex = CreateMutex(nil, FALSE, nil)
  private var passwords: [String: String] = [:]

  /// The answer to a login.
  func login(_ name: String, _ password: String) -> String {
    WaitForSingleObject(mutex, INFINITE)
    defer { ReleaseMutex(mutex) }
    guard let known = passwords[name] else {
      passwords[name] = password
      return "registered \(name)"
    }
    return known == password ? "welcome \(name)" : "refused"
  }
}

/// The letters a to z as capitals; every other character as it is.
func uppercase(_ text: String) -> String {
  let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
  return String(decoding: text.utf8.map { letters.contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
}

/// One client, from its first message to its last.
func converse(over pipe: HANDLE, with users: Users) {
  var isLoggedIn = false
  while let request = receive(from: pipe) {
    if request == "fim" {
      _ = send("FIM", to: pipe)
      break
    }
    let answer: String
    if isLoggedIn {
      answer = uppercase(request)
    } else {
      let words = request.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      if words.first != "login" {
        answer = "login first"
      } else if words.count != 3 || words.contains("") {
        answer = "malformed"
      } else {
        answer = users.login(words[1], words[2])
        isLoggedIn = answer != "refused"
      }
    }
    if !send(answer, to: pipe) { break }
  }
  // The client must have its last answer before it is cut off.
  FlushFileBuffers(pipe)
  DisconnectNamedPipe(pipe)
  CloseHandle(pipe)
}

/// A new instance of the pipe, to which a client can connect from now on.
func listen(on name: String) -> HANDLE {
  let pipe = CreateNamedPipe(
    name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT,
    PIPE_UNLIMITED_INSTANCES, 4096, 4096, 0, nil)
  if pipe == INVALID_HANDLE_VALUE {
    say("cannot create \(name): \(ErrorName(GetLastError()))", to: STD_ERROR_HANDLE)
    exit(1)
  }
  return pipe
}

/// Gives every client that comes a thread of its own.
func serve(_ name: String, for users: Users) -> Never {
  var next = listen(on: name)
  while true {
    let pipe = next
    let hasClient = ConnectNamedPipe(pipe, nil) || GetLastError() == ERROR_PIPE_CONNECTED
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
    serve(CommandLine.arguments[1], for: Users())
  }
}
