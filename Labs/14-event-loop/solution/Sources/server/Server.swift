import Glibc

func complain(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = write(2, bytes, bytes.count)
}

func fail(_ what: String) -> Never {
  complain("\(what): \(String(cString: strerror(errno)))")
  exit(1)
}

/// A Unix socket that listens at a path and never blocks.
func listen(at path: String) -> Int32 {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  let room = MemoryLayout.size(ofValue: address.sun_path)
  guard path.utf8.count < room else {
    complain("the path is longer than \(room - 1) bytes")
    exit(2)
  }
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  // A socket's name stays behind when its server ends.
  unlink(path)
  let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  let isBound = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
    }
  }
  guard isBound, Glibc.listen(listener, 128) == 0 else { fail("cannot listen at \(path)") }
  makeNonblocking(listener)
  return listener
}

func makeNonblocking(_ descriptor: Int32) {
  _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
}

/// One client: what it has sent of a line that is not complete, and what it has not taken yet.
struct Client {
  /// How many bytes of answers may wait for a client before no more requests are read from it.
  static let mostWaiting = 64 * 1024

  let descriptor: Int32
  var partial: [UInt8] = []
  var outgoing: [UInt8] = []
  /// How many bytes at the beginning of `outgoing` have been sent.
  var sent = 0
  /// Nothing more will be read: it has said `fim`, or has no more to say.
  var isEnding = false
  /// The connection is broken.
  var isGone = false

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  var hasToSend: Bool { sent < outgoing.count }
  var isFinished: Bool { isGone || (isEnding && !hasToSend) }

  /// What to wait for.
  var interest: Int16 {
    var events: Int32 = 0
    if !isEnding && outgoing.count - sent < Self.mostWaiting { events |= POLLIN }
    if hasToSend { events |= POLLOUT }
    return Int16(events)
  }

  /// Reads what is there, once, and answers the lines that it completes.
  mutating func receive() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &buffer, buffer.count)
    if count > 0 {
      for byte in buffer.prefix(count) where !isEnding { take(byte) }
    } else if count == 0 {
      isEnding = true
    } else if errno != EAGAIN && errno != EINTR {
      isGone = true
    }
  }

  private mutating func take(_ byte: UInt8) {
    if byte != UInt8(ascii: "\n") {
      partial.append(byte)
      return
    }
    outgoing += partial.map { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 ? $0 - 32 : $0 }
    outgoing.append(byte)
    isEnding = partial == Array("fim".utf8)
    partial = []
  }

  /// Sends as much as the socket takes at this moment.
  mutating func flush() {
    while hasToSend {
      // MSG_NOSIGNAL: a client that has left is an error of this call, not the end of the server.
      let count = outgoing.withUnsafeBytes {
        send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0 {
        if errno == EINTR { continue }
        if errno != EAGAIN { isGone = true }
        break
      }
      sent += count
    }
    if !hasToSend {
      outgoing.removeAll(keepingCapacity: true)
      sent = 0
    }
  }
}

@main struct Server {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      complain("usage: server SOCKET")
      exit(2)
    }
    let listener = listen(at: CommandLine.arguments[1])
    var clients: [Int32: Client] = [:]
    while true {
      var waiting = clients.values.map {
        pollfd(fd: $0.descriptor, events: $0.interest, revents: 0)
      }
      waiting.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0))
      if poll(&waiting, nfds_t(waiting.count), -1) < 0 {
        if errno == EINTR { continue }
        fail("poll")
      }
      for ready in waiting where ready.revents != 0 {
        if ready.fd == listener {
          let descriptor = accept(listener, nil, nil)
          if descriptor >= 0 {
            makeNonblocking(descriptor)
            clients[descriptor] = Client(descriptor)
          }
          continue
        }
        guard var client = clients.removeValue(forKey: ready.fd) else { continue }
        let hasInput = Int32(ready.revents) & (POLLIN | POLLHUP | POLLERR) != 0
        if hasInput && !client.isEnding { client.receive() }
        client.flush()
        if client.isFinished {
          close(client.descriptor)
        } else {
          clients[client.descriptor] = client
        }
      }
    }
  }
}
