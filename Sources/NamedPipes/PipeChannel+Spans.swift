internal import IPCSystem
internal import IPCTransport

// The calls with spans, for the public types.
extension PipeChannel {
  /// What to ask the kernel for, which takes it twice and counts its own bookkeeping: a small packet
  /// costs 768 bytes. Much more than the quota would only spread the packets over more memory than
  /// the processor's caches hold.
  static func socketBuffer(quota: Int) -> Int32 { Int32(clamping: max(quota, 64 * 1024)) }

  /// Reads as the kind of pipe has it; returns whether there is more of the message.
  func read(
    into buffer: inout OutputSpan<UInt8>, kind: NamedPipes.Kind, deadline: Deadline
  ) throws(TransportError) -> Bool {
    var hasMore = false
    unsafe try append(to: &buffer) { (target) throws(TransportError) in
      if kind == .byte { return try unsafe readBytes(into: target, deadline: deadline) }
      let part = try unsafe readMessage(into: target, whole: false, deadline: deadline)
      hasMore = part.hasMore
      return part.count
    }
    return hasMore
  }

  /// Writes as the kind of pipe has it; returns how many bytes were taken.
  func write(
    _ bytes: Span<UInt8>, kind: NamedPipes.Kind, deadline: Deadline
  ) throws(TransportError) -> Int {
    if kind == .byte && bytes.isEmpty { return 0 }
    let result = unsafe bytes.withUnsafeBytes { bytes -> Result<Int, TransportError> in
      do throws(TransportError) {
        if kind == .byte {
          return .success(try unsafe writeBytes(bytes, deadline: deadline))
        }
        try unsafe write(bytes, deadline: deadline)
        return .success(bytes.count)
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Lends the free part of `buffer` to `body`, which says how many bytes it put there.
  @inline(__always)
  func append(
    to buffer: inout OutputSpan<UInt8>,
    _ body: (UnsafeMutableRawBufferPointer) throws(TransportError) -> Int
  ) throws(TransportError) {
    let failure = unsafe buffer.withUnsafeMutableBufferPointer {
      target, initialized -> TransportError? in
      do throws(TransportError) {
        initialized += try unsafe body(
          .init(UnsafeMutableBufferPointer(rebasing: target[initialized...])))
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
  }
}
