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

/// One user: a password that never changes, and a balance that lies in a file.
final class Account {
  let name: String
  let password: String
  private let path: String
  init(_ name: String, password: String, path: String) {
    self.name = name
    self.password = password
    self.path = path
    balance = 0
  }

  /// What the file says.
  var balance: Int {
    get {
      let file = CreateFile(path, GENERIC_READ, FILE_SHARE_READ, nil, OPEN_EXISTING, 0, nil)
      defer { CloseHandle(file) }
      var buffer = [UInt8](repeating: 0, count: 32)
      var count: DWORD = 0
      ReadFile(file, &buffer, DWORD(buffer.count), &count, nil)
      let text = String(decoding: buffer.prefix(Int(count)), as: UTF8.self)
      return Int(text.prefix { $0 != "\n" }) ?? 0
    }
    set {
      let file = CreateFile(path, GENERIC_WRITE, FILE_SHARE_READ, nil, CREATE_ALWAYS, 0, nil)
      defer { CloseHandle(file) }
      let bytes = Array("\(newValue)\n".utf8)
      WriteFile(file, bytes, DWORD(bytes.count), nil, nil)
    }
  }
}

/// The accounts, and the operations on them, each of which is as if it happened alone.
///
/// TASK 2 and TASK 3: decide which locks there are, and in which order they are taken.
final class Bank {
  private let directory: String
  private var accounts: [String: Account] = [:]

  init(in directory: String) { self.directory = directory }

  /// The account of who may use it, and what to answer.
  func login(_ name: String, _ password: String) -> (account: Account?, answer: String) {
    // TASK 1: the account of a new user, or of a known one with the right password.
    // TASK 4: also when two register the same name at the same time.
    unfinished("TASK 1: Bank.login")
  }

  func add(_ amount: Int, to account: Account) -> String {
    // TASK 1: change the balance, and say what it is now.
    // TASK 2: also when others do the same at the same time.
    unfinished("TASK 1: Bank.add")
  }

  func balance(of account: Account) -> String {
    // TASK 1: say what it is.
    unfinished("TASK 1: Bank.balance")
  }

  func give(_ amount: Int, from giver: Account, to name: String) -> String {
    // TASK 3: from one account to another, in one step, without ever waiting for each other.
    unfinished("TASK 3: Bank.give")
  }

  func total() -> String {
    // TASK 4: the sum of all balances at one moment.
    unfinished("TASK 4: Bank.total")
  }
}

/// The answer to a request of somebody who is logged in.
func answer(to request: String, of account: Account, in bank: Bank) -> String {
  let words = request.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
  let amount = words.last.flatMap { Int($0) } ?? 0
  switch (words.first, words.count) {
  case ("balance", 1): return bank.balance(of: account)
  case ("total", 1): return bank.total()
  case ("add", 2) where amount > 0: return bank.add(amount, to: account)
  case ("give", 3) where amount > 0: return bank.give(amount, from: account, to: words[1])
  default: return "malformed"
  }
}

/// Whether this can be a user's name, and therefore the name of a file: letters and digits only.
func isName(_ text: String) -> Bool {
  text.utf8.allSatisfy { byte in
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}

/// One client, from its first message to its last.
func converse(over pipe: HANDLE, with bank: Bank) {
  var account: Account?
  while let request = receive(from: pipe) {
    if request == "fim" {
      _ = send("FIM", to: pipe)
      break
    }
    let reply: String
    if let account {
      reply = answer(to: request, of: account, in: bank)
    } else {
      let words = request.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      if words.first != "login" {
        reply = "login first"
      } else if words.count != 3 || words.contains("") || !isName(words[1]) {
        reply = "malformed"
      } else {
        (account, reply) = bank.login(words[1], words[2])
      }
    }
    if !send(reply, to: pipe) { break }
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
func serve(_ name: String, for bank: Bank) -> Never {
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
        converse(over: pipe, with: bank)
        return 0
      }, nil, 0, nil)
    CloseHandle(thread)
  }
}

@main struct Server {
  static func main() {
    guard CommandLine.arguments.count == 3 else {
      say("usage: server PIPE DIRECTORY", to: STD_ERROR_HANDLE)
      exit(2)
    }
    // When TASK 1 is done, put this in the place of the line below:
    // serve(CommandLine.arguments[1], for: Bank(in: CommandLine.arguments[2]))
    unfinished("TASK 1: the accounts, in Sources/server/Server.swift")
  }
}

/// Says what is still to be written, and ends the program.
func unfinished(_ what: String) -> Never {
  say("not written yet: \(what)", to: STD_ERROR_HANDLE)
  exit(1)
}
