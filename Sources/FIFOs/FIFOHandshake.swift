internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// How a client and a server agree on a pair of FIFOs.
///
/// The client makes the pair, opens it, and writes one line with the pair's id to the well-known
/// FIFO. The server opens the other ends, removes both names and answers with one byte. Neither
/// trusts the other for a path: the names follow from the server's own path and the id.
enum FIFOHandshake {
  static let acknowledgement: UInt8 = 0x06

  private static let prefix = Array("ipclab-fifo ".utf8)
  private static let idLength = 16

  /// The announcement. It begins with a newline too, so that what somebody else wrote before it
  /// without one is not taken for a part of it. Far below `PIPE_BUF`: the write is atomic.
  static func announcement(_ id: String) -> [UInt8] { [10] + prefix + Array(id.utf8) + [10] }

  /// The longest line that can be an announcement, without the newline.
  static let longestLine = prefix.count + idLength

  /// The id in a line; `nil` when the line is something else.
  static func id(in line: ArraySlice<UInt8>) -> String? {
    guard line.count == longestLine, line.starts(with: prefix) else { return nil }
    let id = line.dropFirst(prefix.count)
    guard id.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
    return String(decoding: id, as: UTF8.self)
  }

  static func requestPath(_ server: String, _ id: String) -> String { "\(server).\(id).request" }
  static func replyPath(_ server: String, _ id: String) -> String { "\(server).\(id).reply" }

  static func remove(_ server: String, _ id: String) {
    unsafe _ = unlink(requestPath(server, id))
    unsafe _ = unlink(replyPath(server, id))
  }

  // MARK: - Client

  static func connect(
    to server: String, deadline: Deadline
  ) throws(TransportError) -> FramedStream {
    // Without a reader on it this fails at once: no server.
    let bell = DescriptorIO(adopting: try FIFO.open(server, O_WRONLY), nonblocking: true)
    defer { bell.close() }
    let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
    let id = String(repeating: "0", count: idLength - digits.count) + digits
    defer { remove(server, id) }
    try FIFO.create(at: requestPath(server, id))
    try FIFO.create(at: replyPath(server, id))
    let replies = try FIFO.open(replyPath(server, id), O_RDONLY)
    // A FIFO can be opened for writing only while somebody has it open for reading: that is this
    // process itself until the server does.
    let placeholder = try FIFO.open(requestPath(server, id), O_RDONLY)
    let requests = try FIFO.open(requestPath(server, id), O_WRONLY)
    FramedStream.enlarge(pipe: requests.raw)
    FramedStream.enlarge(pipe: replies.raw)

    try announce(id, to: server, bell, deadline)
    try awaitAnswer(on: replies.raw, from: server, bell.descriptor, deadline)
    placeholder.close()
    try translating("connect to FIFO \(server)") { () throws(SystemError) in
      try Descriptors.setNonblocking(replies.raw, false)
      try Descriptors.setNonblocking(requests.raw, false)
    }
    return FramedStream(
      input: DescriptorIO(adopting: replies), output: DescriptorIO(adopting: requests))
  }

  private static func announce(
    _ id: String, to server: String, _ bell: DescriptorIO, _ deadline: Deadline
  ) throws(TransportError) {
    let line = announcement(id)
    do throws(SystemError) {
      _ = try bell.perform("write", .write, deadline: deadline) { descriptor in
        unsafe write(descriptor, line, line.count)
      }
    } catch {
      throw error.code == EPIPE
        ? gone(server) : TransportError(error, "announce to FIFO \(server)")
    }
  }

  /// Waits for the server's byte. The server's own FIFO is watched as well: it tells when the server
  /// dies or stops to serve before it has come to this client.
  private static func awaitAnswer(
    on replies: Int32, from server: String, _ bell: Int32, _ deadline: Deadline
  ) throws(TransportError) {
    while true {
      var entries = [
        pollfd(fd: replies, events: Int16(POLLIN), revents: 0),
        pollfd(fd: bell, events: 0, revents: 0),
      ]
      let ready = unsafe poll(&entries, 2, deadline.pollMilliseconds)
      let code = errno
      if ready == -1 {
        if code == EINTR { continue }
        throw TransportError(SystemError(code: code, call: "poll"), "connect to FIFO \(server)")
      }
      if ready == 0 {
        if !deadline.hasPassed { continue }
        throw TransportError(
          .timedOut, "connect to FIFO \(server)", remedy: "The server does not accept")
      }
      if entries[0].revents == 0 {
        // The answer may have come between the two looks.
        entries[0].revents = 0
        _ = unsafe poll(&entries, 1, 0)
      }
      guard entries[0].revents != 0 else { throw gone(server) }
      var byte: UInt8 = 0
      let count = unsafe read(replies, &byte, 1)
      if count == -1 && (errno == EINTR || errno == EAGAIN) { continue }
      if count == 1 && byte == acknowledgement { return }
      if count == 1 {
        throw TransportError(.protocolViolation, "connect to FIFO \(server)")
      }
      throw gone(server)
    }
  }

  private static func gone(_ server: String) -> TransportError {
    TransportError(.notFound, "connect to FIFO \(server)", remedy: "The server has ended meanwhile")
  }
}
