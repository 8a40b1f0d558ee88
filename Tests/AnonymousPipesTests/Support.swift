import Glibc
import IPCSystem
import IPCTransport

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

  func contents(of name: String) -> String? {
    guard let file = fopen(path + "/" + name, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  func write(_ text: String, to name: String) {
    guard let file = fopen(path + "/" + name, "w") else { return }
    fputs(text, file)
    fclose(file)
  }
}

/// What can be read until the end.
func readAll(_ descriptor: Int32) -> String {
  var all: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count == -1 && errno == EINTR { continue }
    if count <= 0 { return String(decoding: all, as: UTF8.self) }
    all += chunk[..<count]
  }
}

/// An endpoint as a child process gets it: with descriptors of its own.
func inherited(_ endpoint: Endpoint) throws -> Endpoint {
  Endpoint(
    address: endpoint.address,
    descriptors: try endpoint.descriptors.map {
      let original = OwnedDescriptor(adopting: $0)
      let copy = try original.duplicate()
      _ = original.release()
      return copy.release()
    })
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

/// Whether a process of this number exists, zombies included.
func exists(_ pid: Int32) -> Bool { kill(pid, 0) == 0 }

/// The end that a process was to hand back.
func taken(_ end: inout OwnedDescriptor?) throws(Missing) -> OwnedDescriptor {
  guard let end = end.take() else { throw Missing() }
  return end
}

/// There is no pipe where one was asked for.
struct Missing: Error {}

extension Connection {
  /// Sends until that fails, and returns how. A process that another test starts at this moment holds
  /// copies of all descriptors until it runs its program, so that the first sends may succeed.
  func sendUntilFailure() -> TransportError.Code {
    while true {
      do throws(TransportError) { try send([1].span, deadline: .never) } catch { return error.code }
    }
  }
}
