internal import CIPCShims
internal import Glibc

// Looking at a pipe. Like the other calls, these throw EBADF once `close()` was called.
extension DescriptorIO {
  /// How many bytes wait in the pipe, asked at either end. Wraps `ioctl(FIONREAD)`.
  public func bytesWaiting(_ direction: Direction) throws(SystemError) -> Int {
    try perform("ioctl(FIONREAD)", direction, deadline: .never) { Int(cipc_bytes_waiting($0)) }
  }

  /// Whether no process has the other end open any more. Bytes may still wait. Wraps `poll(2)`.
  public func isOtherEndGone(_ direction: Direction) throws(SystemError) -> Bool {
    try perform("poll", direction, deadline: .never) {
      var entry = pollfd(fd: $0, events: 0, revents: 0)
      return unsafe Int(Glibc.poll(&entry, 1, 0))
    } == 1
  }

  /// Waits until there is something to read or the other end is gone, and reads nothing.
  public func waitForInput() throws(SystemError) {
    _ = try perform("poll", .read, deadline: .never) {
      var entry = pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      return unsafe Int(Glibc.poll(&entry, 1, -1))
    }
  }

  /// Copies up to `limit` bytes that wait in the pipe and leaves them there. Wraps `tee(2)`.
  ///
  /// - Returns: Fewer bytes when fewer wait; none when the pipe is empty.
  public func peek(upTo limit: Int) throws(SystemError) -> [UInt8] {
    let waiting = min(limit, try bytesWaiting(.read))
    guard waiting > 0 else { return [] }
    // A copy shares the pages and takes as many slots as the original: the pipe that receives it
    // must have as many.
    let capacity = try perform("fcntl(F_GETPIPE_SZ)", .read, deadline: .never) {
      Int(cipc_get_pipe_size($0))
    }
    let scratch = try Pipes.make(capacity: capacity)
    let target = scratch.writeEnd.raw
    let copied = try perform("tee", .read, deadline: .never) {
      let count = cipc_tee($0, target, waiting)
      // Another reader may have taken everything meanwhile: that is not a reason to wait.
      return count == -1 && errno == EAGAIN ? 0 : count
    }
    var bytes = [UInt8](repeating: 0, count: copied)
    var filled = 0
    while filled < copied {
      let source = scratch.readEnd.raw
      filled += try retrying("read") {
        unsafe bytes.withUnsafeMutableBytes {
          unsafe Glibc.read(source, $0.baseAddress.map { unsafe $0 + filled }, copied - filled)
        }
      }
    }
    return bytes
  }
}
