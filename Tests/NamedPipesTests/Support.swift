import IPCSystem
import IPCTransport
import NamedPipes

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
