import Glibc
import IPCSystem
import IPCTransport
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

  func write(_ text: String, to name: String) {
    guard let file = fopen(path + "/" + name, "w") else { return }
    fputs(text, file)
    fclose(file)
  }
}

/// The code of the transport error that `body` ends with; `nil` when there is none.
func code<R: ~Copyable>(_ body: () throws(TransportError) -> R) -> TransportError.Code? {
  do throws(TransportError) {
    _ = try body()
    return nil
  } catch { return error.code }
}

extension Connection {
  func receive(upTo limit: Int, deadline: Deadline = .never) throws(TransportError) -> [UInt8] {
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: limit)
    defer { memory.deallocate() }
    var span = OutputSpan(buffer: memory, initializedCount: 0)
    try receive(into: &span, deadline: deadline)
    return Array(memory[..<span.finalize(for: memory)])
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

/// A value that one thread sets and another reads.
final class Box<Value: Sendable>: Sendable {
  private let stored = Mutex<Value?>(nil)
  func set(_ value: Value) { stored.withLock { $0 = value } }
  var value: Value? { stored.withLock { $0 } }
}

extension Connection {
  /// Sends until that fails, and returns how. A process that another test starts at this moment holds
  /// copies of all descriptors until it runs its program, so that the first sends may succeed.
  func sendUntilFailure() -> TransportError.Code {
    while true {
      do throws(TransportError) { try send([1].span, deadline: .never) } catch { return error.code }
    }
  }
}
