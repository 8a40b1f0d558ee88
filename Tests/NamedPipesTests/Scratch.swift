import Glibc
import IPCSystem
import IPCTransport
import NamedPipes
import Synchronization
import Testing

/// A runtime directory for one test, removed with what is in it.
final class Scratch: Sendable {
  let runtime: RuntimeDirectory

  init() throws {
    let path = "/tmp/ipclab-test-\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    runtime = try RuntimeDirectory(verifying: path, shared: path + ".shared")
  }

  deinit {
    Self.remove(runtime.path)
    Self.remove(runtime.sharedPath)
  }

  /// Removes a directory with what is in it.
  static func remove(_ path: String) {
    for name in DirectoryListing.names(in: path) { remove(path + "/" + name) }
    if rmdir(path) != 0 { unlink(path) }
  }

  /// What is left among the names for other users.
  var sharedNames: [String] { DirectoryListing.names(in: runtime.sharedPath) }

  /// What is left below the registry `kind`.
  func names(_ kind: String) -> [String] { DirectoryListing.names(in: runtime.path + "/" + kind) }
}

/// The result of work on a thread of its own.
final class Job<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, any Error>?>(nil)
  private let done: Int32

  init(_ body: @escaping @Sendable () throws -> Value) throws {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    done = ends[0]
    let writeEnd = ends[1]
    try SystemThread.start {
      let value = Result { try body() }
      self.result.withLock { $0 = value }
      close(writeEnd)
    }
  }

  /// Waits for the work to end.
  func value() throws -> Value {
    var byte: UInt8 = 0
    while read(done, &byte, 1) == -1 && errno == EINTR {}
    close(done)
    return try result.withLock { $0! }.get()
  }
}

/// The code of the error that `body` throws.
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

  func receive(limit: Int = 1 << 21, deadline: Deadline = .never) throws -> [UInt8] {
    try [UInt8](capacity: limit) { (buffer) throws(TransportError) in
      try receive(into: &buffer, deadline: deadline)
    }
  }
}

extension NamedPipeInstance {
  /// Waits for a client that may have come already.
  func acceptClient() throws {
    do { try waitForClient(deadline: .never) } catch  where error.code == .alreadyConnected {}
  }
}

extension NamedPipeEnd {
  func read(upTo limit: Int, deadline: Deadline = .never) throws -> PipeTransfer {
    var hasMore = false
    let bytes = try [UInt8](capacity: limit) { (buffer) throws(TransportError) in
      hasMore = try read(into: &buffer, deadline: deadline)
    }
    return PipeTransfer(bytes: bytes, count: bytes.count, hasMore: hasMore)
  }

  @discardableResult
  func write(_ text: String, deadline: Deadline = .never) throws -> Int {
    try write(Array(text.utf8).span, deadline: deadline)
  }

  /// What one read gives, as text.
  func text(upTo limit: Int = 4096, deadline: Deadline = .never) throws -> String {
    String(decoding: try read(upTo: limit, deadline: deadline).bytes, as: UTF8.self)
  }
}

/// A sign between threads.
final class Flag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .acquiring) }

  func set() { value.store(true, ordering: .releasing) }
}
