internal import CIPCShims
internal import Glibc

/// A process as a server publishes it: its id, and when it started, since ids are used again.
struct ServerProcess: Sendable, Hashable {
  let pid: Int32
  /// In clock ticks since the system started; 0 when the system does not say.
  let start: UInt64

  /// This process.
  static var own: ServerProcess {
    let pid = getpid()
    return ServerProcess(pid: pid, start: Self.start(of: pid) ?? 0)
  }

  private init(pid: Int32, start: UInt64) {
    self.pid = pid
    self.start = start
  }

  /// Understands ``text``.
  init?(_ text: Substring) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let pid = Int32(parts[0]), pid > 0, let start = UInt64(parts[1])
    else { return nil }
    self.init(pid: pid, start: start)
  }

  /// As part of a file name.
  var text: String { "\(pid)-\(start)" }

  /// A descriptor that becomes readable when the process ends; `nil` when it has ended.
  func open() -> OwnedDescriptor? {
    guard let process = try? Processes.openPidfd(pid) else { return nil }
    // One that has ended and was not collected still has an id.
    var entry = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
    if unsafe poll(&entry, 1, 0) != 0 { return nil }
    // Asked with the descriptor open. A system that hides processes of others does not say.
    if start != 0, let now = Self.start(of: pid), now != start { return nil }
    return process
  }

  /// Field 22 of `proc_pid_stat(5)`.
  private static func start(of pid: Int32) -> UInt64? {
    let raw = unsafe Glibc.open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
    if raw == -1 { return nil }
    let file = OwnedDescriptor(adopting: raw)
    var bytes = [UInt8](repeating: 0, count: 1024)
    let count = unsafe Glibc.read(file.raw, &bytes, bytes.count)
    guard count > 0 else { return nil }
    // The program's name, in parentheses, may hold anything.
    let text = String(decoding: bytes.prefix(count), as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.count > 19 ? UInt64(fields[19]) : nil
  }
}
