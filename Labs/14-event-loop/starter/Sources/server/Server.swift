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
    // TASK 3: what is to be waited for? TASK 4: what not?
    unfinished("TASK 3: Client.interest")
  }

  /// Reads what is there, once, and answers the lines that it completes.
  mutating func receive() {
    // TASK 2: read once; keep what is not a complete line. TASK 4: the end of the input.
    unfinished("TASK 2: Client.receive")
  }

  /// Sends as much as the socket takes at this moment.
  mutating func flush() {
    // TASK 4: send as much as the socket takes, and keep the rest.
    unfinished("TASK 4: Client.flush")
  }
}

@main struct Server {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      complain("usage: server SOCKET")
      exit(2)
    }
    // TASK 1: listen, and wait with poll for the listener and all clients.
    unfinished("TASK 1: the event loop, in Sources/server/Server.swift")
  }
}

/// Says what is still to be written, and ends the program.
func unfinished(_ what: String) -> Never {
  complain("not written yet: \(what)")
  exit(1)
}
