internal import Glibc
internal import IPCSystem

/// Exit codes, the same for every command.
enum Exit {
  static let done: Int32 = 0
  static let failed: Int32 = 1
  static let usage: Int32 = 2
  static let environment: Int32 = 3
  static let interrupted: Int32 = 130

  /// Ends the process.
  static func now(_ code: Int32) -> Never { exit(code) }
}

/// Where text goes: data to standard output, everything else to standard error.
enum Output {
  /// Writes data to standard output.
  static func data(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
      if count < 0 && errno != EINTR {
        // A reader that has gone (head, less) is no failure of this program.
        if errno == EPIPE { Exit.now(Exit.done) }
        StandardError.write("ipclab: cannot write to standard output: \(String(errno: errno))\n")
        Exit.now(Exit.environment)
      }
      bytes = bytes.dropFirst(max(0, count))
    }
  }

  /// Writes a message for the user to standard error.
  static func message(_ text: String) { StandardError.write(text + "\n") }

  /// Whether a descriptor is a terminal that understands escape sequences.
  static func canDraw(on descriptor: Int32) -> Bool {
    isatty(descriptor) == 1 && !["", "dumb"].contains(variable("TERM"))
  }

  /// Whether colour is wanted on a descriptor.
  static func color(on descriptor: Int32) -> Bool {
    canDraw(on: descriptor) && variable("NO_COLOR").isEmpty
  }

  /// An environment variable; empty when it is not set.
  static func variable(_ name: String) -> String {
    unsafe getenv(name).map { unsafe String(cString: $0) } ?? ""
  }

  /// The terminal's width in columns, 80 when it cannot be told.
  static var width: Int {
    var size = winsize()
    guard unsafe ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}

extension String {
  init(errno code: Int32) { self = SystemError(code: code, call: "write").description }
}
