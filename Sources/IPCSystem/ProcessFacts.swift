internal import Glibc

/// Who a process is, for people: what it runs, and as whom.
public struct ProcessFacts: Sendable, Hashable, Codable {
  /// Process id.
  public let pid: Int32
  /// Its command line, shortened; its program's name where that cannot be read; empty when it has
  /// ended.
  public let command: String
  /// The name of its user, or the number of one without a name.
  public let user: String

  /// At most so many characters of a command line are kept.
  public static let longestCommand = 200

  /// Asks the kernel. Reads `/proc`.
  public init(of pid: Int32) {
    self.pid = pid
    var status = stat()
    if unsafe stat("/proc/\(pid)", &status) == 0 {
      user = Self.user(status.st_uid)
    } else {
      user = ""
    }
    command = Self.command(of: pid)
  }

  /// The name of a user; the number when there is none.
  public static func user(_ uid: UInt32) -> String {
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    var memory = [CChar](repeating: 0, count: 4096)
    guard unsafe getpwuid_r(uid, &entry, &memory, memory.count, &found) == 0,
      let name = unsafe found?.pointee.pw_name
    else { return "\(uid)" }
    return unsafe String(cString: name)
  }

  /// The process that a thread belongs to; `nil` when it has ended.
  public static func process(ofThread thread: Int32) -> Int32? {
    guard let text = SmallFile.read("/proc/\(thread)/status") else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("Tgid:") {
      return Int32(line.dropFirst(5).drop { $0 == " " || $0 == "\t" })
    }
    return nil
  }

  private static func command(of pid: Int32) -> String {
    if let words = SmallFile.read("/proc/\(pid)/cmdline"), !words.isEmpty {
      let line = words.split(separator: "\0", omittingEmptySubsequences: true)
        .enumerated().map { $0 == 0 ? base($1) : String($1) }.joined(separator: " ")
      return String(line.prefix(longestCommand))
    }
    let name = SmallFile.read("/proc/\(pid)/comm") ?? ""
    return String(name.prefix { $0 != "\n" })
  }

  /// The program without its directory.
  private static func base(_ path: Substring) -> String {
    String(path.split(separator: "/").last ?? path)
  }
}
