internal import IPCSystem
internal import IPCTransport
internal import NamedPipes

/// One end of a named pipe, as Win32 programs have it: nothing is added to what goes through.
final class PipeChannel: Channel {
  let traits: ChannelTraits
  let end: any NamedPipeEnd
  private let isDelimited: Bool
  private let lines = Locked(LineBuffer())

  /// - Parameter isDelimited: Whether messages end with a newline in the pipe, because it keeps no
  ///   boundaries.
  init(_ end: any NamedPipeEnd, isDelimited: Bool) {
    self.end = end
    self.isDelimited = isDelimited
    traits = ChannelTraits(
      sends: end.access.contains(.write), receives: end.access.contains(.read),
      peer: end.peer.map { "process \($0.pid)" })
  }

  func send(_ bytes: [UInt8]) throws(TransportError) {
    do throws(TransportError) {
      _ = try end.write((isDelimited ? bytes + [10] : bytes).span, deadline: .never)
    } catch {
      throw error.code == .noReader || error.code == .disconnected
        ? TransportError(.brokenPipe, error.operation) : error
    }
  }

  func receive() throws(TransportError) -> [UInt8] {
    while true {
      if isDelimited, let line = lines.withLock({ $0.next() }) { return line }
      let bytes: [UInt8]
      do throws(TransportError) { bytes = try readOnce() } catch {
        // What came without a newline at the end is a line, too.
        if isDelimited, let rest = lines.withLock({ $0.rest() }) { return rest }
        throw error.code == .disconnected ? TransportError(.endOfFile, error.operation) : error
      }
      if !isDelimited { return bytes }
      lines.withLock { $0.add(bytes) }
    }
  }

  /// One message, however long, or what there is of a stream.
  private func readOnce() throws(TransportError) -> [UInt8] {
    var whole: [UInt8] = []
    var hasMore = true
    while hasMore {
      whole += try [UInt8](capacity: RawPiece.size) { (buffer) throws(TransportError) in
        hasMore = try end.read(into: &buffer, deadline: .never)
      }
    }
    return whole
  }

  func close() { end.close() }
}

/// Puts lines together from pieces.
struct LineBuffer {
  private var bytes: [UInt8] = []
  private var start = 0
  private var searched = 0

  /// Adds a piece.
  mutating func add(_ piece: [UInt8]) {
    if start > 0 {
      bytes.removeFirst(start)
      searched -= start
      start = 0
    }
    bytes += piece
  }

  /// The next whole line without its newline.
  mutating func next() -> [UInt8]? {
    guard let end = bytes[searched...].firstIndex(of: 10) else {
      searched = bytes.count
      return nil
    }
    defer {
      start = end + 1
      searched = start
    }
    return Array(bytes[start..<end])
  }

  /// What is left without a newline; `nil` when nothing is.
  mutating func rest() -> [UInt8]? {
    if start == bytes.count { return nil }
    defer {
      bytes = []
      (start, searched) = (0, 0)
    }
    return Array(bytes[start...])
  }
}
