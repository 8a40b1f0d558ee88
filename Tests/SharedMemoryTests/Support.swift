import Dispatch
import Glibc
import IPCSystem
import IPCTransport
import SharedMemory
import Synchronization

/// Runs blocking work on a thread of its own and gives the test what came of it.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
  try await withCheckedThrowingContinuation { continuation in
    do {
      try SystemThread.start { continuation.resume(with: Result { try body() }) }
    } catch { continuation.resume(throwing: error) }
  }
}

/// A second thread of a test.
final class OtherThread<R: Sendable>: Sendable {
  private let result = Mutex<Result<R, any Error>?>(nil)
  private let done = DispatchSemaphore(value: 0)

  init(_ body: @escaping @Sendable () throws -> R) throws {
    try SystemThread.start {
      let result = Result { try body() }
      self.result.withLock { $0 = result }
      self.done.signal()
    }
  }

  func join() throws -> R {
    done.wait()
    return try result.withLock { $0! }.get()
  }
}

/// A directory for the names of one test.
func withScratch<R>(_ body: (ScratchDirectory) throws -> R) throws -> R {
  var template = Array("/tmp/ring-test-XXXXXX".utf8CString)
  guard let made = mkdtemp(&template) else { throw SystemError(code: errno, call: "mkdtemp") }
  let path = String(cString: made)
  let scratch = try ScratchDirectory(in: RuntimeDirectory(verifying: path))
  defer {
    scratch.remove()
    unlink(path + "/run/.lock")
    rmdir(path + "/run")
    rmdir(path)
  }
  return try body(scratch)
}

/// The code of the error that `body` throws; `nil` when it throws none.
func code(_ body: () throws -> Void) -> TransportError.Code? {
  do {
    try body()
    return nil
  } catch { return (error as? TransportError)?.code }
}

extension Connection {
  func send(_ bytes: [UInt8], deadline: Deadline = .never) throws {
    try send(bytes.span, deadline: deadline)
  }

  func receive(_ limit: Int = 1 << 20, deadline: Deadline = .never) throws -> [UInt8] {
    var failure: TransportError?
    let bytes = [UInt8](capacity: limit) { buffer in
      do throws(TransportError) { try receive(into: &buffer, deadline: deadline) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Sends messages until there is no room, and says how many went.
  func fill(_ message: [UInt8]) throws -> Int {
    var count = 0
    while true {
      do { try send(message, deadline: .immediate) } catch let error as TransportError {
        if error.code == .timedOut { return count }
        throw error
      }
      count += 1
    }
  }
}

/// Numbers that a seed determines.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
