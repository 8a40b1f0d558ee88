import Glibc
import IPCSystem
import Synchronization

/// A call on a thread of its own.
final class Background<Value: Sendable>: Sendable {
  private let state = Mutex<(thread: String?, outcome: Value?)>((nil, nil))

  init(_ body: @escaping @Sendable () -> Value) throws {
    try SystemThread.start {
      var link = [CChar](repeating: 0, count: 64)
      readlink("/proc/thread-self", &link, 63)
      let thread = String(
        decoding: link.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      self.state.withLock { $0.thread = thread }
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

  /// Returns when the thread sleeps in the kernel, or is done.
  func waitUntilAsleep() {
    while outcome == nil {
      if let thread = state.withLock({ $0.thread }), letter(of: thread) == "S" { return }
      sched_yield()
    }
  }

  /// The kernel's state letter of a thread: `S` is asleep.
  private func letter(of thread: String) -> Character? {
    guard let file = fopen("/proc/\(thread)/stat", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    guard fgets(&line, 512, file) != nil else { return nil }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return nil }
    return text[text.index(end, offsetBy: 2)...].first
  }
}
