internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import NamedPipes

/// One talk: standard input to the other side, what comes from there to standard output.
///
/// Receiving and sending have a thread each; the calling thread decides when it is over.
final class Talk: Sendable {
  /// Something that happened in one of the threads.
  private enum Happening: Sendable {
    case open
    /// All of standard input was sent: how many messages, and whether the direction is closed.
    case inputEnded(sent: Int, isClosed: Bool)
    case otherSideClosed
    case counted
    case outputClosed
    case failed(TransportError)
    /// The other side reads no more. What it has said may still be on its way.
    case cannotSend(TransportError)
    case cannotPrint(SystemError)
  }

  private struct State {
    var happenings: [Happening] = []
    /// Changes with every message that was sent.
    var sent = 0
    var unsent = 0
  }

  private let meeting: Meeting
  private let listens: Bool
  private let count: Int?
  private let peeks: Bool
  private let state = Locked(State())
  private let bell: OwnedDescriptor
  private let ringer: DescriptorIO

  /// How long standard input has for what it still holds when the other side has closed.
  private static let grace: Int32 = 500

  init(_ meeting: Meeting, listens: Bool, count: Int?, peeks: Bool) throws {
    self.meeting = meeting
    self.listens = listens
    self.count = count
    self.peeks = peeks
    var ends = try Pipes.make(capacity: nil)
    bell = Self.take(&ends.readEnd)
    ringer = DescriptorIO(adopting: Self.take(&ends.writeEnd))
  }

  private static func take(_ end: inout OwnedDescriptor) -> OwnedDescriptor {
    let taken = end
    end = OwnedDescriptor(adopting: -1)
    return taken
  }

  /// Runs to the end and returns the exit code.
  func run() throws -> Int32 {
    let signals = try InterruptSignals()
    try SystemThread.start { self.receiveAll() }
    var inputEnded: (sent: Int, isClosed: Bool)?
    var channelIsOpen = false
    while true {
      for happening in try wait(signals.descriptor, -1) {
        switch happening {
        case .open: channelIsOpen = true
        case .failed(let error): throw error
        case .cannotSend(let error):
          try awaitOtherSide(signals)
          throw error
        case .cannotPrint(let error): throw EnvironmentError("standard output: \(error)")
        case .outputClosed: return outcome
        case .counted:
          // What answers the last message may be on its way from standard input.
          if inputEnded != nil || isatty(0) != 0 || peeks { return outcome }
          return try drainInput(signals, until: .after(.milliseconds(Self.grace)))
        case .inputEnded(let sent, let isClosed):
          inputEnded = (sent, isClosed)
          if endsWithInput(sent, isClosed) { return outcome }
        case .otherSideClosed:
          if inputEnded == nil && isatty(0) == 0 && channelIsOpen {
            return try drainInput(signals, until: .never)
          }
          return outcome
        }
      }
      if signals.take() != nil { return Exit.interrupted }
    }
  }

  private var outcome: Int32 {
    state.withLock { $0.unsent } == 0 ? Exit.done : Exit.failed
  }

  /// Whether there is nothing to wait for when the input has ended.
  private func endsWithInput(_ sent: Int, _ isClosed: Bool) -> Bool {
    !isClosed && sent > 0 && count == nil
  }

  /// Sends what standard input still holds: the other side may have closed its own direction only.
  private func drainInput(_ signals: borrowing InterruptSignals, until end: Deadline) throws
    -> Int32
  {
    while !end.hasPassed {
      let before = state.withLock { $0.sent }
      let happenings = try wait(signals.descriptor, Self.grace)
      if signals.take() != nil { return Exit.interrupted }
      for happening in happenings {
        switch happening {
        case .failed(let error), .cannotSend(let error): throw error
        case .inputEnded: return outcome
        default: break
        }
      }
      if state.withLock({ $0.sent }) == before && happenings.isEmpty { return outcome }
    }
    return outcome
  }

  /// Lets what the other side has said be printed, until it has closed or says nothing more.
  private func awaitOtherSide(_ signals: borrowing InterruptSignals) throws {
    while true {
      let happenings = try wait(signals.descriptor, Self.grace)
      if happenings.isEmpty || signals.take() != nil { return }
      for happening in happenings {
        switch happening {
        case .otherSideClosed, .failed, .outputClosed, .counted: return
        default: break
        }
      }
    }
  }

  /// Waits for something to happen, for a signal, or for so many milliseconds.
  private func wait(_ signals: Int32, _ milliseconds: Int32) throws -> [Happening] {
    var entries = [
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
      pollfd(fd: bell.raw, events: Int16(POLLIN), revents: 0),
    ]
    if unsafe poll(&entries, 2, milliseconds) == -1 && errno != EINTR {
      throw EnvironmentError("poll: \(SystemError(code: errno, call: "poll"))")
    }
    if entries[1].revents != 0 {
      var bytes = [UInt8](repeating: 0, count: 64)
      unsafe _ = read(bell.raw, &bytes, bytes.count)
    }
    return state.withLock { state in
      defer { state.happenings = [] }
      return state.happenings
    }
  }

  private func tell(_ happening: Happening) {
    state.withLock { $0.happenings.append(happening) }
    let byte: [UInt8] = [1]
    unsafe _ = byte.withUnsafeBytes { unsafe try? ringer.write($0, deadline: .never) }
  }

  // MARK: - Receiving

