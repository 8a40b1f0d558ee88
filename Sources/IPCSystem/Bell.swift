internal import CIPCShims
internal import Glibc

/// Bells: one-byte packets over a connected local socket, which say nothing but “look again”, for
/// ends that otherwise talk through shared memory. The socket also tells when the peer is gone.
extension DescriptorIO {
  /// Why waiting for a bell ended.
  public enum BellOutcome: Sendable {
    /// It rang.
    case rang
    /// The peer is gone.
    case gone
  }

  /// Rings the peer's bell. Wraps `send(2)`. That it does not fit behind bells not yet heard is no
  /// error: those will do.
  ///
  /// - Returns: Whether the peer is still there.
  @inline(__always)
  public func ring() -> Bool {
    do {
      _ = try perform("send", .write, deadline: .never) { descriptor in
        var byte: UInt8 = 1
        let sent = unsafe Glibc.send(
          descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        return sent == -1 && errno == EAGAIN ? 1 : sent
      }
      return true
    } catch { return false }
  }

  /// Waits until the bell rings. Wraps `recv(2)`: without a deadline that is the only call.
  ///
  /// - Throws: `ETIMEDOUT`; `EBADF` after `close()`.
  @inline(__always)
  public func waitForBell(deadline: Deadline) throws(SystemError) -> BellOutcome {
    while true {
      let flags: Int32 = deadline.isNever ? 0 : Int32(MSG_DONTWAIT)
      let size = try perform("recv", .read, deadline: .never) { descriptor in
        Self.bellOutcome(descriptor, flags)
      }
      if size > Self.nothing { return .rang }
      if size == Self.gone { return .gone }
      try waitForInput(deadline: deadline)
    }
  }

  /// Takes the bells that have rung, without waiting.
  ///
  /// - Returns: Whether the peer is still there.
  public func takeBells() -> Bool {
    // A peer that rings without end is heard again next time.
    for _ in 0..<64 {
      let size =
        try? perform("recv", .read, deadline: .never) { descriptor in
          Self.bellOutcome(descriptor, Int32(MSG_DONTWAIT))
        }
      if size == Self.gone { return false }
      if size == Self.nothing || size == nil { return true }
    }
    return true
  }

  /// Whether the peer has closed its end or died, bells or not. Wraps `poll(2)`.
  public func hasHungUp() -> Bool {
    let ready = try? perform("poll", .write, deadline: .never) { descriptor in
      var entry = pollfd(fd: descriptor, events: Int16(Self.peerShutdown), revents: 0)
      let count = unsafe poll(&entry, 1, 0)
      // One more: 0 is what a closed object gives.
      return count == -1 ? -1 : Int(count) + 1
    }
    return ready != 1
  }

  private static var peerShutdown: Int32 { 0x2000 }  // POLLRDHUP
  private static var gone: Int { 1 }
  private static var nothing: Int { 2 }

  /// 1 when the peer is gone, 2 when nothing is there, 3 when a bell was taken, -1 for errors.
  @inline(__always)
  private static func bellOutcome(_ descriptor: Int32, _ flags: Int32) -> Int {
    var bytes: UInt64 = 0
    let size = unsafe recv(descriptor, &bytes, 8, flags)
    if size > 0 { return nothing + 1 }
    if size == 0 || errno == ECONNRESET { return gone }
    return errno == EAGAIN ? nothing : -1
  }
}
