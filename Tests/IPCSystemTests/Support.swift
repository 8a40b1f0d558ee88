import Glibc
import IPCSystem
import Synchronization

/// A directory of a test's own, removed with what is in it when the value goes away.
struct TemporaryDirectory: ~Copyable {
  let path: String

  init() {
    var template = Array("/tmp/ipclab-test-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    var plan = ChildProcess.Plan(program: "/bin/rm", arguments: ["-rf", path])
    plan.descriptors = []
    _ = try? ChildProcess.start(plan).wait()
  }
}

/// Something that happens once and that one thread waits for.
final class Signal: @unchecked Sendable {
  // Sendable: a semaphore is for several threads.
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  init() { sem_init(semaphore, 0, 0) }
  deinit { semaphore.deallocate() }
  func set() { sem_post(semaphore) }
  func wait() { while sem_wait(semaphore) == -1 {} }
}

/// The kernel's state letter of a thread of this process: `S` is asleep.
func state(ofThread thread: Int32) -> Character? {
  guard let file = fopen("/proc/self/task/\(thread)/stat", "r") else { return nil }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 512)
  guard fgets(&line, 512, file) != nil else { return nil }
  let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  guard let end = text.lastIndex(of: ")") else { return nil }
  return text[text.index(end, offsetBy: 2)...].first
}

/// A value that one thread sets and another reads.
final class Box<Value: Sendable>: Sendable {
  private let stored = Mutex<Value?>(nil)
  func set(_ value: Value) { stored.withLock { $0 = value } }
  var value: Value? { stored.withLock { $0 } }
}

/// Reads one byte, as `read(2)` does, whatever signals come: closing a `DescriptorIO` in another test
/// may interrupt this thread after it has left the call that was meant.
func readByte(_ descriptor: Int32) -> (count: Int, byte: UInt8) {
  var byte: UInt8 = 0
  while true {
    let count = read(descriptor, &byte, 1)
    if count >= 0 || errno != EINTR { return (count, byte) }
  }
}
