public import IPCSystem

/// One end of a bare byte stream: reads and writes reach the system call unchanged.
@safe public final class StreamEnd: NativeEnd {
  /// What may be done with the end.
  public enum Access: Sendable {
    /// Only reading.
    case reading
    /// Only writing.
    case writing
    /// Both.
    case both
  }

  private let io: DescriptorIO
  private let access: Access
  private let identifiesPeer: Bool

  /// Takes over one end.
  ///
  /// - Parameter identifiesPeer: Whether `io` is a local socket that knows its peer.
  public init(_ io: DescriptorIO, _ access: Access, identifiesPeer: Bool = false) {
    self.io = io
    self.access = access
    self.identifiesPeer = identifiesPeer
  }

  /// One `write(2)`. See ``NativeEnd/write(_:deadline:)``.
  public func write(_ bytes: [UInt8], deadline: Deadline) throws(TransportError) -> Int {
    guard access != .reading else {
      throw TransportError(.notSupported, "write to the end for reading")
    }
    let result = unsafe bytes.withUnsafeBytes { source -> Result<Int, SystemError> in
      do throws(SystemError) {
        return .success(unsafe try io.write(source, deadline: deadline))
      } catch { return .failure(error) }
    }
    return try translating("write \(bytes.count) bytes") { () throws(SystemError) in
      try result.get()
    }
  }

  /// One `read(2)`. See ``NativeEnd/read(upTo:deadline:)``.
  public func read(upTo limit: Int, deadline: Deadline) throws(TransportError) -> NativeRead {
    guard access != .writing else {
      throw TransportError(.notSupported, "read from the end for writing")
    }
    guard limit > 0 else { throw TransportError(.invalidArgument, "read \(limit) bytes") }
    var bytes = [UInt8](repeating: 0, count: limit)
    let result = unsafe bytes.withUnsafeMutableBytes { target -> Result<Int, SystemError> in
      do throws(SystemError) {
        return .success(unsafe try io.read(into: target, deadline: deadline))
      } catch { return .failure(error) }
    }
    let count = try translating("read") { () throws(SystemError) in try result.get() }
    if count == 0 { throw TransportError(.endOfFile, "read") }
    bytes.removeLast(limit - count)
    return NativeRead(bytes: bytes)
  }

  /// The process at the other end of a local socket.
  public var peer: PeerIdentity? {
    identifiesPeer ? try? LocalSocket.peer(of: io.descriptor) : nil
  }

  /// Closes the end. A thread inside a call leaves it with `.closed`.
  public func close() { io.close() }
}
