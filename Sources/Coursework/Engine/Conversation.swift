internal import FoundationEssentials
internal import Glibc
internal import IPCSystem

/// What the runner and a check process say to each other: an order, a process id, a report.
struct Conversation {
  private let process: ChildProcess
  private let channel: Int32
  private let errors: Int32
  private var patience: Patience
  private var received: [UInt8] = []
  private(set) var errorOutput: [UInt8] = []
  private(set) var status = ExitStatus.exited(-1)
  private(set) var isLate = false
  /// The longest time for which this process, and so perhaps the whole machine, did not run.
  private(set) var longestGap: UInt64 = 0
  private static let longest = 8 << 20

  /// - Parameter seconds: What the check has; the check process sees to that itself, and is killed
  ///   some seconds later.
  init(_ process: ChildProcess, channel: Int32, errors: Int32, seconds: Double) {
    self.process = process
    self.channel = channel
    self.errors = errors
    patience = Patience(.milliseconds(Int64(seconds * 1000) + 10_000))
  }

  /// The last line, if it is a report.
  var report: CheckReport? {
    guard received.last == 0x0A,
      let line = received.split(separator: 0x0A).last(where: { $0.first == UInt8(ascii: "{") })
    else { return nil }
    return try? JSONDecoder().decode(CheckReport.self, from: Data(line))
  }

  /// Gives the order, and takes what comes until the process has ended.
  mutating func run(order: [UInt8]) throws {
    let pidfd = try prepared()
    var rest = order[...]
    var entries = [
      pollfd(fd: channel, events: Int16(POLLIN | POLLOUT), revents: 0),
      pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
      pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      let ready = unsafe poll(&entries, 3, patience.nextLook.pollMilliseconds)
      if ready < 0 && errno != EINTR { break }
      let isOver = patience.isOver()
      longestGap = max(longestGap, patience.longestGap)
      if ready == 0 {
        if !isOver { continue }
        if isLate { break }
        isLate = true
        kill()
        patience = Patience(.seconds(5))
        continue
      }
      if entries[0].revents & Int16(POLLOUT) != 0 {
        let count = unsafe rest.withUnsafeBytes {
          unsafe send(channel, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count > 0 { rest = rest.dropFirst(count) }
        if count < 0 && errno != EAGAIN { rest = [] }
        if rest.isEmpty { entries[0].events = Int16(POLLIN) }
      }
      take()
      if entries[0].revents & Int16(POLLHUP) != 0 { entries[0].fd = -1 }
      if entries[1].revents != 0, !takeErrors() { entries[1].fd = -1 }
      if entries[2].revents != 0 { break }
    }
    // Once more: it may have written while it ended.
    take()
    if let end = try process.poll() {
      status = end.status
    } else {
      process.signal(SIGKILL)
      status = try process.wait().status
    }
  }

  private func prepared() throws -> OwnedDescriptor {
    do {
      try Descriptors.setNonblocking(channel, true)
      return try process.openPidfd()
    } catch {
      process.signal(SIGKILL)
      _ = try? process.wait()
      throw error
    }
  }

  /// Kills the inner process, with which everything in its namespaces ends; the outer one then ends
  /// by itself. Without its number, the outer one, with which the inner one ends.
  private func kill() {
    let line = received.split(separator: 0x0A, maxSplits: 1).first ?? []
    guard let pid = Int32(String(decoding: line, as: UTF8.self)), pid > 1 else {
      return process.signal(SIGKILL)
    }
    _ = Glibc.kill(pid, SIGKILL)
  }

  private mutating func take() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe recv(channel, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count <= 0 { return }
      received += buffer.prefix(min(count, max(0, Self.longest - received.count)))
    }
  }

  private mutating func takeErrors() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    let count = unsafe read(errors, &buffer, buffer.count)
    if count <= 0 { return false }
    errorOutput = (errorOutput + buffer.prefix(count)).suffix(4096)
    return true
  }
}