  private func receiveAll() {
    do throws(TransportError) {
      let channel = try open()
      tell(.open)
      if peeks { return try peek(channel) }
      if !channel.traits.isSpokenTo { try startSending(channel) }
      if !channel.traits.receives { return }
      var received = 0
      while true {
        let bytes = try channel.receive()
        if received == 0 && channel.traits.isSpokenTo { try startSending(channel) }
        guard print(meeting.isRaw ? bytes : bytes + [10]) else { return }
        received += 1
        if received == count { return tell(.counted) }
      }
    } catch {
      tell(error.code == .endOfFile ? .otherSideClosed : .failed(error))
    }
  }

  private func startSending(_ channel: any Channel) throws(TransportError) {
    if !channel.traits.sends { return }
    do throws(SystemError) { try SystemThread.start { self.sendAll(channel) } } catch {
      throw TransportError(error, "start a thread")
    }
  }

  private func open() throws(TransportError) -> any Channel {
    let text = meeting.address.text
    guard listens else {
      let channel = try meeting.connect()
      Output.message(
        "connected to \(text)" + (channel.traits.peer.map { ", \($0)" } ?? "") + hint(channel))
      return channel
    }
    let channel = try meeting.accept { place in
      let raw = meeting.isRaw ? " --raw" : ""
      Output.message(
        "listening at \(place). The other side: ipclab connect\(raw) \(meeting.address.word)")
    }
    if channel.traits.sends && !channel.traits.isSpokenTo {
      Output.message(
        "connected" + (channel.traits.peer.map { " to \($0)" } ?? "") + hint(channel))
    }
    return channel
  }

  /// What somebody at a terminal may want to know.
  private func hint(_ channel: any Channel) -> String {
    isatty(0) == 1 && channel.traits.sends && !peeks
      ? ". Type what you want to send; Ctrl-D ends it." : ""
  }

  /// - Returns: `false` when nobody reads what is printed.
  private func print(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = unsafe rest.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
      if written >= 0 {
        rest = rest.dropFirst(written)
        continue
      }
      let code = errno
      if code == EINTR { continue }
      tell(code == EPIPE ? .outputClosed : .cannotPrint(SystemError(code: code, call: "write")))
      return false
    }
    return true
  }

  /// Shows what is in the pipe, once something is.
  private func peek(_ channel: any Channel) throws(TransportError) {
    guard let end = (channel as? PipeChannel)?.end else { return }
    while true {
      let found = try end.peek(upTo: RawPiece.size)
      if found.available == 0 {
        // The pipe cannot be waited for without taking from it.
        usleep(10_000)
        continue
      }
      let endsLine = meeting.isRaw || found.bytes.last == 10
      guard print(endsLine ? found.bytes : found.bytes + [10]) else { return }
      let first = found.bytes.count + max(0, found.leftInMessage)
      Output.message(
        "\(found.available) bytes are there"
          + (end.info.kind == .message ? ", \(first) of them in the first message" : "")
          + "; nothing was taken")
      return tell(.counted)
    }
  }

  // MARK: - Sending

  private func sendAll(_ channel: any Channel) {
    do throws(TransportError) {
      let sent = meeting.isRaw ? try sendPieces(channel) : try sendLines(channel)
      if !channel.traits.receives { return tell(.inputEnded(sent: max(1, sent), isClosed: false)) }
      tell(.inputEnded(sent: sent, isClosed: channel.finishSending()))
    } catch {
      // `.closed` is this process's own doing, and it knows.
      if error.code == .closed { return }
      let isTheirs = error.code == .brokenPipe && channel.traits.receives
      tell(isTheirs ? .cannotSend(error) : .failed(error))
    }
  }

  private func sendPieces(_ channel: any Channel) throws(TransportError) -> Int {
    var sent = 0
    let size = min(RawPiece.size, channel.traits.longestMessage ?? RawPiece.size)
    while let piece = readInput(size) {
      try channel.send(piece)
      sent += 1
      state.withLock { $0.sent += 1 }
    }
    return sent
  }

  private func sendLines(_ channel: any Channel) throws(TransportError) -> Int {
    var lines = LineBuffer()
    var (sent, number) = (0, 0)
    while let piece = readInput(RawPiece.size) {
      lines.add(piece)
      while let line = lines.next() {
        number += 1
        if try send(line, number, channel) { sent += 1 }
      }
    }
    if let rest = lines.rest(), try send(rest, number + 1, channel) { sent += 1 }
    return sent
  }

  /// Sends a line. One that is too long is told and left out.
  private func send(
    _ line: [UInt8], _ number: Int, _ channel: any Channel
  ) throws(TransportError) -> Bool {
    var limit = channel.traits.longestMessage
    do throws(TransportError) {
      if let limit, line.count > limit {
        throw TransportError(.messageTooLarge, "send", limit: limit)
      }
      try channel.send(line)
      state.withLock { $0.sent += 1 }
      return true
    } catch {
      guard error.code == .messageTooLarge else { throw error }
      limit = error.limit ?? limit
      state.withLock { $0.unsent += 1 }
      Output.message(
        "line \(number) has \(line.count) bytes and was not sent: a message of \(meeting.address.id) "
          + "has at most \(limit.map(String.init) ?? "fewer") bytes")
      return false
    }
  }

  /// The next bytes of standard input; `nil` at its end.
  private func readInput(_ size: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: size)
    while true {
      let count = unsafe read(0, &bytes, size)
      if count > 0 { return Array(bytes.prefix(count)) }
      if count == 0 || errno != EINTR { return nil }
    }
  }
}
